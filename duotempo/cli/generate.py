"""`duotempo generate`: go on in the vein of what was read."""

from itertools import islice
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from duotempo.cli.common import USUAL, Common
from duotempo.cli.console import show_json, show_text, telling
from duotempo.cli.latent import opened
from duotempo.cli.living import load_reader, prepare
from duotempo.core import UserError
from duotempo.core.state_folder import POINTER
from duotempo.models.native_folder import native_folder


def generate(
    state: Path,
    prompt: str = "",
    /,
    *,
    tokens: Annotated[int, Parameter(validator=Number(gte=1))] = 64,
    refit: Annotated[int | None, Parameter(validator=Number(gte=2))] = None,
    temperature: Annotated[float, Parameter(validator=Number(gte=0))] = 0.8,
    common: Common = USUAL,
) -> None:
    """Go on from where the reading stopped, with the untouched model and the state mixed.

    The mixture weighs the two voices by how well each foretold what came before, so the state
    cannot spoil the text. A native model has one voice and goes on from a copy of its state.

        duotempo generate diary.state "The next morning" --tokens 40

    The folder of a model with latents will do too, without a state: its latents are fitted to the
    prompt, or drawn from the prior when there is none.

        duotempo generate runs/latent-prose-0 "It was a truth " --refit 64 --seed 3

    Parameters
    ----------
    state
        Folder of a saved state, or of a model with latents.
    prompt
        Text to go on from, put after what was read.
    tokens
        How many tokens to write; a native model's are bytes.
    refit
        A model's with latents: tokens after which they are fitted again; a segment when left out.
    temperature
        A model's with latents: 0 takes the likeliest byte, 1 draws as foretold.
    """
    if not (state / POINTER).exists() and native_folder(state) is not None:
        text = dreamt(state, prompt, tokens, refit, temperature, common)
        show_json({"prompt": prompt, "text": text}) if common.json else show_text(prompt + text)
        return
    if refit is not None:
        raise UserError("--refit is for the folder of a model with latents: leave it out")
    with telling(common.quiet) as tell:
        text = load_reader(state, common, tell).generate(prompt, tokens=tokens)
    if common.json:
        show_json({"prompt": prompt, "text": text})
    else:
        show_text(prompt + text)


def dreamt(
    folder: Path,
    prompt: str,
    tokens: int,
    refit: int | None,
    temperature: float,
    common: Common,
) -> str:
    """Bytes that a model with latents writes after a prompt, as text."""
    prepare(common)
    import torch  # noqa: PLC0415 - only a command that runs a model waits for it

    from duotempo.models.latent_text import write  # noqa: PLC0415 - imports torch

    model = opened(folder)
    ids = torch.tensor([list((prompt or "\n").encode())])
    written = write(model, ids, refit=refit, temperature=temperature, seed=common.seed)
    return bytes(islice(written, tokens)).decode("utf-8", "replace")
