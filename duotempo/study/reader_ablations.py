"""What each ablation costs: the same documents, slept on in another way, over the default."""

from collections.abc import Sequence

from duotempo.study.base import Claim
from duotempo.study.documents import KINDS
from duotempo.study.reader_claims import Table
from duotempo.study.stats import claim

LAST = 4.0  # passes that every ablation was given


def ablations(table: Table) -> list[Claim]:
    """Gain of each ablation that the default has beyond it; the interval of two documents is
    no more than the two values."""
    found = []
    for arm in _arms(table):
        default = f"weights {arm.split()[-1]}"
        seeds = [s for s in table.seeds(arm) if s in table.seeds(default)]
        if seeds:
            found += _ablation(table, arm, default, seeds)
    return found + [c for kind in KINDS for c in _shares(table, kind)]


def _arms(table: Table) -> list[str]:
    """Every arm that slept and is not a main one."""
    slept = {arm for arm, metric, _, _ in table.values if metric == "pick.generate"}
    return sorted(arm for arm in slept if not arm.startswith(("weights ", "latents ")))


def _ablation(table: Table, arm: str, default: str, seeds: Sequence[int]) -> list[Claim]:
    """What is compared is the gain over no memory, each with its own window before the text."""

    def kept(which: str, seed: int) -> float:
        none = table.at(which, "next.none", seed, 0.0)
        return table.kept(which, "next", "generate", seed) - none

    def last(which: str, metric: str, seed: int) -> float:
        name = metric.split(".")[0]
        return table.at(which, metric, seed, LAST) - table.at(which, f"{name}.none", seed, 0.0)

    def lost(metric: str) -> list[float]:
        return [last(arm, metric, s) - last(default, metric, s) for s in seeds]

    versus = f"gain lost to the default's, {len(seeds)} documents (bits/token)"
    picked = [kept(arm, s) - kept(default, s) for s in seeds]
    return [
        claim(f"{arm}: next text at the guard's N, mixed, {versus}", picked, ">= -0.02"),
        claim(f"{arm}: next text at N={LAST:g}, alone, {versus}", lost("next.alone"), ">= -0.02"),
        claim(f"{arm}: recall at N={LAST:g}, mixed, {versus}", lost("recall.mixed"), ">= -0.02"),
    ]


def _shares(table: Table, kind: str) -> list[Claim]:
    """Other shares, over the default one, at the guard's N."""
    default = f"weights {kind}"
    arms = {a for a, _, _, _ in table.values if a.startswith("share ") and a.endswith(kind)}
    found = []
    for arm in sorted(arms, key=lambda name: float(name.split()[1])):
        seeds = [s for s in table.seeds(arm) if table.pick(default, "generate", s)]
        differences = [
            table.at(arm, "next.mixed", s, table.pick(default, "generate", s))
            - table.kept(default, "next", "generate", s)
            for s in seeds
        ]
        if differences:
            text = f"{arm}: next text at the guard's N, mixed, over share 0.02's (bits/token)"
            found.append(claim(text, differences, ">= -0.02"))
    return found
