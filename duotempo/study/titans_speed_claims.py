"""What the rows of titans-speed say: over the peer, of the limit, in memory, at every position."""

from collections.abc import Sequence

from duotempo.study.base import Claim, Figure, Point, Row, Series
from duotempo.study.stats import by_seed, claim, curve, exact_claim, interval
from duotempo.study.titans_decoding import CACHE, DECODED
from duotempo.study.titans_systems import OURS, PEER, PRECISIONS

MATMUL, STREAM = "matrix products", "stream"
SETTINGS = tuple((precision, threads) for precision in PRECISIONS for threads in (1, 2))
TARGETS = {
    "deep": {"forward": ">= 4", "both": ">= 3.5"},
    "deep by chunk": {"forward": ">= 4", "both": ">= 3.5"},
    "linear": {"forward": ">= 10", "both": ">= 10"},
}
WORDS = {"forward": "forward", "both": "forward and backward"}


def setting(precision: str, threads: int) -> str:
    """The arm of a number format and a count of threads."""
    return f"{precision}, {threads} thread{'s' * (threads > 1)}"


METRICS = {
    f"{what} {p} {t}": f"{WORDS[what]}, whole layer, {setting(p, t)}, tokens/s"
    for what in WORDS
    for p, t in SETTINGS
}
METRICS |= {
    f"share {what} {p} {t}": f"{WORDS[what]}, {setting(p, t)}: share of the limit of its products"
    for what in WORDS
    for p, t in SETTINGS
}
METRICS |= {
    f"limit {p} {t}": f"one large matrix product, {setting(p, t)}, GFLOP/s" for p, t in SETTINGS
}
METRICS |= {
    "growth forward": "peak memory over a forward call, MiB",
    "growth both": "peak memory over a forward and backward call, MiB",
    "decode": "one more token at this position, batch one, fp32, one thread, ms",
    "held": "bytes of state or cache at this position",
    "first eager": "first scan of one chunk, seconds",
    "first compiled": "first scan of one chunk, compilation included, seconds",
    "eager": "scans of one chunk, best of 20, tokens/s",
    "compiled": "the same through torch.compile, tokens/s",
    "stream growth": "peak memory from token 10,000 to the end of the stream, MiB",
    "stream start": "median speed of the first tenth behind token 10,000, tokens/s",
    "stream end": "median speed of the last tenth, tokens/s",
    "stream bytes": "bytes of the state",
    "stream weights": "weights of the small model",
}


def claims(rows: Sequence[Row]) -> list[Claim]:
    """Each number that was asked for, against its target, also where it is missed."""
    found = []
    for precision, threads in SETTINGS:
        for what in WORDS:
            found += _over_peer(rows, what, precision, threads)
            found += _of_limit(rows, what, precision, threads)
    return found + _growth(rows) + _decoding(rows) + _compiled(rows) + _stream(rows)


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    return sum(a for a, _ in pairs) / sum(b for _, b in pairs)


def _pairs(a: dict[int, float], b: dict[int, float]) -> list[tuple[float, float]]:
    return [(a[seed], b[seed]) for seed in a if seed in b]


def _places(rows: Sequence[Row], arm: str, metric: str) -> list[float]:
    return sorted({r.x for r in rows if (r.arm, r.metric) == (arm, metric) and r.x is not None})


def _tokens(rows: Sequence[Row]) -> float | None:
    """The length of a call that everything was measured at."""
    return next((r.x for r in rows if r.arm == MATMUL), None)


def _over_peer(rows: Sequence[Row], what: str, precision: str, threads: int) -> list[Claim]:
    metric, x, found = f"{what} {precision} {threads}", _tokens(rows), []
    for name in OURS:
        pairs = _pairs(by_seed(rows, name, metric, x), by_seed(rows, PEER, metric, x))
        if pairs:
            text = f"{name}: {WORDS[what]}, speed over the peer's, {setting(precision, threads)}"
            found.append(claim(text, pairs, TARGETS[name][what], _ratio))
    return found


def _of_limit(rows: Sequence[Row], what: str, precision: str, threads: int) -> list[Claim]:
    metric, found = f"share {what} {precision} {threads}", []
    for name in OURS:
        values = list(by_seed(rows, name, metric, _tokens(rows)).values())
        if values:
            text = f"{name}: {WORDS[what]}, share of the limit, {setting(precision, threads)}"
            found.append(claim(text, values, ">= 0.65"))
    return found


def _growth(rows: Sequence[Row]) -> list[Claim]:
    found = []
    for what in WORDS:
        for name in (*OURS, PEER):
            for x in _places(rows, name, f"growth {what}"):
                worst = max(by_seed(rows, name, f"growth {what}", x).values())
                target = "<= 100" if what == "forward" and name != PEER else ">= 0"
                text = f"{name}: growth over {x:,.0f} tokens, {WORDS[what]} (MiB)"
                found.append(exact_claim(text, worst, target))
    return found


def _decoding(rows: Sequence[Row]) -> list[Claim]:
    found = []
    for name in DECODED:
        places, times = _places(rows, name, "decode"), {}
        for x in places:
            times[x] = by_seed(rows, name, "decode", x)
            target = "<= 10" if name in OURS else ">= 0"
            text = f"{name}: a token at {x:,.0f} (ms)"
            found.append(claim(text, list(times[x].values()), target))
            held = max(by_seed(rows, name, "held", x).values())
            found.append(exact_claim(f"{name}: held at {x:,.0f} (MiB)", held / 2**20, ">= 0"))
        if name in OURS and len(places) > 1:
            first, last = places[0], places[-1]
            text = f"{name}: a token at {last:,.0f} over one at {first:,.0f}, time"
            found.append(claim(text, _pairs(times[last], times[first]), "<= 1.05", _ratio))
    for other in (CACHE, PEER):
        for x in _places(rows, other, "decode"):
            ours = by_seed(rows, "linear", "decode", x)
            pairs = _pairs(by_seed(rows, other, "decode", x), ours)
            text = f"{other} over linear: time of a token at {x:,.0f}"
            found.append(claim(text, pairs, "> 1", _ratio))
    return found


def _compiled(rows: Sequence[Row]) -> list[Claim]:
    found = []
    for name in OURS:
        for x in _places(rows, name, "compiled"):
            pairs = _pairs(by_seed(rows, name, "compiled", x), by_seed(rows, name, "eager", x))
            text = f"{name}: one chunk through torch.compile, speed over eager"
            found.append(claim(text, pairs, "> 0", _ratio))
            first = list(by_seed(rows, name, "first compiled", x).values())
            found.append(exact_claim(f"{name}: slowest compilation (s)", max(first), ">= 0"))
    return found


def _stream(rows: Sequence[Row]) -> list[Claim]:
    found = []
    for x in _places(rows, STREAM, "stream growth"):
        growth = by_seed(rows, STREAM, "stream growth", x)
        start, end = (by_seed(rows, STREAM, f"stream {m}", x) for m in ("start", "end"))
        text = f"stream of {x:,.0f} tokens"
        found += [
            exact_claim(f"{text}: growth behind token 10,000 (MiB)", max(growth.values()), "<= 20"),
            claim(
                f"{text}: speed at the end over the start", _pairs(end, start), ">= 0.95", _ratio
            ),
            claim(f"{text}: speed at the end (tokens/s)", list(end.values()), "> 0"),
        ]
    return found


def figures(rows: Sequence[Row]) -> list[Figure]:
    """Speed by the length of a call; a token's time and bytes by its position."""
    return [*_speed_figure(rows), *_position_figures(rows)]


def _speed_figure(rows: Sequence[Row]) -> list[Figure]:
    metric = f"forward {SETTINGS[0][0]} {SETTINGS[0][1]}"
    names = [n for n in (*OURS, PEER) if len(_places(rows, n, metric)) > 1]
    if not names:
        return []
    return [
        Figure(
            title=_speed_title(rows, metric),
            x_label="tokens in the call",
            y_label=f"forward, {setting(*SETTINGS[0])} (thousand tokens/s)",
            series=tuple(_thousands(curve(rows, name, metric)) for name in names),
            log_x=True,
            caption="Whole layers in turns in one process; 95 % bootstrap over repeats.",
        )
    ]


def _speed_title(rows: Sequence[Row], metric: str) -> str:
    x = _tokens(rows)
    peer = by_seed(rows, PEER, metric, x)
    if not peer or x is None:
        return "Speed by the length of a call"
    times = {n: _ratio(_pairs(by_seed(rows, n, metric, x), peer)) for n in OURS}
    said = ", ".join(f"{name} {value:.1f}" for name, value in times.items())
    return f"Times the peer's speed, forward over {x:,.0f} tokens: {said}"


def _position_title(rows: Sequence[Row]) -> str:
    ends = {}
    for name in ("linear", CACHE):
        places = _places(rows, name, "decode")
        means = [interval(list(by_seed(rows, name, "decode", x).values()))[0] for x in places]
        ends[name] = (
            f"{means[0]:.1f} ms at {places[0]:,.0f} and {means[-1]:.1f} at {places[-1]:,.0f}"
        )
    return f"A token costs the linear memory {ends['linear']}; the cache {ends[CACHE]}"


def _thousands(series: Series) -> Series:
    points = (Point(p.x, p.mean / 1e3, p.low / 1e3, p.high / 1e3) for p in series.points)
    return Series(series.name, tuple(points), series.style)


def _position_figures(rows: Sequence[Row]) -> list[Figure]:
    names = [n for n in DECODED if len(_places(rows, n, "decode")) > 1]
    if not names:
        return []
    return [
        Figure(
            title=_position_title(rows),
            x_label="position",
            y_label="one more token, one thread (ms)",
            series=tuple(curve(rows, name, "decode") for name in names),
            log_x=True,
            caption="Width 256, four layers, batch one; 95 % bootstrap over repeats.",
        ),
        Figure(
            title="What is held for it: a state stays as it is, a cache grows",
            x_label="position",
            y_label="bytes held (MiB)",
            series=tuple(_held(rows, name) for name in names),
            log_x=True,
            caption="Keys and values of the transformer in fp32; all that our states hold.",
        ),
    ]


def _held(rows: Sequence[Row], name: str) -> Series:
    found = []
    for x in _places(rows, name, "held"):
        mean, low, high = interval(list(by_seed(rows, name, "held", x).values()))
        found.append(Point(x, mean / 2**20, low / 2**20, high / 2**20))
    return Series(name, tuple(found))
