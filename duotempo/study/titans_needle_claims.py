"""What the needles' rows say: recall by distance, other kinds, twins, the price in prose."""

from collections.abc import Sequence

from duotempo.study.base import Claim, Figure, Point, Row, Series
from duotempo.study.stats import by_seed, claim, curve, exact_claim, interval

BEST, WINDOW, FULL = "mag", "window", "full attention"
MEMORIES = ("mag", "mac", "mal", "lmm", "gated delta", "no momentum, no decay")
ARMS = (*MEMORIES, WINDOW, FULL)
METRICS = {
    "passkey": "five digits recalled exactly, share of streams; x: bytes read",
    "passkey.signs": "digits recalled, share; x: bytes read",
    "passkey.streams": "streams asked",
    "number": "seven digits of one named number, exact, share; x: bytes of the text",
    "number.signs": "the same by digit",
    "word": "a word and its full stop, exact, share; x: bytes of the text",
    "word.signs": "the same by character",
    "keys": "five digits of one of four named keys, exact, share; x: bytes of the text",
    "keys.signs": "the same by digit",
    "inside": "passkey in a text of 80 bytes, most of it within the window, exact, share",
    "inside.signs": "the same by digit",
    "depth": "passkey in texts of 8,192 bytes, exact; x: the quarter of the text it stands in",
    "bits": "bits per byte of held-out prose",
    "state": "bytes of state a stream; x: bytes read",
    "read.seconds": "CPU seconds to read a byte; x: bytes read at the end of the stretch",
    "parameters": "weights of the model",
    "train.seconds": "seconds of training",
    "train.bytes": "bytes seen in training",
}
AIMS = {65_536.0: ">= 0.99", 1_048_576.0: ">= 0.95", 2_097_152.0: ">= 0.9"}


def claims(rows: Sequence[Row]) -> list[Claim]:
    """Every claim that the rows can bear; a smoke run has few."""
    found = [
        _mean(rows, BEST, "passkey", x, f"{BEST}: passkey after {x:,.0f} bytes, exact", aim)
        for x, aim in AIMS.items()
    ]
    for metric, text in (("number", "number"), ("word", "word"), ("keys", "one of four keys")):
        found += [
            _mean(rows, BEST, metric, x, f"{BEST}: {text} in {x:,.0f} bytes, exact", ">= 0.9")
            for x in _places(rows, BEST, metric)
        ]
    found += [
        _mean(rows, WINDOW, "inside", x, f"{WINDOW} twin inside its window, exact", ">= 0.95")
        for x in _places(rows, WINDOW, "inside")
    ]
    beyond = [x for x in _places(rows, WINDOW, "passkey") if x >= 2048]
    if beyond:
        best = max(max(by_seed(rows, WINDOW, "passkey", x).values()) for x in beyond)
        found.append(exact_claim(f"{WINDOW} twin beyond its window, exact, most", best, "<= 0.01"))
    return [*(c for c in found if c is not None), *_twins(rows), *_flat(rows)]


def _twins(rows: Sequence[Row]) -> list[Claim]:
    """The best memory beside its twins: recall at the twins' last distance, prose."""
    found = []
    for arm in (*MEMORIES[1:], FULL):
        places = _places(rows, arm, "passkey")
        x = min(places[-1], 65_536.0) if places else 0.0
        text = f"{arm}: passkey after {x:,.0f} bytes, exact (reported)"
        found.append(_mean(rows, arm, "passkey", x, text, ">= 0"))
    mine, other = by_seed(rows, BEST, "bits"), by_seed(rows, WINDOW, "bits")
    both = sorted(mine.keys() & other.keys())
    if both:
        difference = [mine[seed] - other[seed] for seed in both]
        text = f"{BEST} minus {WINDOW} twin: bits per byte of held-out prose"
        found.append(claim(text, difference, "<= 0"))
    return [c for c in found if c is not None]


def _flat(rows: Sequence[Row]) -> list[Claim]:
    """The state's size, and the time of a byte, from the first stretch to the last."""
    places = _places(rows, BEST, "state")
    if not places or len(by_seed(rows, BEST, "state", places[-1])) == 0:
        return []
    first, last = (by_seed(rows, BEST, "state", x) for x in (places[0], places[-1]))
    ratio = max(last[seed] / first[seed] for seed in last)
    text = f"{BEST}: state after {places[-1]:,.0f} bytes over that after {places[0]:,.0f}"
    return [exact_claim(text, ratio, "== 1")]


def _mean(
    rows: Sequence[Row], arm: str, metric: str, x: float, text: str, target: str
) -> Claim | None:
    values = list(by_seed(rows, arm, metric, x).values())
    return claim(text, values, target) if values else None


def _places(rows: Sequence[Row], arm: str, metric: str) -> list[float]:
    found = {r.x for r in rows if (r.arm, r.metric) == (arm, metric) and r.x is not None}
    return sorted(found)


def figures(rows: Sequence[Row]) -> list[Figure]:
    """Recall by distance; the price in prose."""
    there = [arm for arm in ARMS if _places(rows, arm, "passkey")]
    far = Figure(
        title="A memory that writes seldom recalls a passkey at any distance; a window does not",
        x_label="bytes read since the stream began",
        y_label="passkeys recalled exactly (share)",
        series=tuple(
            curve(rows, arm, "passkey", style="line" if arm in MEMORIES else "dashed")
            for arm in there
        ),
        log_x=True,
        caption="Mean over seeds; the needle stands in the first 2,000 bytes of each stream.",
    )
    bits = Figure(
        title="Bits per byte of held-out prose, by arm",
        x_label="arm",
        y_label="bits per byte",
        series=tuple(
            Series(arm, (Point(i + 1.0, *interval(values)),), "dots")
            for i, arm in enumerate(there)
            if (values := list(by_seed(rows, arm, "bits").values()))
        ),
        caption="Equal parameters, data and steps. Lower is better.",
    )
    return [far, bits]
