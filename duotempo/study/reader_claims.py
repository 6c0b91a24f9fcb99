"""What the reader's rows say: recall, generation, harm, the inverted U, memory, lookup."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from duotempo.study.base import Claim, Row
from duotempo.study.documents import KINDS, PARTS
from duotempo.study.stats import claim, exact_claim

NEXT = tuple(f"next {part}" for part in range(1, PARTS + 1))
KINDS_OF_STATE = ("weights", "latents")
VOICES = {
    "none": "untouched model",
    "alone": "model with its fast state",
    "mixed": "both voices mixed",
    "full": "untouched model with everything in context",
}
SCORED = {
    "recall": "evicted passages without context, bits/token",
    **dict.fromkeys(NEXT, "512 tokens that follow, window before them, bits/token"),
    "other": "prose that was not read, bits/token",
    "manual": "technical documentation, bits/token",
    "window": "text still in the window (mixed: the guard's loss), bits/token",
    "cued": "facts answered from their sentence's beginning, share right among 10",
    "cloze": "facts answered from other words, share right among 10",
    "ask": "chat questions answered, share right among 10",
}
METRICS = {f"{n}.{v}": f"{what}: {who}" for n, what in SCORED.items() for v, who in VOICES.items()}
METRICS |= {
    "ask.full": "the same with the whole text in the question's turn",
    "ask.lookup": "chat questions answered from four looked-up sentences, share right among 10",
    "ask.lookup and alone": "the same sentences read by the model with its fast state",
    "ask.lookup and mixed": "the same sentences read by both voices mixed",
    "ask.found": "questions whose right sentence was looked up, share",
    "pick.generate": "passes that the guard keeps to go on writing",
    "pick.remember": "passes that the guard keeps to remember",
    "off.same": "1 if weights and losses without a state are bit-identical after everything",
}


@dataclass(frozen=True)
class Table:
    """Rows by arm, metric and passes; `next` averages the continuations of a document."""

    values: Mapping[tuple[str, str, float | None, int], float]

    @staticmethod
    def of(rows: Iterable[Row]) -> "Table":
        return Table({(r.arm, r.metric, r.x, r.seed): r.value for r in rows})

    def seeds(self, arm: str) -> list[int]:
        return sorted({seed for a, _, _, seed in self.values if a == arm})

    def at(self, arm: str, metric: str, seed: int, x: float | None = None) -> float:
        """One value; metric "next.voice" is the mean over continuations."""
        if metric.startswith("next."):
            names = [f"{part}{metric[4:]}" for part in NEXT]
            return fmean(self.values[arm, name, x, seed] for name in names)
        return self.values[arm, metric, x, seed]

    def passes(self, arm: str, seed: int) -> list[float]:
        """Every N at which this document was measured."""
        key = (arm, "recall.mixed")
        return sorted(
            x for a, m, x, s in self.values if (a, m, s) == (*key, seed) and x is not None
        )

    def pick(self, arm: str, mode: str, seed: int) -> float:
        return self.values[arm, f"pick.{mode}", None, seed]

    def voiced(self, arm: str, name: str, voice: str, n: float, seed: int) -> float:
        """What a voice scores after n passes; after none every voice is the untouched model."""
        return self.at(arm, f"{name}.{voice}" if n else f"{name}.none", seed, n)

    def kept(self, arm: str, name: str, mode: str, seed: int) -> float:
        """The mixture's score at the guard's pick."""
        return self.voiced(arm, name, "mixed", self.pick(arm, mode, seed), seed)


def claims(rows: Sequence[Row]) -> list[Claim]:
    """Each number that the study was asked for, against its target, also where it is missed."""
    table, found = Table.of(rows), []
    for state in KINDS_OF_STATE:
        arms = [f"{state} {kind}" for kind in KINDS if table.seeds(f"{state} {kind}")]
        for arm in arms:
            found += _memory(table, arm) + _generation(table, arm)
        found += _control(table, arms) + _inverted_u(table, arms)
    return found + _harm(table) + _asked(table)


def _closed(pairs: Sequence[tuple[float, float]]) -> float:
    """Gain over gain of full context, both summed over documents."""
    return sum(mine for mine, _ in pairs) / sum(whole for _, whole in pairs)


def gains(
    table: Table, arm: str, name: str, score: Callable[[int], float]
) -> list[tuple[float, float]]:
    """(gain of `score`, gain of full context) over no memory, a pair for each document."""
    full = f"full context {arm.split()[-1]}"
    seeds = [seed for seed in table.seeds(arm) if seed in table.seeds(full)]
    none = {seed: table.at(arm, f"{name}.none", seed, 0.0) for seed in seeds}
    return [
        (none[seed] - score(seed), none[seed] - table.at(full, f"{name}.full", seed))
        for seed in seeds
    ]


def _memory(table: Table, arm: str) -> list[Claim]:
    pairs = gains(table, arm, "recall", lambda s: table.kept(arm, "recall", "remember", s))
    if not pairs:
        return []
    target = ">= 0.85" if arm.endswith("diary") else ">= 0"
    text = f"{arm}: recall, share of the gap to full context closed (guard: remember, mixed)"
    found = [claim(text, pairs, target, _closed)]
    if arm.endswith("diary"):
        seeds = table.seeds(arm)
        right = [
            (table.kept(arm, "cued", "remember", s), table.at("full context diary", "cued.full", s))
            for s in seeds
        ]
        text = f"{arm}: cued answers, share of full context's right ones (guard: remember, mixed)"
        found.append(claim(text, right, ">= 0.65", _closed))
    return found


def _generation(table: Table, arm: str) -> list[Claim]:
    pairs = gains(table, arm, "next", lambda s: table.kept(arm, "next", "generate", s))
    regret = [
        table.kept(arm, "next", "generate", s)
        - min(table.voiced(arm, "next", "mixed", n, s) for n in (0.0, *table.passes(arm, s)))
        for s in table.seeds(arm)
    ]
    found = [
        claim(
            f"{arm}: next text at the guard's N, over the best measured N (mixed, bits/token)",
            regret,
            "<= 0.02",
        )
    ]
    if pairs:
        target = ">= 0.75" if arm.endswith("diary") else ">= 0.60"
        text = f"{arm}: next text, share of the gap to full context closed (guard: generate, mixed)"
        found.insert(0, claim(text, pairs, target, _closed))
        text = f"{arm}: next text, gain over no memory (guard: generate, mixed, bits/token)"
        found.insert(1, claim(text, [mine for mine, _ in pairs], "> 0"))
    return found


def _control(table: Table, arms: Sequence[str]) -> list[Claim]:
    """How much of the gain stays away when the state is another document's."""
    return [
        claim(
            f"{arm}: share of the gain {what} that is memory of it, not style",
            pairs,
            "> 0",
            _closed,
        )
        for arm in arms
        for name, what in (("next", "on next text"), ("recall", "in recall"))
        if (pairs := _own(table, arm, name))
    ]


def _own(table: Table, arm: str, name: str) -> list[tuple[float, float]]:
    """(gain over another document's state, gain over no memory), a pair for each document."""
    state, kind = arm.split()
    other = f"{state} of another {kind}"
    pairs = []
    for seed in (s for s in table.seeds(other) if s in table.seeds(arm)):
        mine = table.kept(arm, name, "generate", seed)
        theirs, none = (
            table.at(other, f"{name}.mixed", seed),
            table.at(arm, f"{name}.none", seed, 0.0),
        )
        pairs.append((theirs - mine, none - mine))
    return pairs


def _inverted_u(table: Table, arms: Sequence[str]) -> list[Claim]:
    found = []
    for arm in (a for a in arms if a.endswith("prose")):
        seeds = [s for s in table.seeds(arm) if 8 in table.passes(arm, s)]
        if not seeds:
            continue
        harm = [
            table.at(arm, "next.alone", s, 8.0) - table.at(arm, "next.none", s, 0.0) for s in seeds
        ]
        rise = [
            table.at(arm, "recall.alone", s, 4.0) - table.at(arm, "recall.alone", s, 8.0)
            for s in seeds
        ]
        text = f"{arm}, unguarded and unmixed: next text after N=8, over no memory (bits/token)"
        found.append(claim(text, harm, "> 0"))
        text = f"{arm}, unguarded and unmixed: recall still won from N=4 to N=8 (bits/token)"
        found.append(claim(text, rise, "> 0"))
    return found


def _states(table: Table) -> list[str]:
    """Every arm that slept, ablations included (other shares are claims of their own)."""
    arms = {arm for arm, metric, _, _ in table.values if metric == "pick.generate"}
    return sorted(arms)


def _harm(table: Table) -> list[Claim]:
    every = [
        (arm, s, n)
        for arm in _states(table)
        for s in table.seeds(arm)
        for n in table.passes(arm, s)
    ]
    if not every:
        return []
    found = []
    for name, target in (("next", "<= 0.01"), ("other", "<= 0.05"), ("manual", "<= 0.05")):
        worst = max(
            table.at(arm, f"{name}.mixed", s, n) - table.at(arm, f"{name}.none", s, 0.0)
            for arm, s, n in every
        )
        text = f"{name}: mixed over no memory, worst of {len(every)} states measured (bits/token)"
        found.append(exact_claim(text, worst, target))
    worst = max(
        table.at(arm, f"{part}.mixed", s, n) - table.at(arm, f"{part}.none", s, 0.0)
        for arm, s, n in every
        for part in NEXT
    )
    text = f"next: the same for the worst single continuation of {len(every) * PARTS} (bits/token)"
    same = [value for (_, metric, _, _), value in table.values.items() if metric == "off.same"]
    return [
        *found,
        exact_claim(text, worst, "<= 0.05"),
        exact_claim("state off: least share of runs bit-identical to before", min(same), "== 1"),
    ]


def _asked(table: Table) -> list[Claim]:
    arm, seeds = "weights diary", table.seeds("weights diary")
    if not seeds:
        return []
    ways = ("lookup", "alone", "mixed", "lookup and alone", "lookup and mixed", "none")
    found = [
        claim(
            f"ask: right answers among 10, {way}",
            [table.at(arm, f"ask.{way}", s) for s in seeds],
            ">= 0.6" if way == "lookup" else ">= 0",
        )
        for way in ways
    ]
    full = table.seeds("full context diary")
    if full:
        values = [table.at("full context diary", "ask.full", s) for s in full]
        found.append(claim("ask: right answers among 10, full context", values, ">= 0"))
    return found
