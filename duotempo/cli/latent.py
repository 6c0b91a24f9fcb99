"""`duotempo latent`: what latent vectors are worth, and which scores of them can lie."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number

from duotempo.cli.common import USUAL, Common, File
from duotempo.cli.console import say, show_json, show_text, table
from duotempo.cli.living import prepare
from duotempo.core import UserError
from duotempo.models.native_folder import native_folder
from duotempo.tasks.text import load

if TYPE_CHECKING:
    from duotempo.models.latent import LatentDecoder

BOUND_STEPS = 16
"""Steps of the natural gradient that stands in for a learned curvature where a text is bounded."""
LN2 = 0.6931471805599453
LINES = {
    "streaming": "prefix only, streaming (exact; latents saw only what came before)",
    "bound": "negative ELBO, fresh noise (a bound; latents saw the text)",
    "weighted.8": "importance-weighted, 8 draws (a bound; latents saw the text)",
    "weighted.64": "importance-weighted, 64 draws (a bound; latents saw the text)",
    "reconstruction": "  of the ELBO: reconstruction",
    "kl": "  of the ELBO: KL",
    "at_zero": "latents at zero (exact for the decoder alone)",
    "at_prior": "latents drawn from the prior",
    "same_noise": "same noise as the fit: NOT A BOUND",
}
"""How each estimate is shown; `duotempo.models.bounds` says what they are."""

HELP = """Latent thoughts: what they are worth, by scores that hold.

    duotempo latent audit
"""
latent = App(name="latent", help=HELP)


def audit(*, common: Common = USUAL) -> None:
    """Show on a toy with a known answer which scores of a latent model are bounds.

    A fair bit costs 0.693 nats. Scored with the very noise the posterior was fitted to it seems to
    cost next to nothing; with fresh noise it never costs less than it does. And what presets of the
    fit cost in KL while their latents carry nothing.

        duotempo latent audit

        duotempo latent audit --json
    """
    prepare(common)
    from duotempo.models import parity  # noqa: PLC0415 - imports torch
    from duotempo.study.latent_audit import CELLS, FLOORS, preset  # noqa: PLC0415 - imports torch

    toys = [parity.audit(cell, seed=common.seed) for cell in CELLS]
    floors = {arm: {n: preset(arm, n).floor() for n in (4, 16, 64)} for arm in FLOORS}
    if common.json:
        scores = [{"cell": t.cell, "same_noise": t.kept, "fresh_noise": t.honest} for t in toys]
        show_json({"truth": parity.TRUTH, "scores": scores, "floors": floors})
        return
    lines = {
        f"cells of {t.cell:g}": f"same noise {t.kept:.3f} (not a bound), fresh noise {t.honest:.3f}"
        for t in toys
    }
    show_text(table({"truth": f"{parity.TRUTH:.3f} nats a bit"} | lines))
    show_text("\nKL of latents that carry nothing, nats a dimension after 4, 16, 64 steps:")
    show_text(table({a: ", ".join(f"{v:.3f}" for v in f.values()) for a, f in floors.items()}))


def score(
    model: Path,
    file: File,
    /,
    *,
    steps: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    segments: Annotated[int, Parameter(validator=Number(gte=2))] = 32,
    common: Common = USUAL,
) -> None:
    """Score a text by every estimate side by side, in bits a byte, and say if latents collapsed.

    Only the first line may stand beside an ordinary model's score: in the others the latents were
    fitted to the very text that is scored.

        duotempo latent score runs/latent-prose-0 book.txt

    Parameters
    ----------
    model
        Folder of a model with latents, or of the run that trained it.
    file
        The text; `-` reads standard input.
    steps
        Steps of the fit to the scored text; as it was trained when left out, 16 of the natural
        gradient where it was trained with a learned curvature.
    segments
        At most so many segments of the text, from its beginning.
    """
    prepare(common)
    facts = scored_text(opened(model), load(file).text, steps, segments, common.seed)
    alarm = facts.pop("alarm")
    if common.json:
        show_json({**facts, "alarm": alarm})
        return
    show_text(table({said: f"{facts[name]:.4f} bits a byte" for name, said in LINES.items()}))
    show_text(
        table({"active units": f"{facts['active']:.1%}", "scored": f"{facts['bytes']:,} bytes"})
    )
    if alarm:
        say(f"warning: {alarm}")


def opened(folder: Path) -> "LatentDecoder":
    """The model with latents of a folder or a run; raises `UserError`."""
    from duotempo.models.latent_saved import load_latent  # noqa: PLC0415 - imports torch

    found = native_folder(folder)
    if found is None:
        raise UserError(f"{folder} holds no native model: give its folder, or that of its run")
    model = load_latent(found)
    if model.config.vocab != 256:
        raise UserError(f"the model reads {model.config.vocab} tokens: give one that reads bytes")
    return model


def scored_text(
    model: "LatentDecoder", text: str, steps: int | None, most: int, seed: int
) -> dict[str, Any]:
    """Every estimate of the first segments of a text, bits a byte."""
    import torch  # noqa: PLC0415 - only a command that runs a model waits for it

    from duotempo.models.bounds import check_floor, judge  # noqa: PLC0415 - imports torch
    from duotempo.models.thinking import AMORTISED, Preset  # noqa: PLC0415 - imports torch

    size, causal = model.thinking.segment, model
    if model.thinking.preset.rule == AMORTISED:  # narrow, to foretell with, and a loose bound
        model = model.thinking_as(preset=Preset("natural", BOUND_STEPS))
    data = text.encode()
    rows = min(most, (len(data) - 1) // size)
    if rows < 2:
        raise UserError(f"the text has {len(data)} bytes: give at least {2 * size + 1}")
    if steps is not None:
        causal = causal.thinking_as(preset=causal.thinking.preset.at(steps))
        model = model.thinking_as(preset=model.thinking.preset.at(steps))
    if warning := check_floor(model, size, model.thinking.preset.steps):
        say(f"warning: {warning}")
    whole = torch.frombuffer(bytearray(data[: rows * size + 1]), dtype=torch.uint8).long()
    tokens, targets = whole[:-1].view(rows, size), whole[1:].view(rows, size)
    facts = judge(model, tokens, targets, seed=seed).facts()
    with torch.no_grad():
        logits, _ = causal(whole[None, :-1])
        lost = torch.nn.functional.cross_entropy(logits[0], whole[1:])
    bits = {n: v / LN2 if isinstance(v, float) and n != "active" else v for n, v in facts.items()}
    return {"streaming": float(lost) / LN2, **bits, "bytes": rows * size}


for command in (audit, score):
    entry = App(name=command.__name__)
    entry.default(command)
    latent.command(entry)
