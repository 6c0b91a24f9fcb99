"""The report of `duotempo adapt`: curves, the prompts' family tree, drift, retention, costs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from duotempo.adapt.run import Adapted
from duotempo.study.base import Figure, Point, Series
from duotempo.study.page import Block, Code, Heading, Prose, Quote, Table, page

Row = Mapping[str, Any]
DRIFTS = {
    "own": "under the prompt in use",
    "seed": "under the seed prompt",
    "broad": "on the broad mixture",
}


def report(name: str, done: Adapted, command: str) -> str:
    """The page of a run, for a task of this name."""
    first, last = done.rows[0], done.rows[-1]
    blocks: list[Block] = [
        Prose(headline(first, last)),
        Code(command),
        *figures(done.rows),
        Heading("The prompt"),
        Quote(last["prompt"], "the best one, stored for this task in prompts.json"),
        *family(done.tree),
        Heading("Drift and what was kept"),
        drift(last),
        *retention(done.retention),
        Heading("Cycle by cycle"),
        cycles(done.rows),
        Heading("Seconds by part"),
        seconds(last),
    ]
    return page(f"Adapted to {name}", blocks)


def headline(first: Row, last: Row) -> str:
    """What came of it in a sentence or two."""
    fast, slow = last["rollouts"]["fast"], last["rollouts"]["slow"]
    return (
        f"Mean score on the test: {first['test']:.2f} before, {last['test']:.2f} after "
        f"{last['cycle']} cycles; under the seed prompt the adapted weights score "
        f"{last['seed_test']:.2f}. The weights moved in {last['steps']} steps of "
        f"{last['offered']}. "
        f"Answers drawn: {fast:,} to judge prompts, {slow:,} for the weights"
        + (f", {last['reused']:,} used for both." if last["reused"] else ".")
        + (f" The verifier failed on {last['faults']:,} answers." if last["faults"] else "")
    )


def figures(rows: Sequence[Row]) -> Iterator[Figure]:
    """Scores against steps and against rollouts; drift."""
    scores = {"test, best prompt": "test", "test, seed prompt": "seed_test", "reward": "reward"}
    by: tuple[tuple[str, Callable[[Row], float]], ...] = (
        ("steps of the weights that were kept", lambda row: row["offered"]),
        ("answers drawn, those that prompts were judged by included", rollouts),
    )
    for label, x in by:
        series = [line(name, rows, x, itemgetter(key)) for name, key in scores.items()]
        yield Figure(
            f"Scores by {label}", label, "mean score", tuple(s for s in series if s.points)
        )
    moved = [
        line(said, rows, rollouts, lambda row, key=key: row["kl"][key])
        for key, said in DRIFTS.items()
    ]
    if any(point.mean for series in moved for point in series.points):
        title, label = "How far the weights moved", "answers drawn"
        yield Figure(title, label, "KL, nats a token", tuple(moved))


def rollouts(row: Row) -> float:
    """All answers drawn so far."""
    return float(row["rollouts"]["fast"] + row["rollouts"]["slow"])


def line(
    name: str, rows: Sequence[Row], x: Callable[[Row], float], y: Callable[[Row], Any]
) -> Series:
    """A curve; cycles without a value have no point, of cycles at one place the last counts."""
    found = {float(x(row)): float(y(row)) for row in rows if y(row) is not None}
    return Series(name, tuple(Point(at, v, v, v) for at, v in sorted(found.items())))


def family(tree: Sequence[Row]) -> list[Block]:
    """All prompts that ever joined, each below the one it was made from."""
    said = [
        (
            str(prompt["number"]),
            str(prompt["cycle"] + 1) if prompt["parent"] is not None else "",
            prompt["by"],
            "yes" if prompt["alive"] else "no",
            "\N{EM SPACE}" * (depth - 1)
            + "\N{BOX DRAWINGS LIGHT UP AND RIGHT} " * (depth > 0)
            + prompt["text"],
        )
        for depth, prompt in descended(tree, None, 0)
    ]
    head = ("number", "in cycle", "by", "alive", "text, below that which it was made from")
    caption = "A prompt joins when it is better than the one it was made from on a few problems."
    return [Heading("Family tree of the prompts"), Table(head, said, caption)]


def descended(tree: Sequence[Row], parent: int | None, depth: int) -> Iterator[tuple[int, Row]]:
    """Children of a prompt with theirs below them, and how deep each stands."""
    for prompt in tree:
        if prompt["parent"] == parent:
            yield depth, prompt
            yield from descended(tree, prompt["number"], depth + 1)


def drift(last: Row) -> Table:
    """The three KLs."""
    rows = [(said, f"{last['kl'][key]:.3f}") for key, said in DRIFTS.items()]
    return Table(("KL to the model before", "nats a token"), rows)


def retention(kept: Mapping[str, tuple[float, float]]) -> list[Block]:
    """Earlier tasks, each under the prompt stored for it."""
    if not kept:
        return [Prose("No earlier task of this model was at hand to be tested again.")]
    rows = [(name, f"{then:.2f}", f"{now:.2f}") for name, (then, now) in kept.items()]
    return [Table(("earlier task", "when stored", "now"), rows)]


def cycles(rows: Sequence[Row]) -> Table:
    """What each cycle did, and why its weights moved or not."""
    said = [
        (
            str(row["cycle"]),
            "" if row["reward"] is None else f"{row['reward']:.2f}",
            f"{row['test']:.2f}",
            f"{row['kl']['broad']:.3f}",
            f"{rollouts(row):,.0f}",
            str(row["prompts"]),
            row["verdict"],
        )
        for row in rows
    ]
    return Table(("cycle", "reward", "test", "KL broad", "answers", "prompts", "weights"), said)


def seconds(last: Row) -> Table:
    """Where the time went, since the run was last started."""
    whole = sum(last["seconds"].values()) or 1.0
    rows = [(part, f"{s:.1f}", f"{s / whole:.0%}") for part, s in last["seconds"].items()]
    return Table(("part", "seconds", "share"), rows)
