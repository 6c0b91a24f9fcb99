"""What `flow-store` claims of the residual-stream view, point by point, and how it is shown."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product

from duotempo.recipes.almanac import STORE, WITHOUT
from duotempo.study.base import Claim, Figure, Point, Row, Series
from duotempo.study.stats import by_seed, claim, interval, minus, over, there

ARMS = (STORE, WITHOUT)
KINDS = ("near", "far", "store", "weights")
GROUPS = ("context", "store", "slots", "weights")
OPERATORS = ("nothing", "context", "store", "rank one", "rank one, lower", "fine-tune")
IN_WEIGHTS = ("rank one", "fine-tune")
PLACES = ("rank one", "rank one, lower")
ONE, MANY = 1.0, 100.0

SCORES = {
    "efficacy": "the new answer is likelier than the old, share",
    "said": "the new answer is what is said freely, share",
    "paraphrase": "the new answer in the other wording, share",
    "neighbours": "answers of other subjects that stay, share",
    "same_subject": "answers to other questions about the subject that stay, share",
    "collateral": "KL over plain text, nats a token",
    "lasting": "the new answer after a text of 156 tokens, share",
    "reset": "the new answer once the store is emptied, share",
    "undo": "largest change of a logit once the edit is taken back",
    "headline": "harmonic mean of said, paraphrase, neighbours and same subject",
    "seconds": "seconds to make an edit",
    "bytes": "bytes of the edits",
}

_BY_KIND = {
    "right": "answers right among the candidates, share",
    "said": "answers right when the model speaks freely, share",
    "spread": "Jensen-Shannon divergence over contexts and wordings, of log(candidates)",
    "flips": "readings that choose otherwise than most, share",
    "startless": "answers right without the learned start of the memory, share",
    "settling": "writes after which the choice stays right, mean",
    "step": "largest rise of the margin, share of all rises",
    "mediated": "logits of margin that weights write because of the store",
}
_BY_GROUP = {
    "follow": "answers that become the twin's when this part of the state is the twin's, share",
    "keep": "answers that stay right then, share",
    "zero": "answers right without this group, share",
    "random": "answers right with a stranger's part of the state, share",
    "needed": "1: certified as needed",
    "enough": "1: certified as enough",
    "share": "Shapley value, share of the sum",
    "total": "Shapley value, logits of margin",
    "direct": "direct attribution, logits of margin",
    "jump": "facts whose margin rises most by a write of this group, share",
}

METRICS: Mapping[str, str] = {
    **{f"{name}.{kind}": text for name, text in _BY_KIND.items() for kind in KINDS},
    **{
        f"{name}.{kind}.{group}": text
        for (name, text), kind, group in product(_BY_GROUP.items(), KINDS, GROUPS)
    },
    **{
        f"swayed.{where}": f"weight facts: a lie that stands {where} is followed, share"
        for where in ("near", "far", "store")
    },
    "checkpoints": "largest KL of a prediction from the stream's checkpoints, nats",
    **{
        f"outside.{store}": "what the stream of a question does not hold: KL in nats"
        for store in ("context", "store", "tails")
    },
    **{
        f"edit.{way}.{score}": f"{text}; x: edits in a row"
        for way, (score, text) in product(OPERATORS, SCORES.items())
    },
    "parameters": "weights of the model",
    "train.seconds": "seconds of training",
    "measure.seconds": "seconds of measuring",
}

Values = Mapping[int, float]
Said = list[tuple[str, Sequence[float], str]]


def all_claims(rows: Sequence[Row]) -> list[Claim]:
    """What was learned at all; then the view, from (a) to (d); then what a store changed."""

    def at(arm: str, metric: str, x: float | None = None) -> Values:
        return by_seed(rows, arm, metric, x)

    said = [*_learned(at), *_flowing(at), *_unaddressed(at), *_occasional(at), *_archive(at)]
    said += _difference(at)
    return [claim(text, list(values), target) for text, values, target in said if len(values)]


At = Callable[..., Values]


def _learned(at: At) -> Said:
    """What has to be so for the rest to mean anything."""
    found: Said = [
        (f"{STORE}: {kind} facts right", _of(at(STORE, f"right.{kind}")), ">= 0.9")
        for kind in KINDS
    ]
    found += [
        (f"{WITHOUT}: {kind} facts right", _of(at(WITHOUT, f"right.{kind}")), ">= 0.9")
        for kind in ("near", "weights")
    ]
    beyond = _of(at(WITHOUT, "right.far"))
    return [*found, (f"{WITHOUT}: far facts, beyond the window, right", beyond, "<= 0.25")]


def _flowing(at: At) -> Said:
    """(a) Knowing is what flows, made while the model runs."""
    found: Said = []
    for arm in ARMS:
        text = f"(a) {arm}: a text's stream gives its state back, largest KL (nats)"
        found.append((text, _of(at(arm, "checkpoints")), "<= 1e-6"))
    outside = _of(at(STORE, "outside.store"))
    text = f"(a) {STORE}: of a far fact, what the question's stream lacks without the store (nats)"
    found.append((text, outside, "<= 0.01"))
    for arm in ARMS:
        text = f"(a) {arm}: weight facts are built up: largest rise, share of all rises"
        found.append((text, _of(at(arm, "step.weights")), "<= 0.5"))
    return found


def _unaddressed(at: At) -> Said:
    """(b) Knowledge has no address: single facts are hard to edit and edits disturb others."""
    one = {way: at(WITHOUT, f"edit.{way}.headline", ONE) for way in PLACES}
    said = at(WITHOUT, "edit.rank one.said", ONE)
    found: Said = [(f"(b) {WITHOUT}: one rank-one edit is said freely", _of(said), "<= 0.5")]
    for score in ("neighbours", "same_subject"):
        kept = _of(at(WITHOUT, f"edit.rank one.{score}", ONE))
        text = f"(b) {WITHOUT}: {score.replace('_', ' ')} kept after one rank-one edit"
        found.append((text, kept, "<= 0.9"))
    apart = over(_best(one, min), _best(one, max))
    text = f"(b) {WITHOUT}: no named place: the worse MLP for a rank-one edit over the better"
    found.append((text, apart, ">= 0.8"))
    many = {way: at(WITHOUT, f"edit.{way}.headline", MANY) for way in IN_WEIGHTS}
    text = f"(b) {WITHOUT}: 100 edits of weights in a row, the best way, headline"
    return [*found, (text, _of(_best(many, max)), "<= 0.5")]


def _occasional(at: At) -> Said:
    """(c) Answers depend on the occasion."""
    found: Said = []
    for arm in ARMS:
        text = f"(c) {arm}: weight facts, spread over contexts and wordings"
        found.append((text, _of(at(arm, "spread.weights")), ">= 0.05"))
    for arm, where in product(ARMS, ("near", "far")):
        text = f"(c) {arm}: a {where} lie about a weight fact is followed"
        found.append((text, _of(at(arm, f"swayed.{where}")), ">= 0.5"))
    return found


def _archive(at: At) -> Said:
    """(d) A store is the archive that was missing: facts have an address there."""
    follow, keep = (at(STORE, f"{n}.store") for n in ("follow.store", "keep.weights"))
    found: Said = [
        ("(d) swapped: store facts follow the twin's store", _of(follow), ">= 0.9"),
        ("(d) swapped: weight facts stay as they are", _of(keep), ">= 0.9"),
    ]
    words = {"said": "written", "paraphrase": "in the other wording", "neighbours": "neighbours"}
    words["same_subject"] = "the subject's other facts"
    for score, text in words.items():
        values = _of(at(STORE, f"edit.store.{score}", ONE))
        kept = " kept" if score in ("neighbours", "same_subject") else ""
        found.append((f"(d) one write to the store: {text}{kept}", values, ">= 0.9"))
    reset = _of(at(STORE, "edit.store.reset", ONE))
    found.append(("(d) undone: the new answer once the store is emptied", reset, "<= 0.1"))
    undo = _of(at(STORE, "edit.store.undo", MANY))
    found.append(("(d) undone: largest change of a logit after taking 100 back", undo, "== 0"))
    store = at(STORE, "edit.store.headline", MANY)
    found.append(("(d) 100 writes to the store in a row, headline", _of(store), ">= 0.9"))
    ways = {way: at(WITHOUT, f"edit.{way}.headline", MANY) for way in IN_WEIGHTS}
    text = f"(d) 100 in a row, headline: store minus the best way to edit weights, {WITHOUT}"
    return [*found, (text, minus(store, _best(ways, max)), "> 0")]


def _difference(at: At) -> Said:
    """The diff: what the store has changed beside adding its own facts."""

    def changed(metric: str, x: float | None = None) -> list[float]:
        return minus(at(STORE, metric, x), at(WITHOUT, metric, x))

    return [
        ("diff, store minus none: far facts right", changed("right.far"), ">= 0.5"),
        ("diff: weight facts right", changed("right.weights"), ">= -0.02"),
        ("diff: near facts right", changed("right.near"), ">= -0.02"),
        (
            f"{STORE}: near facts follow the context, not the store",
            minus(at(STORE, "follow.near.context"), at(STORE, "follow.near.store")),
            "> 0",
        ),
        ("diff: weight facts, spread", changed("spread.weights"), "<= 0"),
        ("diff: one rank-one edit, headline", changed("edit.rank one.headline", ONE), ">= -0.05"),
    ]


def _of(values: Values) -> list[float]:
    return list(values.values())


def _best(ways: Mapping[str, Values], pick: Callable[[list[float]], float]) -> dict[int, float]:
    """By seed, the best (or worst) of several ways."""
    seeds = sorted({seed for values in ways.values() for seed in values})
    return {seed: pick([v[seed] for v in ways.values() if seed in v]) for seed in seeds}


def all_figures(rows: Sequence[Row]) -> list[Figure]:
    """Shares by class, with and without; outcomes of one edit and of a hundred."""
    classes = "class of fact: " + ", ".join(f"{i} {kind}" for i, kind in enumerate(KINDS, 1))
    titles = {
        STORE: "With a store: where each class of facts comes from",
        WITHOUT: "Without one: where each class of facts comes from",
    }
    found = [
        Figure(
            titles[arm],
            classes,
            "share of the margin (Shapley value)",
            there(
                _dots(rows, arm, group, [f"share.{k}.{group}" for k in KINDS]) for group in GROUPS
            ),
            caption="Mean over seeds. Without a store there are no store facts to ask.",
        )
        for arm in ARMS
    ]
    kept = ("said", "paraphrase", "neighbours", "same_subject", "headline")
    scores = ", ".join(f"{i} {score.replace('_', ' ')}" for i, score in enumerate(kept, 1))
    for x, title in ((ONE, "One edit"), (MANY, "A hundred edits in a row")):
        for arm, ways in (
            (STORE, OPERATORS[1:]),
            (WITHOUT, (OPERATORS[1], *PLACES, IN_WEIGHTS[1])),
        ):
            drawn = (_dots(rows, arm, w, [f"edit.{w}.{s}" for s in kept], x) for w in ways)
            found.append(
                Figure(f"{title}, {arm}", scores, "share of answers", there(drawn), caption=NOTE)
            )
    return found


NOTE = "Mean over seeds, judged on the final mind. Headline: the harmonic mean of the other four."


def _dots(
    rows: Sequence[Row], arm: str, name: str, metrics: Sequence[str], x: float | None = None
) -> Series:
    """A point for each metric, numbered from one."""
    values = [list(by_seed(rows, arm, metric, x).values()) for metric in metrics]
    points = (Point(i + 1.0, *interval(v)) for i, v in enumerate(values) if v)
    return Series(name, tuple(points), "dots")
