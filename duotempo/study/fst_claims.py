"""What the rows of `fst-rulebook` say, and how they look."""

from collections.abc import Sequence

from duotempo.adapt.measures import saturation
from duotempo.study.base import Claim, Figure, Row
from duotempo.study.fst_arms import (
    ARMS,
    BASE,
    CYCLES,
    FST,
    ONCE,
    PROMPT,
    RL,
    RL_FASTER,
    RL_GENTLE,
    RL_KL,
    RL_PROMPT,
    SELF,
    SEQUENCE,
    SEQUENTIAL,
    TAGGED,
)
from duotempo.study.stats import by_seed, claim, curve, geometric, mean, minus, over, there

Values = dict[int, float]
Said = list[tuple[str, list[float], str]]
RIVALS = (RL_FASTER, RL, RL_GENTLE, RL_KL)
STEPS = 6 * CYCLES
"""Steps of a stage: what a run that never got to the level is counted with."""
SCENES = ("changing", "scarce", "unsayable")
HALF = float(STEPS // 2)


RATIOS = ("over ours", "over ours, search included")
"""Endings of claims about ratios: their mean is the geometric one."""


def all_claims(rows: Sequence[Row]) -> list[Claim]:
    """Against reinforcement learning, against the controls, and in the settings."""
    found: Said = []
    for arm in (FST, SELF):
        found += against_rl(rows, arm)
    found += kept_claims(rows) + controls(rows) + scene_claims(rows)
    return [
        claim(text, values, target, geometric if text.endswith(RATIOS) else mean)
        for text, values, target in found
        if values
    ]


def reached(rows: Sequence[Row], arm: str, metric: str) -> Values:
    """Steps or rollouts to the level, of every seed that has run; where it was never reached, all
    there were: the run was too short to tell."""
    whole = "rollouts" if metric.startswith("rollouts") else None
    ends = by_seed(rows, arm, "rollouts")
    got = by_seed(rows, arm, metric)
    return {seed: got.get(seed, end if whole else float(STEPS)) for seed, end in ends.items()}


def best_rival(rows: Sequence[Row]) -> str:
    """The arm of reinforcement learning with the fewest steps to the level."""
    steps = {arm: list(reached(rows, arm, "steps.to").values()) for arm in RIVALS}
    return min((arm for arm in RIVALS if steps[arm]), key=lambda a: mean(steps[a]), default=RL)


def against_rl(rows: Sequence[Row], arm: str) -> Said:
    """What the issue of this study asked for."""
    rival = best_rival(rows)
    steps, rollouts = (
        over(reached(rows, rival, metric), reached(rows, arm, metric))
        for metric in ("steps.to", "rollouts.to")
    )
    drift = over(by_seed(rows, arm, "kl.broad"), by_seed(rows, rival, "kl.broad"))
    found: Said = [
        (f"{arm}: steps to 0.9 of the best RL arm ({rival}) over ours", steps, ">= 3"),
        (f"{arm}: rollouts to 0.9 of that arm over ours, search included", rollouts, ">= 2"),
        (f"{arm}: KL on the broad mixture over that arm's", drift, "<= 0.3"),
        (
            f"{arm}: KL on the broad mixture over that of `{RL_GENTLE}`, the same rate",
            over(by_seed(rows, arm, "kl.broad"), by_seed(rows, RL_GENTLE, "kl.broad")),
            "< 1",
        ),
    ]
    tops, theirs = (asymptotes(rows, each) for each in (arm, rival))
    text = f"{arm}: asymptote (sigmoid fit) minus that arm's"
    found.append((text, minus(tops, theirs), ">= 0"))
    for x in (HALF, float(STEPS)):
        plastic = minus(by_seed(rows, arm, "probe", x), by_seed(rows, BASE, "probe", x))
        found.append((f"{arm}: probe after {x:.0f} steps minus the base's", plastic, ">= -0.05"))
    return found


def asymptotes(rows: Sequence[Row], arm: str) -> Values:
    """Where each seed's curve levels, no higher than all right."""
    curves: dict[int, list[tuple[float, float]]] = {}
    for row in rows:
        if row.arm == arm and row.metric == "accuracy" and row.x is not None:
            curves.setdefault(row.seed, []).append((row.x, row.value))
    return {
        seed: min(1.0, saturation(sorted(points)).top)
        for seed, points in curves.items()
        if len(points) >= 4
    }


def average(rows: Sequence[Row], arm: str, metric: str, numbers: Sequence[int]) -> list[float]:
    """The mean over tasks, by seed."""
    values = [by_seed(rows, arm, metric, float(n)) for n in numbers]
    return [mean([value[seed] for value in values]) for seed in values[0]] if values[0] else []


def kept_claims(rows: Sequence[Row]) -> Said:
    """Right answers to four tasks after all four."""
    every, earlier = range(len(SEQUENCE)), range(len(SEQUENCE) - 1)
    found: Said = []
    for arm in ARMS:
        target = ">= 0.85" if arm in (FST, SELF) else "> 0"
        found.append(
            (f"{arm}: four tasks after the fourth", average(rows, arm, "kept", every), target)
        )
    for arm in (FST, SELF):
        kept, learned = (average(rows, arm, m, earlier) for m in ("kept", "learned"))
        left = [k / max(v, 1e-9) for k, v in zip(kept, learned, strict=True)]
        found.append((f"{arm}: earlier tasks, share of what was learned", left, ">= 0.85"))
        found.append(
            (
                f"{arm}: skills minus the base's",
                minus(by_seed(rows, arm, "skills"), by_seed(rows, BASE, "skills")),
                ">= -0.1",
            )
        )
    return found


def controls(rows: Sequence[Row]) -> Said:
    """Interleaving against search first, search last, and search alone."""
    found: Said = []
    last = float(STEPS)
    ours = reached(rows, FST, "steps.to")
    for other in (SEQUENTIAL, RL_PROMPT, PROMPT):
        theirs = reached(rows, other, "steps.to")
        found.append((f"{FST}: steps to 0.9 of `{other}` over ours", over(theirs, ours), "> 1"))
    first, then = (by_seed(rows, arm, "accuracy", last) for arm in (FST, SEQUENTIAL))
    found.append((f"{FST} minus `{SEQUENTIAL}`: right at the end", minus(first, then), "> 0"))
    mixed, apart = (average(rows, arm, "kept", range(len(SEQUENCE))) for arm in (FST, SEQUENTIAL))
    both = [a - b for a, b in zip(mixed, apart, strict=False)]
    found.append((f"{FST} minus `{SEQUENTIAL}`: four tasks after the fourth", both, "> 0"))
    return found


def scene_claims(rows: Sequence[Row]) -> Said:
    """Where prompts do not stay right."""
    found: Said = []
    for scene in SCENES:
        ours = by_seed(rows, f"{scene}: {FST}", "accuracy", float(STEPS))
        for other in (SEQUENTIAL, RL_FASTER, PROMPT):
            theirs = by_seed(rows, f"{scene}: {other}", "accuracy", float(STEPS))
            text = f"{scene}: right at the end, {FST} minus `{other}`"
            found.append((text, minus(ours, theirs), "> 0"))
    ours, once = (by_seed(rows, f"scarce: {a}", "accuracy", float(STEPS)) for a in (FST, ONCE))
    found.append((f"scarce: right at the end, {FST} minus `{ONCE}`", minus(ours, once), "> 0"))
    return found


def all_figures(rows: Sequence[Row]) -> list[Figure]:
    """Accuracy by steps, the probe, what is kept, and the settings."""
    main = (FST, SELF, RL_FASTER, RL_KL, SEQUENTIAL, PROMPT)
    probed = (FST, SELF, RL_FASTER, RL_KL, BASE)
    shown = [
        ("One task: right answers by steps", "steps of the weights offered",
         [curve(rows, arm, "accuracy") for arm in main],
         f"{SEQUENCE[0]}; the best prompt of the hour. Prompts are sought before the first step."),
        ("Plasticity: a second task from the weights of the first", "steps",
         [curve(rows, arm, "probe") for arm in probed],
         f"Fresh reinforcement learning of {SEQUENCE[1]} under the seed prompt."),
        ("Four tasks after the fourth", "number of the task",
         [curve(rows, arm, "kept") for arm in (FST, SELF, SEQUENTIAL, RL_FASTER, RL_KL, TAGGED)],
         "Each under the prompt that was stored for it."),
    ]  # fmt: skip
    for scene in SCENES:
        series = [
            curve(rows, f"{scene}: {arm}", "accuracy", name=arm)
            for arm in (FST, SEQUENTIAL, RL_FASTER, PROMPT)
        ]
        shown.append((f"Where prompts do not stay right: {scene}", "steps", series, SAID[scene]))
    return [
        Figure(title, label, "share of right answers", there(series), caption=caption)
        for title, label, series, caption in shown
    ]


SAID = {
    "changing": "After 60 steps the rule becomes another one, which is what is asked all along.",
    "scarce": "So little search that the first prompt is half right.",
    "unsayable": "The last digit is changed in a way that no word names.",
}
