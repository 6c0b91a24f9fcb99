"""Models that people have: a known name, a folder or a hub id becomes a frozen model."""

import contextlib
import hashlib
import json
import os
import re
import textwrap
import warnings
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import huggingface_hub
import torch
from huggingface_hub.errors import GatedRepoError, HTTPError, RepositoryNotFoundError
from huggingface_hub.utils import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)
from huggingface_hub.utils import logging as hub_logging
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from duotempo.core import Tell, UserError, silent
from duotempo.models.packaged import MODELS, unpacked
from duotempo.models.tensor_files import add_weights

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
HUB_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
NO_LIMIT = 2048  # the window of a model whose config names none: safe for any published one


@dataclass(frozen=True)
class Pretrained:
    """A frozen model in evaluation mode, its tokenizer, and where both came from."""

    name: str
    model: PreTrainedModel = field(repr=False)
    tokenizer: PreTrainedTokenizerBase = field(repr=False)
    folder: str

    @cached_property
    def fingerprint(self) -> str:
        """The `fingerprint` of the model as it was when first asked for."""
        return fingerprint(self.model)

    @property
    def window_limit(self) -> int:
        """The most tokens the model can attend to at once; 2048 when its config does not say."""
        config = self.model.config.get_text_config()
        limit = getattr(config, "max_position_embeddings", None)
        return limit if isinstance(limit, int) and limit > 0 else NO_LIMIT


def load(
    name: str = "smollm2", *, dtype: torch.dtype | None = None, tell: Tell = silent
) -> Pretrained:
    """Load a causal language model, in evaluation mode and without gradients.

    `name` is a known name (`MODELS`), a folder with config.json and safetensors, or a hub id such
    as `org/name`. `dtype=None` takes bfloat16 where the machine is fast in it, else float32; the
    model goes to the GPU when there is one. Only safetensors are read, and no code that comes with
    a model is run. Raises `UserError` with the mend for a name that leads to no usable model.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with quiet():
        known, folder = _resolve(name, tell)
        tell(f"loading {known}", 0, 1)
        model = _model(folder, name, dtype or best_dtype())
        model.to(torch.device(device))  # pyrefly: ignore[bad-argument-type] - their wrapper hides self
        tokenizer = _tokenizer(folder, name)
        tell(f"loading {known}", 1, 1)
    return Pretrained(known, model.eval().requires_grad_(False), tokenizer, str(folder))


def best_dtype() -> torch.dtype:
    """bfloat16 on a GPU or a processor that multiplies in it natively, else float32."""
    skills = torch.cpu.get_capabilities()
    fast = torch.cuda.is_available() or skills.get("avx512_bf16") or skills.get("amx_bf16")
    return torch.bfloat16 if fast else torch.float32


def fingerprint(model: PreTrainedModel) -> str:
    """sha256 over the config and over every weight (name, dtype, shape, bytes), as they are now."""
    config = model.config.to_diff_dict()
    for passing in ("_name_or_path", "transformers_version", "dtype"):
        config.pop(passing, None)
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    add_weights(digest, model.state_dict())
    return digest.hexdigest()


@contextlib.contextmanager
def quiet() -> Generator[None]:
    """Within: no bars, notices or warnings of the model libraries on the terminal."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    hub_level, hub_bars = hub_logging.get_verbosity(), not are_progress_bars_disabled()
    logging.set_verbosity(logging.CRITICAL)
    hub_logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        hub_logging.set_verbosity(hub_level)
        if bars:
            logging.enable_progress_bar()
        if hub_bars:
            enable_progress_bars()


def _resolve(name: str, tell: Tell) -> tuple[str, Path]:
    """The name to keep (a folder's is made absolute) and the folder to load from."""
    if name in MODELS:
        return name, unpacked(name, tell)
    folder = os.path.expanduser(name)
    if os.path.isfile(os.path.join(folder, "config.json")):
        return str(Path(folder).resolve()), Path(folder).resolve()
    if os.path.exists(folder):
        raise UserError(
            f"{name} holds no config.json: give a folder that save_pretrained wrote, "
            "with config.json, model.safetensors and the tokenizer's files"
        )
    if HUB_ID.fullmatch(name):
        return name, _download(name, tell)
    raise UserError(
        f"model {name!r} is unknown: use {', '.join(MODELS)}, a folder that exists and holds "
        "config.json, or a hub id like org/name"
    )


def _download(name: str, tell: Tell) -> Path:
    """The hub's copy of a model on this disk; fetched when it is not there yet."""
    tell(f"fetching {name}", 0, 0)
    try:
        return Path(
            huggingface_hub.snapshot_download(
                name, allow_patterns=HUB_FILES, ignore_patterns=["*/*", "consolidated*"]
            )
        )
    except GatedRepoError as error:
        raise UserError(
            f"{name} asks for consent: accept its terms on its hub page and run `hf auth login`"
        ) from error
    except RepositoryNotFoundError as error:
        raise UserError(
            f"{name} is neither a folder here nor a model on the hub: check the spelling"
        ) from error
    except (OSError, HTTPError, ValueError) as error:
        raise UserError(
            f"cannot fetch {name} ({_line(error)}): give a local folder that holds the model"
        ) from error


def _model(folder: Path, name: str, dtype: torch.dtype) -> PreTrainedModel:
    try:
        model, notes = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            ignore_mismatched_sizes=True,  # told apart below, by name
            output_loading_info=True,
        )
    except SafetensorError as error:
        raise UserError(
            f"the weights of {name} are damaged ({_line(error)}): copy or fetch {folder} again"
        ) from error
    except Exception as error:  # a stranger's config may fail anywhere in there
        raise UserError(
            f"{name} cannot be loaded as a causal language model ({_line(error)}): give one that "
            "transformers knows, with its weights as safetensors"
        ) from error
    if getattr(model.config, "is_decoder", True) is False:
        raise UserError(
            f"{name} sees both ways, so it cannot go on with a text: give a causal language model, "
            "one whose config names a ...ForCausalLM class"
        )
    unfit = sorted(notes["missing_keys"]) + sorted(key for key, *_ in notes["mismatched_keys"])
    if unfit:
        raise UserError(
            f"the weights of {name} do not fit its config, {len(unfit)} are missing or of another "
            f"shape, first {unfit[0]}: copy or fetch {folder} again"
        )
    return model


def _tokenizer(folder: Path, name: str) -> PreTrainedTokenizerBase:
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
    except Exception as error:  # the parsers of tokenizer files raise the bare class
        raise UserError(
            f"the tokenizer of {name} cannot be read ({_line(error)}): "
            f"put its tokenizer.json and tokenizer_config.json into {folder}"
        ) from error
    assert tokenizer is not None
    tokenizer.model_max_length = int(1e30)  # a long text is cut into windows here, not by it
    return tokenizer


def _line(error: Exception) -> str:
    """The first line of an error, for a sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return textwrap.shorten(lines[0], 200, placeholder=" ...").rstrip(".: ")
