"""Shapley values: what each of a few players adds, averaged over all orders in which they come."""

from collections.abc import Callable
from itertools import combinations
from math import factorial

from duotempo.core import UserError

MOST = 5


def shapley(count: int, value: Callable[[frozenset[int]], float]) -> list[float]:
    """One number a player; they sum to value(all) - value(none).

    `value` is asked once for each of the 2^count sets of players. Raises `UserError` for more than
    five. Source: Shapley 1953, A Value for n-Person Games.
    """
    if count > MOST:
        raise UserError(
            f"{count} groups take {2**count} runs a fact: join some of them, {MOST} are the most"
        )
    players = range(count)
    sets = [frozenset(s) for size in range(count + 1) for s in combinations(players, size)]
    worth = {present: value(present) for present in sets}
    found = [0.0] * count
    for player in players:
        for present in sets:
            if player not in present:
                size = len(present)
                weight = factorial(size) * factorial(count - size - 1) / factorial(count)
                found[player] += weight * (worth[present | {player}] - worth[present])
    return found
