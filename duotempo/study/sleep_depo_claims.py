"""What the rows of sleep-depo say: hops against passes, the controls, one model for any number."""

from collections.abc import Mapping, Sequence

from duotempo.recipes.sleep import ARMS
from duotempo.study.base import Claim, Figure, Point, Row, Series
from duotempo.study.stats import by_seed, claim, interval, mean, minus

BIG = "12 nodes, "
SAMPLED = "N sampled"
GUARDED = ("N=4", SAMPLED)
FIXED = {"N=1": 1, "N=2": 2, "N=3": 3, "N=4": 4, "N=6": 6}
CONTROLS = tuple(arm for arm in ARMS if arm not in FIXED and arm != SAMPLED)


def metrics(hops: int) -> Mapping[str, str]:
    """Name -> meaning."""
    asked = {
        f"hop.{hop}": f"right answers {hop} hops on, share; x: passes a sleep has at test"
        for hop in range(1, hops + 1)
    }
    return {
        **asked,
        "guard.right": "right answers over all hops when a guard chooses each window's passes",
        "guard.passes": "passes that the guard keeps, mean",
        "guard.fixed": "right answers on the same rows; x: passes, the same for all windows",
        "parameters": "weights of the model",
        "steps": "steps of training",
        "train.seconds": "seconds of training",
    }


def own(arm: str) -> float:
    """The passes that an arm is asked after when it is compared: those it was trained with."""
    bare = arm.removeprefix(BIG)
    if bare in FIXED:
        return float(FIXED[bare])
    if bare == SAMPLED:
        return 6.0 if arm.startswith(BIG) else 4.0
    return float(ARMS[bare].passes)


def at(rows: Sequence[Row], arm: str, hop: int, passes: float | None = None) -> dict[int, float]:
    """Seed -> right answers."""
    return by_seed(rows, arm, f"hop.{hop}", own(arm) if passes is None else passes)


def claims(rows: Sequence[Row]) -> list[Claim]:
    """Every claim that the rows can bear; a smoke run has few."""
    wanted = [
        ("hop 4: N=4 minus N=1", minus(at(rows, "N=4", 4), at(rows, "N=1", 4)), ">= 0.3"),
        ("hop 1: N=4 from N=1, either way", _apart(rows, 1), "<= 0.02"),
        ("hop 4: least of N=4 minus most of N=1, ends of their intervals", _gap(rows), "> 0"),
        (
            "hop 4, one checkpoint: 4 passes minus 1 pass",
            minus(at(rows, SAMPLED, 4, 4.0), at(rows, SAMPLED, 4, 1.0)),
            ">= 0.4",
        ),
    ]
    for arm in CONTROLS:
        difference = minus(at(rows, "N=4", 4), at(rows, arm, 4))
        wanted.append((f"hop 4: N=4 minus {arm}", difference, ">= 0"))
    big = minus(at(rows, BIG + "N=4", 6), at(rows, BIG + "N=1", 6))
    wanted += [
        ("12 nodes, hop 6: N=4 minus N=1", big, ">= 0.3"),
        (
            "12 nodes, hop 4: N=4 minus N=2",
            minus(at(rows, BIG + "N=4", 4), at(rows, BIG + "N=2", 4)),
            ">= 0",
        ),
        (
            "N=2 at hop 4: 4 passes at test minus 2",
            minus(at(rows, "N=2", 4, 4.0), at(rows, "N=2", 4, 2.0)),
            ">= 0",
        ),
        (
            "one checkpoint at hop 4: 8 passes, never trained, minus 4",
            minus(at(rows, SAMPLED, 4, 8.0), at(rows, SAMPLED, 4, 4.0)),
            ">= -0.02",
        ),
    ]
    made = [claim(text, values, target) for text, values, target in wanted if values]
    return made + _regrets(rows)


def _apart(rows: Sequence[Row], hop: int) -> list[float]:
    return [abs(value) for value in minus(at(rows, "N=4", hop), at(rows, "N=1", hop))]


def _gap(rows: Sequence[Row]) -> list[float]:
    """How far the 95 % intervals of N=4 and N=1 at hop 4 lie apart."""
    four, one = (list(at(rows, arm, 4).values()) for arm in ("N=4", "N=1"))
    return [interval(four)[1] - interval(one)[2]] if four and one else []


def _regrets(rows: Sequence[Row]) -> list[Claim]:
    """The best fixed number of passes over seeds minus what the guard's choice gets."""
    found = []
    for arm in GUARDED:
        chosen = by_seed(rows, arm, "guard.right")
        fixed = [by_seed(rows, arm, "guard.fixed", float(n)) for n in range(1, 9)]
        fixed = [each for each in fixed if each]
        if chosen and fixed:
            best = max(fixed, key=lambda each: mean(list(each.values())))
            text = f"{arm}: best fixed number of passes minus the guard's choice"
            found.append(claim(text, minus(best, chosen), "<= 0.02"))
    return found


def figures(rows: Sequence[Row]) -> list[Figure]:
    """Hops by passes; one checkpoint; the controls; the larger graph."""
    return [
        _hops(
            rows,
            list(FIXED),
            "Passes before eviction, hops after it: 8 nodes, equal steps",
        ),
        one_checkpoint(rows, SAMPLED, "Same weights, same question, more sleep"),
        _controls(rows),
        _hops(rows, [BIG + arm for arm in FIXED], "12 nodes, up to 6 hops, equal steps"),
        one_checkpoint(
            rows, BIG + SAMPLED, "One checkpoint on 12 nodes, 1 to 6 passes in training"
        ),
    ]


def _hops(rows: Sequence[Row], arms: Sequence[str], title: str) -> Figure:
    series = []
    for arm in arms:
        points = tuple(
            Point(float(hop), *interval(list(values.values())))
            for hop in range(1, 7)
            if (values := at(rows, arm, hop))
        )
        if points:
            series.append(Series(arm.removeprefix(BIG), points))
    return Figure(
        title=title,
        x_label="hops asked for",
        y_label="right answers (share)",
        series=tuple(series),
        caption="Edges are evicted before the question. Each arm is asked after the passes it was "
        "trained with; bands are over seeds.",
    )


def one_checkpoint(rows: Sequence[Row], arm: str, title: str) -> Figure:
    """Right answers of an arm against passes at test, a curve a number of hops."""
    series = []
    for hop in range(1, 7):
        metric = f"hop.{hop}"
        places = sorted({r.x for r in rows if (r.arm, r.metric) == (arm, metric) and r.x})
        points = (Point(x, *interval(list(by_seed(rows, arm, metric, x).values()))) for x in places)
        if places:
            series.append(Series(f"{hop} hop" + "s" * (hop > 1), tuple(points)))
    return Figure(
        title=title,
        x_label="passes of sleep at test",
        y_label="right answers (share)",
        series=tuple(series),
    )


def _controls(rows: Sequence[Row]) -> Figure:
    shown = [
        (arm, list(values.values())) for arm in ("N=1", "N=4", *CONTROLS)
        if (values := at(rows, arm, 4))
    ]  # fmt: skip
    return Figure(
        title="What else could explain it: 4 hops on 8 nodes",
        x_label="arm",
        y_label="right answers (share)",
        series=tuple(
            Series(arm, (Point(i + 1.0, *interval(values)),), "dots")
            for i, (arm, values) in enumerate(shown)
        ),
    )
