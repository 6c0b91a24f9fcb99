"""A policy of chat: a Hugging Face model with a chat template, its slow channel a small adapter."""

import contextlib
from collections.abc import Generator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from duotempo.adapt.drawing import Drawer, Read, before
from duotempo.adapt.policy import Asked, Logits, Rollouts, Weights
from duotempo.core import UserError
from duotempo.models.pretrained import quiet


class ChatPolicy:
    """A causal model that reads a prompt as the system's message and a problem as the user's.

    `rank` is that of a LoRA adapter on every linear layer but the head, whose weights alone move;
    None: all weights move, beside a frozen copy. An answer is at most `longest` tokens, its end
    included; a step holds the logits of `piece` rollouts at once. A template that takes no message
    of a system gets the prompt at the head of the user's. `seed` decides the adapter's start.

    Log-probabilities are those at temperature 1, whatever the answers were drawn at: the ratio of
    now to then is 1 until weights move, and does not mend what another temperature drew.

    Raises `UserError` for a model without a chat template, or without peft where it is needed.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        rank: int | None = 8,
        longest: int = 24,
        piece: int | None = 8,
        seed: int = 0,
    ) -> None:
        if longest < 1 or any(each is not None and each < 1 for each in (rank, piece)):
            raise UserError(
                f"rank={rank}, longest={longest}, piece={piece}: all at least 1; rank=None moves "
                "all weights, piece=None makes a step at once"
            )
        if not tokenizer.chat_template:
            raise UserError(
                "this model's tokenizer has no chat template: take the model's -Instruct or -chat "
                "version, or set tokenizer.chat_template"
            )
        self.tokenizer, self.longest, self.piece = tokenizer, longest, piece
        self.ends = _ends(model, tokenizer)
        self.base = None if rank else deepcopy(model).eval().requires_grad_(False)
        self.model: Any = _with_adapter(model, rank, seed) if rank else model.requires_grad_(True)
        self.model.eval()
        self.with_system = True
        self.with_system = _takes_system(tokenizer)

    def sample(self, asked: Sequence[Asked], temperature: float, seed: int) -> Rollouts:
        """As `Policy.sample`; an answer ends with the model's own end, which counts as said."""
        read = self.read([self.rendered(a.prompt, a.problem.text) for a in asked])
        said = Drawer(self.ends, self.longest, temperature)(self.model, read, seed)
        rows = zip(said.tokens, said.mask, strict=True)
        answers = tuple(self.text(row[mask]) for row, mask in rows)
        return Rollouts(
            tuple(asked), read.tokens, read.pads, said.tokens, said.mask, said.logp, answers
        )

    def logits(self, rollouts: Rollouts) -> Logits:
        """As `Policy.logits`."""
        return before(self.model, rollouts)

    @torch.no_grad()
    def reference(self, rollouts: Rollouts) -> Logits:
        """As `Policy.reference`."""
        with self.unmoved() as model:
            return before(model, rollouts)

    def weights(self) -> list[torch.nn.Parameter]:
        """The adapter's, or all."""
        return [p for p in self.model.parameters() if p.requires_grad]

    def taken(self) -> Weights:
        """A copy of them by name."""
        named = self.model.named_parameters()
        return {name: p.detach().clone() for name, p in named if p.requires_grad}

    @torch.no_grad()
    def put(self, weights: Mapping[str, Tensor]) -> None:
        """Go on from a copy."""
        for name, p in self.model.named_parameters():
            if p.requires_grad:
                p.copy_(weights[name])

    def saved(self, folder: Path) -> Path:
        """Write the adapter as peft reads it, or the whole model as transformers does, with the
        tokenizer. Raises `UserError` for a folder that cannot be written."""
        # peft would ask the hub whether the embeddings have grown: they do not move here
        how = {} if self.base is not None else {"save_embedding_layers": False}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with quiet():
                self.model.save_pretrained(folder, **how)
                self.tokenizer.save_pretrained(folder)
        except OSError as error:
            raise UserError(
                f"cannot write the model to {folder} ({error}): name a folder that can be written"
            ) from error
        return folder

    def speak(self, text: str, *, longest: int, temperature: float, seed: int) -> str:
        """What the model as it began says to a text, under no prompt, in `longest` tokens."""
        read = self.read([_templated(self.tokenizer, {"user": text})])
        with self.unmoved() as model:
            said = Drawer(self.ends, longest, temperature)(model, read, seed)
        return self.text(said.tokens[0][said.mask[0]])

    def rendered(self, prompt: str, problem: str) -> str:
        """The text that the model reads before it answers."""
        if self.with_system:
            return _templated(self.tokenizer, {"system": prompt, "user": problem})
        return _templated(self.tokenizer, {"user": f"{prompt}\n\n{problem}".strip()})

    def read(self, texts: Sequence[str]) -> Read:
        """Rendered texts as tokens."""
        rows = [self.tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
        widest = max(map(len, rows))
        missing = torch.tensor([widest - len(row) for row in rows])
        tokens = torch.tensor([[self.ends[0]] * (widest - len(row)) + row for row in rows])
        pads = torch.arange(widest) < missing[:, None]
        device = next(self.model.parameters()).device
        return Read(tokens.to(device), pads.to(device))

    def text(self, tokens: Tensor) -> str:
        """Drawn tokens as an answer."""
        return str(self.tokenizer.decode(tokens.tolist(), skip_special_tokens=True)).strip()

    @contextlib.contextmanager
    def unmoved(self) -> Generator[Any]:
        """Within: the model with the weights that it began with."""
        if self.base is not None:
            yield self.base
            return
        with self.model.disable_adapter():
            yield self.model


def need_peft() -> Any:
    """The module `peft`. Raises `UserError` when it is not installed."""
    try:
        import peft  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise UserError(
            'an adapter needs peft: run `pip install "duotempo[adapt]"`, or give rank=None'
        ) from error
    return peft


def _with_adapter(model: PreTrainedModel, rank: int, seed: int) -> Any:
    """The frozen model with a LoRA adapter that changes nothing yet."""
    peft = need_peft()
    config = peft.LoraConfig(
        r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(seed)
        return peft.get_peft_model(model.requires_grad_(False), config)


def _templated(tokenizer: PreTrainedTokenizerBase, said: Mapping[str, str]) -> str:
    """Messages by role as the model's own text, up to where its answer begins."""
    messages = [{"role": role, "content": content} for role, content in said.items()]
    text = tokenizer.apply_chat_template(
        messages,
        tokenize=False,
        add_generation_prompt=True,
        enable_thinking=False,  # for templates that know it: an answer of 24 tokens has no room
    )
    return str(text)


def _takes_system(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the template shows a system's message; some raise, some leave it out."""
    try:
        return "Be brief." in _templated(tokenizer, {"system": "Be brief.", "user": "Hello"})
    except Exception:  # noqa: BLE001 - a stranger's template may fail in any way
        return False


def _ends(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """Tokens that end an answer: the tokenizer's end, and those the model was published with."""
    more = getattr(model.generation_config, "eos_token_id", None)
    found = [tokenizer.eos_token_id, *(more if isinstance(more, list) else [more])]
    ends = tuple(dict.fromkeys(each for each in found if isinstance(each, int)))
    if not ends:
        raise UserError("this model names no token that ends an answer: set tokenizer.eos_token")
    return ends
