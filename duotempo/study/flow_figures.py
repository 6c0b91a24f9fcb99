"""Figures of a flow report: shares, steps to the margin, whom answers follow, words by depth."""

import math
from collections.abc import Mapping, Sequence

from duotempo.flow.estimate import Estimate
from duotempo.flow.report import Report
from duotempo.flow.shares import BIAS, ShareRow
from duotempo.flow.subject import ATTENTION, EMBED, LATENT, MEMORY, PERSISTENT, TAILS, WEIGHTS
from duotempo.flow.swap import AS_IT_IS, SwapRow
from duotempo.flow.trail import Trail
from duotempo.study.chart import visible
from duotempo.study.chart_bars import Bar, Bars, Part, Steps
from duotempo.study.chart_heat import Columns, Grid, Matrix, Shade, Two
from duotempo.study.figure import number

FIXED = {
    "context": "series-1",
    ATTENTION: "series-1",
    TAILS: "series-1",
    WEIGHTS: "series-2",
    "slots": "series-4",
    PERSISTENT: "series-4",
    LATENT: "series-4",
    EMBED: "series-6",
    BIAS: "rule",
}
STORES = ("series-3", "series-5")
OTHER = "bad"
"""The colour of mixed writes."""
LOGITS = "logits of the margin"
DEEPEST = 1000
"""A rank at which the answer has no colour any more."""


def colours(found: Report) -> Mapping[str, str]:
    """A colour for every group and channel of a report: the same in all of its figures."""
    names = [row.group for row in found.shares.rows]
    names += [row.place.channel for row in found.emergence.depths]
    stores = [name for name in dict.fromkeys(names) if name.startswith(MEMORY.rstrip("."))]
    two = len(stores) <= len(STORES)
    own = {name: STORES[at if two else 0] for at, name in enumerate(stores)}
    return {name: own.get(name) or FIXED.get(name, OTHER) for name in names}


def _value(found: Estimate | None) -> float | None:
    return None if found is None else found.value


def bars(found: Report) -> Bars:
    """Totals of each class above its direct parts, or above the reason why there are none."""
    by, rows, said = colours(found), [], []
    for kind in found.facts:
        own = [row for row in found.shares.rows if row.kind == kind]
        if not own:
            continue
        total = [
            Part(row.group, row.total.value, by[row.group], _percent(row))
            for row in own
            if row.total
        ]
        parts = [
            Part(row.group, row.direct.value, by[row.group], _label(row.group, row.direct.value))
            for row in own
            if row.direct
        ]
        note = "" if parts else "refused: the parts do not sum to the margin"
        rows += [Bar(kind, "total", tuple(total)), Bar(kind, "direct", tuple(parts), note)]
        said.append(f"{kind}: " + ", ".join(f"{p.name} {number(p.value)}" for p in total))
    return Bars(
        "What the margin of each class of facts is owed to, and who wrote it",
        f"Totals in logits. {'; '.join(said)}. All numbers stand in the table below.",
        "Total: what is lost, on the average over all orders, when a group is taken away; its "
        "share of the sum stands in the bar. Direct: who wrote the answer's direction, whoever "
        "knew it. A group whose direct part is longer than its total passes on what others gave "
        "it. The margin is the answer's logit above the mean of the alternatives: direct parts sum "
        "to it, totals to what of it is lost with all groups.",
        LOGITS,
        tuple(rows),
    )


def _percent(row: ShareRow) -> str:
    """A share, where the sum of totals is something to have a share of."""
    return "" if row.share is None else _signed(f"{row.share:.0%}")


def _label(group: str, value: float) -> str:
    """A direct part in its bar; the pale one of biases has none."""
    return "" if group == BIAS else _signed(f"{value:.1f}")


def _signed(text: str) -> str:
    """A number with a real minus."""
    return text.replace("-", "\N{MINUS SIGN}")


def waterfall(found: Report, kind: str) -> Steps:
    """The direct parts of one class, write by write, up to its margin."""
    by = colours(found)
    steps = [row for row in found.shares.steps if row.kind == kind]
    plain = next(row for row in found.swap if row.kind == kind and row.how == AS_IT_IS)
    margin = _value(plain.margin) or 0.0
    parts = [Part(s.place.name, s.value.value, _of(by, s.place.channel)) for s in steps]
    most = sorted(parts, key=lambda part: -abs(part.value))[:3]
    largest = ", ".join(f"{part.name} {_signed(f'{part.value:+.2f}')}" for part in most)
    names = dict.fromkeys(step.place.channel for step in steps)
    return Steps(
        f"{kind}: the margin as the sum of all writes",
        f"The margin of {kind} facts is {margin:.2f} logits; its largest steps are {largest}.",
        f"Largest steps: {largest}. A step says who wrote the answer's direction; whether it "
        "knew the answer or passed it on is said by the totals.",
        "logits",
        tuple(parts),
        tuple((name, _of(by, name)) for name in names),
        Part("margin", margin, "ink"),
    )


def _of(by: Mapping[str, str], channel: str) -> str:
    return by.get(channel) or FIXED.get(channel, OTHER)


def matrix(found: Report) -> Matrix:
    """Whom the answers of each class follow when something is taken away."""
    rows = {(row.groups, row.how, row.kind): row for row in found.swap}
    kinds = [kind for kind in found.facts if ((), AS_IT_IS, kind) in rows]
    columns = []
    for groups in dict.fromkeys(row.groups for row in found.swap):
        hows = dict.fromkeys(row.how for row in found.swap if row.groups == groups)
        kept = [how for how in hows if any(rows[groups, how, kind].keep for kind in kinds)]
        cells = tuple(tuple(_two(rows[groups, how, kind]) for how in kept) for kind in kinds)
        heads = tuple(how if groups else "" for how in kept)
        if kept:
            columns.append(Columns(" + ".join(groups) or AS_IT_IS, heads, cells))
    return Matrix(
        "What answers do when a part is taken away, or taken from the twin",
        f"{_followed(found, kinds)}. All numbers stand in the table below.",
        "Left: how many facts are still answered right. Right: how many get the twin's answer. "
        "Zero: nothing in its place; mean: the mean write; random: a stranger's state; "
        "rival: the twin's, the one to believe. None: does not apply.",
        tuple(kinds),
        (("keeps its answer", "series-6"), ("takes the twin's answer", "series-2")),
        tuple(columns),
    )


def _two(row: SwapRow) -> Two:
    return _value(row.keep), _value(row.follow)


def _followed(found: Report, kinds: Sequence[str]) -> str:
    """The rival rows in words."""
    said = [
        f"{row.kind} with {row.groups[0]} from the twin: {row.follow.value:.2f} follow it"
        for row in found.swap
        if row.how == "rival" and len(row.groups) == 1 and row.follow and row.kind in kinds
    ]
    return "; ".join(said) or "Nothing could be taken from a twin"


def trail(found: Report, one: Trail) -> Grid:
    """The words of one question by depth and token."""
    by, answer = colours(found), visible(one.answer.strip() or one.answer)
    cells = []
    for at, place in enumerate(one.places):
        row = zip(one.top[at], one.probability[at], one.rank[at], one.tokens, strict=True)
        cells.append(
            tuple(
                Shade(
                    visible(top),
                    max(0.0, 1 - math.log(rank) / math.log(DEEPEST)),
                    rank == 1,
                    f"after {place.name}, at {visible(token)}: likeliest {visible(top)}; "
                    f"{answer} has rank {rank:,}, probability {probability:.3g}",
                )
                for top, probability, rank, token in row
            )
        )
    ends = [place.name for place, rank in zip(one.places, one.rank, strict=True) if rank[-1] == 1]
    first = f"first after {ends[0]}" if ends else "first after no write"
    verdict = "chooses it" if one.right else "does not choose it"
    return Grid(
        f"{one.kind}: the likeliest word after every write, at every token of one question",
        f"At the last token the answer, {answer}, is {first}. The table below has every depth.",
        f"The first fact of its class, {visible(one.fact)}, and no more than an example. The "
        f"answer is {answer}; of the candidates the model {verdict}. Bold: the answer is first "
        "here. A lens sees what is written in the head's own directions and nothing else. Where "
        "not all tokens fit, the last ones are shown.",
        tuple(visible(token) for token in one.tokens),
        tuple((place.name, _of(by, place.channel)) for place in one.places),
        tuple(cells),
        (f"rank of the answer: {DEEPEST:,} or worse", "1"),
        "good",
    )
