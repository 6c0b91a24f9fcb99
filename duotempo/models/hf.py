"""Native models as Hugging Face models: `from_pretrained`, `generate`, `AutoModelForCausalLM`."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, ClassVar

import torch
from jaxtyping import Int
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    Cache,
    GenerationConfig,
    GenerationMixin,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.utils import can_return_tuple

from duotempo.core import UserError
from duotempo.models.bytes_tokenizer import BYTES, END
from duotempo.models.cache import StateCache, Streams, placed
from duotempo.models.config import Config, from_dict
from duotempo.models.decoder import Decoder
from duotempo.models.memory import NeuralMemory

STRETCH = 64  # tokens that are computed again at a time, when the config does not say
PASSED_ON = ("num_items_in_batch", "ignore_index", "shift_labels")
"""Arguments of a forward pass that are the loss's."""


class DuotempoConfig(PreTrainedConfig):
    """A native model's `Config` in the form that Hugging Face saves and loads.

    `native` is what `Config.to_dict` gives, `native_config` is that config again.
    """

    model_type = "duotempo"
    keys_to_ignore_at_inference: ClassVar[list[str]] = ["past_key_values"]
    native: dict[str, Any] = field(default_factory=lambda: Config().to_dict())

    def __init__(self, *, native: Any = None, **others: Any) -> None:
        # written out: the one that their dataclass makes hides from checkers that it takes others
        values = Config().to_dict() if native is None else native
        if not isinstance(values, Mapping):
            raise UserError("native is no set of values: give what Config.to_dict() gives")
        self.native = from_dict(values).to_dict()
        if unknown := sorted(set(values) - set(self.native)):
            raise UserError(
                f"native names {unknown[0]}, which is no part of a model config: "
                "use the version of duotempo that wrote it"
            )
        super().__init__(**others)

    @property
    def native_config(self) -> Config:
        """The config of the model inside."""
        return from_dict(self.native)

    @property
    def vocab_size(self) -> int:
        """How many tokens there are."""
        return self.native["vocab"]

    @property
    def hidden_size(self) -> int:
        """The width of the stream."""
        return self.native["width"]

    @property
    def num_hidden_layers(self) -> int:
        """How many blocks there are."""
        return len(self.native["layout"])

    @property
    def num_attention_heads(self) -> int:
        """Heads of an attention."""
        return self.native["heads"]


class DuotempoForCausalLM(PreTrainedModel, GenerationMixin):
    """A `Decoder` that Hugging Face's tools can drive; its fast state travels in a `StateCache`.

    Attention masks mark pads before a stream (or after it, where nothing is to follow). A padded
    row gives what it gives alone, unless chunks or segments count tokens: mac layouts and the rule
    titans-mlp-by-chunk cut a padded row at other places, titans-mlp as well. Weights are loaded in
    float32 (or float64 if so saved), also when a half type is asked for; autocast works.
    """

    config_class = DuotempoConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _input_embed_layer = "embedding"

    def __init__(self, config: DuotempoConfig) -> None:
        super().__init__(config)
        self.model = Decoder(config.native_config)
        self.drawn = not self.model.embedding.weight.is_meta
        if config.vocab_size == BYTES:
            self.generation_config = GenerationConfig(eos_token_id=END, pad_token_id=END)
        self._keep_in_fp32_modules_strict = {"model"}  # bfloat16 loses a memory's small updates
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Int[Tensor, "batch time"] | None = None,
        attention_mask: Tensor | None = None,
        past_key_values: Cache | None = None,
        labels: Int[Tensor, "batch time"] | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Logits of the token after each, and the cache to go on from.

        `past_key_values` is moved on by these tokens; with `use_cache=False` it is read and left as
        it is. `labels` are the tokens themselves (-100: not scored) and give the mean loss in nats.
        `logits_to_keep` computes the last so many logits only (0: all). Raises `UserError` for what
        a native model has not: embeddings as input, attentions or hidden states as output.
        """
        if input_ids is None:
            raise UserError("a native model reads tokens: give input_ids, not inputs_embeds")
        if self.dtype.itemsize < 4:
            raise UserError(
                f"the weights were made {self.dtype}: keep them in float32 with model.float(), and "
                "use torch.autocast for speed"
            )
        _refuse(kwargs)
        before = _own(past_key_values)
        past = None if before is None else before.streams
        pads, begun, ended = placed(attention_mask, input_ids.shape, past, input_ids.device)
        features, state = self.model.features(input_ids, past.state if past else None, pads)
        whole = isinstance(logits_to_keep, int)
        kept = slice(-logits_to_keep or None, None) if whole else logits_to_keep
        logits = self.model.head(features[:, kept])
        cache = None
        if use_cache is not False:
            cache = StateCache() if before is None else before
            cache.advance(Streams(state, begun, ended), input_ids.shape[1])
        loss = None
        if labels is not None:
            more = {name: kwargs[name] for name in PASSED_ON if name in kwargs}
            loss = self.loss_function(logits, labels, vocab_size=self.config.vocab_size, **more)
        return CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=cache)

    # pyrefly: ignore[bad-override] - what is not looked at here is passed on
    def prepare_inputs_for_generation(
        self, input_ids: Tensor, next_sequence_length: int | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """What the next forward pass of `generate` gets; raises `UserError` when nothing is new."""
        if next_sequence_length is not None and next_sequence_length < 1:
            read = input_ids.shape[1] - next_sequence_length
            raise UserError(
                f"the cache has read {read} tokens and {input_ids.shape[1]} were given: give "
                "generate the whole text so far with at least one new token, or the new tokens "
                "with an attention_mask over the whole text"
            )
        # pyrefly: ignore[bad-argument-type] - they want a protocol and narrower tensors
        return super().prepare_inputs_for_generation(input_ids, next_sequence_length, **kwargs)

    # pyrefly: ignore[bad-override] - what is not looked at here is passed on
    def _prepare_cache_for_generation(
        self, generation_config: GenerationConfig, model_kwargs: dict[str, Any], *others: Any
    ) -> None:
        """Begin with an empty `StateCache`: stock caches count tokens by an attention layer, which
        a model may lack, and chunked prefill wants a cache before the first pass."""
        if (kind := generation_config.cache_implementation) is not None:
            raise UserError(
                f"cache_implementation={kind!r}: leave it out, a native model has its own state"
            )
        if model_kwargs.get("past_key_values") is not None:
            _own(model_kwargs["past_key_values"])
            # pyrefly: ignore[bad-argument-type] - they want a protocol
            super()._prepare_cache_for_generation(generation_config, model_kwargs, *others)
        elif generation_config.use_cache:
            model_kwargs["past_key_values"] = StateCache()

    @property
    def gradient_checkpointing(self) -> bool:
        """Whether memories compute their activations again in the backward pass, stretch by
        stretch. Setting it is `Config.checkpoint`, for this model as it runs."""
        return any(memory.checkpoint > 0 for memory in self._memories())

    @gradient_checkpointing.setter
    def gradient_checkpointing(self, on: bool) -> None:
        memories = self._memories()
        if on and not memories:
            raise UserError(
                "gradient checkpointing recomputes memories and this model has none: leave it off"
            )
        for memory in memories:
            memory.checkpoint = (self.config.native_config.checkpoint or STRETCH) if on else 0

    def _memories(self) -> list[NeuralMemory]:
        return [module for module in self.modules() if isinstance(module, NeuralMemory)]

    def get_output_embeddings(self) -> nn.Module:
        """The head."""
        return self.model.head

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Another head."""
        self.model.head = new_embeddings

    def _init_weights(self, module: nn.Module) -> None:
        """Nothing: a `Decoder` draws its own weights. Raises `UserError` for weights that a file
        should have held and that nobody has drawn."""
        named = module.named_parameters(recurse=False)
        missing = [n for n, weight in named if not getattr(weight, "_is_hf_initialized", False)]
        if missing and not self.drawn:
            raise UserError(
                f"the file lacks the {missing[0]} of a {type(module).__name__} that its config "
                "asks for, or holds it in another shape: copy the model's folder again"
            )


def wrap(model: Decoder) -> DuotempoForCausalLM:
    """A decoder as a Hugging Face model: the same weights, not a copy."""
    with torch.device("meta"):
        wrapped = DuotempoForCausalLM(DuotempoConfig(native=model.config.to_dict()))
    wrapped.model = model
    return wrapped.train(model.training)


def _own(cache: Cache | None) -> StateCache | None:
    """The cache if it is one of ours; raises `UserError` for another kind."""
    if cache is not None and not isinstance(cache, StateCache):
        raise UserError(
            f"past_key_values is a {type(cache).__name__}: give the StateCache that an earlier "
            "call of this model returned, or None"
        )
    return cache


def _refuse(others: Mapping[str, Any]) -> None:
    """Raise `UserError` for arguments of a forward pass that a native model has no use for."""
    for name, value in others.items():
        if name not in PASSED_ON and value is not None and value is not False:
            raise UserError(f"{name} is nothing that a native model knows: leave it out")


AutoConfig.register(DuotempoConfig.model_type, DuotempoConfig, exist_ok=True)
AutoModelForCausalLM.register(DuotempoConfig, DuotempoForCausalLM, exist_ok=True)
