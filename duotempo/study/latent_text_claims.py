"""What the rows of `latent-text` say, and how they look."""

from collections.abc import Sequence

from duotempo.recipes.latent import FULL, LATENT, MORE, PAPER, PLAIN, READERS, SILENT
from duotempo.study.base import Claim, Figure, Row, Style
from duotempo.study.stats import by_seed, claim, curve, exact_claim, mean, minus, over, there

Values = dict[int, float]
OWN_STEPS = {arm: float(t.preset.steps) for arm, t in READERS.items() if t and arm != SILENT}
"""Steps of the fit that an arm was trained with."""


def saved(ours: Values, theirs: Values) -> list[float]:
    """The share of the bits of `theirs` that `ours` does without, by seed."""
    return list(shares(ours, theirs).values())


def shares(ours: Values, theirs: Values) -> Values:
    """The same with its seeds."""
    return {seed: 1 - ours[seed] / theirs[seed] for seed in ours if seed in theirs}


def all_claims(rows: Sequence[Row]) -> list[Claim]:
    """Bits saved, what of it is memory, the axis of steps, the bound, the price."""
    found = saved_claims(rows) + steps_claims(rows)
    said = [claim(text, values, target) for text, values, target in found if values]
    own = [r.value for r in rows if r.metric == "parameters"]
    if own:
        text = "weights: most over fewest of all arms, share above"
        said.append(exact_claim(text, max(own) / min(own) - 1, "<= 0.001"))
    return said


def saved_claims(rows: Sequence[Row]) -> list[tuple[str, list[float], str]]:
    """The streaming arm against decoders without latents and against itself without memory."""
    plain, longer, ours, paper, silent = (
        by_seed(rows, arm, "long") for arm in (PLAIN, MORE, LATENT, PAPER, SILENT)
    )
    deaf, anew = (by_seed(rows, LATENT, f"long.{name}") for name in ("deaf", "reset"))
    took = {arm: by_seed(rows, arm, "train.seconds") for arm in (PLAIN, MORE, LATENT)}
    short, full = by_seed(rows, LATENT, "bits", 1.0), by_seed(rows, FULL, "bits")
    late, early = (
        shares(by_seed(rows, LATENT, "place", x), by_seed(rows, LATENT, "place.deaf", x))
        for x in (32768.0, 2048.0)
    )
    grown = [late[seed] - early[seed] for seed in late if seed in early]
    return [
        (
            "long: share of bits saved over the windowed twin",
            saved(ours, plain),
            ">= 0.02",
        ),
        ("the same at equal compute (twin trained longer)", saved(ours, longer), "> 0"),
        (
            "seconds of the longer twin's training over ours",
            over(took[MORE], took[LATENT]),
            ">= 1",
        ),
        ("seconds of our training over the twin's", over(took[LATENT], took[PLAIN]), "<= 4"),
        (
            "passages: share of bits saved over untuned full attention",
            saved(short, full),
            "> 0",
        ),
        ("long: share of bits saved over latents never fitted", saved(ours, silent), ">= 0.02"),
        ("long: share of bits that z saves over z = 0", saved(ours, deaf), ">= 0.02"),
        (
            "long: share of bits that a carried z saves over one anew",
            saved(ours, anew),
            "> 0",
        ),
        ("share that z saves beyond byte 16,384 minus that before 2,048", grown, "> 0"),
        (
            "paper's objective: share of bits saved over the twin",
            saved(paper, plain),
            "> 0",
        ),
    ]


def steps_claims(rows: Sequence[Row]) -> list[tuple[str, list[float], str]]:
    """What more steps of the fit at test do, to what is foretold and to the bound."""
    found: list[tuple[str, list[float], str]] = []
    for arm, steps in OWN_STEPS.items():
        one = by_seed(rows, arm, "bits", 1.0)
        more = {x: by_seed(rows, arm, "bits", x) for x in (4.0, 16.0, 64.0)}
        more = {x: values for x, values in more.items() if values}
        if more and one:
            best = min(more, key=lambda x: mean(list(more[x].values())))
            text = f"{arm}: share of bits saved by the best of more steps ({best:.0f}) over one"
            found.append((text, saved(more[best], one), "> 0"))
        bound, at_zero = (by_seed(rows, arm, name, steps) for name in ("bound", "at_zero"))
        zero = by_seed(rows, arm, "bits", 0.0)
        carried = by_seed(rows, arm, "bits", steps)
        if bound and at_zero:
            rebuilt = by_seed(rows, arm, "reconstruction", steps)
            text = f"{arm}: share of bits saved by a fit to the segment, KL unpaid"
            found.append((text, saved(rebuilt, at_zero), "> 0"))
            text = f"{arm}: bits of a byte of a segment at z = 0 minus its bound, KL paid"
            found.append((text, minus(at_zero, bound), "> 0"))
            text = f"{arm}: share of bits saved by streamed latents, passages, over z = 0"
            found.append((text, saved(carried, zero), "> 0"))
    return found


BY_STEPS: tuple[tuple[str, str, Style], ...] = (
    ("bits", ", carried", "line"),
    ("bits.reset", ", anew", "dashed"),
)
PARTS: tuple[tuple[str, Style], ...] = (
    ("bound", "line"),
    ("reconstruction", "dashed"),
    ("kl", "dotted"),
)


def all_figures(rows: Sequence[Row]) -> list[Figure]:
    """Bits by place in a stretch, by steps, and the parts of the bound."""
    by_place = [curve(rows, arm, "place") for arm in (PLAIN, MORE, LATENT, SILENT, PAPER)]
    by_place.append(curve(rows, LATENT, "place.deaf", name="latents, z = 0", style="dashed"))
    by_steps = [
        curve(rows, arm, metric, name=f"{arm}{said}", style=style)
        for arm in OWN_STEPS
        for metric, said, style in BY_STEPS
    ]
    found = [curve(rows, PAPER, metric, name=metric, style=style) for metric, style in PARTS]
    shown = (
        ("Long stretches of held-out novels", "bytes read", by_place,
         "The mean of each bin, at its end. Windows of 4 bytes."),
        ("More steps of the fit at test", "steps of the fit at test", by_steps,
         "Passages of 4,096 bytes; every byte is foretold from those before it."),
        ("Where the paper's bound comes from", "steps of the fit at test", found,
         "Segments of 128 bytes, each scored with latents that were fitted to it, fresh noise."),
    )  # fmt: skip
    return [
        Figure(title, label, "bits per byte", there(series), caption=caption)
        for title, label, series, caption in shown
    ]
