"""Latent thoughts: vectors fitted to what was read steer the decoder in what it foretells.

The equations are in `inference.py` and `posterior.py`; here is when a fit happens and what it sees.
"""

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils._pytree import register_dataclass

from duotempo.core import UserError
from duotempo.models.blocks import LatentBlock
from duotempo.models.decoder import Decoder, State
from duotempo.models.inference import Amortised, Rule, Slope, frozen
from duotempo.models.posterior import STANDARD, Latent, Noise, Posterior, Prior, decayed, shared
from duotempo.models.saved import THINKING
from duotempo.models.shape import LATENT, Shape
from duotempo.models.thinking import AMORTISED, RULES, Thinking

Tokens = Float[Tensor, "batch time width"]


@dataclass(frozen=True)
class Thought(State):
    """A stream's state: the model's own, the posterior, and the open segment: its tokens, and the
    model's state when it began."""

    posterior: Posterior
    before: State
    tokens: Int[Tensor, "batch filled"]

    @property
    def time(self) -> int:
        """Tokens of the open segment."""
        return self.tokens.shape[1]


register_dataclass(Thought)


class LatentDecoder(Decoder):
    """A decoder whose latents are fitted to each segment when it is full and a token follows.

    So a token is foretold by what stood before it alone, in a state whose size does not grow.
    Raises `UserError` for a config without latent blocks.
    """

    def __init__(self, config: Shape, thinking: Thinking) -> None:
        super().__init__(config)
        if LATENT not in config.layout:
            raise UserError(f"layout={config.layout}: latents need blocks of the kind {LATENT!r}")
        self.thinking = thinking
        self.layers = [i for i, kind in enumerate(config.layout) if kind == LATENT]

    def beside(self) -> Mapping[str, Mapping[str, Any]]:
        """The policy, for the model's folder."""
        return {THINKING: self.thinking.to_dict()}

    def stored(self, position: int) -> Thought:
        """A stream with as many tokens in its open segment as at this position."""
        filled = position % self.thinking.segment or min(position, self.thinking.segment)
        begun = self.init(1)
        return replace(begun, tokens=begun.tokens.new_zeros(1, filled))

    def thinking_as(self, **changes: Any) -> "LatentDecoder":
        """The same weights under another policy."""
        twin = copy(self)
        twin.thinking = replace(self.thinking, **changes)
        return twin

    @property
    def latents(self) -> int:
        """Vectors a sequence, over all blocks."""
        return len(self.layers) * self.config.latents

    def zero(self, batch: int) -> Latent:
        """The mean of the prior."""
        return self.embedding.weight.new_zeros(batch, self.latents, self.config.width)

    def rule(self) -> Rule:
        """The preset's."""
        name = self.thinking.preset.rule
        if name != AMORTISED:
            return RULES[name]
        bends = [cast(LatentBlock, self.blocks[i]).latent.curvature for i in self.layers]
        wide = [bend.expand(self.config.latents, -1) for bend in bends]
        return Amortised(torch.cat(wide))

    def init(self, batch: int) -> Thought:
        """The state of `batch` streams that have not begun."""
        return self.opened(super().init(batch))

    def dreamt(self, batch: int, noise: Noise) -> Thought:
        """Streams that have not begun, each steered by a draw from the prior."""
        begun = self.init(batch)
        z = STANDARD.posterior(self.zero(batch)).sample(noise)
        steered = self.steered(begun, z)
        return replace(begun, blocks=steered.blocks, before=steered)

    def opened(self, state: State) -> Thought:
        """The state as it is if it thinks, else with the prior and an empty segment."""
        if isinstance(state, Thought):
            return state
        batch = state.position.shape[0]
        none = torch.empty(batch, 0, dtype=torch.int64, device=state.position.device)
        prior = STANDARD.posterior(self.zero(batch))
        return Thought(state.position, state.blocks, prior, state, none)

    def features(
        self,
        tokens: Int[Tensor, "batch time"],
        state: State | None = None,
        pads: Bool[Tensor, "batch time"] | None = None,
    ) -> tuple[Tokens, Thought]:
        """As `Decoder.features`; fits where a segment is full and a token follows. Raises
        `UserError` for pads: rows would fill their segments at different times."""
        if pads is not None:
            raise UserError("a model with latents takes no pads: read each stream by itself")
        thought = self.init(tokens.shape[0]) if state is None else self.opened(state)
        self._check(tokens, thought)
        own = self.training and self.thinking.learn == "own"
        found: list[Tensor] = []
        for piece in self._pieces(tokens, thought.time):
            if thought.time == self.thinking.segment:
                thought = self.opened_anew(thought) if own else self.thought(thought)
            if own:
                thought = self._taught(piece, thought)
            x, after = self.run(piece, thought)
            thought = replace(
                thought,
                position=after.position,
                blocks=after.blocks,
                tokens=torch.cat((thought.tokens, piece), 1),
            )
            found.append(x)
        return torch.cat(found, 1) if found else self.norm(self.embedding(tokens)), thought

    def read(
        self,
        tokens: Int[Tensor, "batch time"],
        state: State | None = None,
        pads: Bool[Tensor, "batch time"] | None = None,
    ) -> Thought:
        """The state after the tokens, as `features` would leave it."""
        return self.features(tokens, state, pads)[1]

    def run(self, tokens: Int[Tensor, "batch time"], state: State) -> tuple[Tokens, State]:
        """Features of tokens read with what the blocks hold, no fit."""
        return super().features(tokens, State(state.position, state.blocks))

    def thought(self, state: Thought) -> Thought:
        """The stream with a posterior fitted to its open segment, and an empty segment.

        Its noise is a matter of the position, so that a stream may be cut anywhere. Raises
        `UserError` for a segment of less than two tokens.
        """
        prior = decayed(state.posterior, self.thinking.carry)
        through = self.training and self.thinking.through and torch.is_grad_enabled()
        noise = torch.randn_like if self.training else shared(int(state.before.position[0]))
        posterior = self.fit(state.tokens, state.before, prior=prior, noise=noise, through=through)
        return self.opened_anew(replace(state, posterior=posterior))

    def opened_anew(self, state: Thought) -> Thought:
        """An empty segment, its tokens to be steered by the posterior's mean."""
        before = self.steered(state, state.posterior.mean)
        return replace(state, blocks=before.blocks, before=before, tokens=state.tokens[:, :0])

    def steered(self, state: State, z: Latent) -> State:
        """The model's state with other latents in its blocks."""
        steered = list(state.blocks)
        for layer, part in zip(self.layers, z.split(self.config.latents, 1), strict=True):
            block = cast(LatentBlock, self.blocks[layer])
            old = state.blocks[layer]
            steered[layer] = replace(old, parts=(old.parts[0], block.latent.shown(part)))
        return State(state.position, tuple(steered))

    def nats(
        self,
        z: Latent,
        tokens: Int[Tensor, "batch time"],
        targets: Int[Tensor, "batch time"],
        state: State | None = None,
    ) -> Float[Tensor, "batch time"]:
        """-log p(target | tokens so far, z) for each, in nats. The tokens begin a stream, or go on
        from a state."""
        begun = super().init(tokens.shape[0]) if state is None else state
        x, _ = self.run(tokens, self.steered(begun, z))
        logits = self.head(x)
        logits = logits.float() if logits.dtype.itemsize < 4 else logits
        lost = cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        return lost.view_as(targets)

    def fit(
        self,
        tokens: Int[Tensor, "batch time"],
        state: State | None = None,
        *,
        prior: Prior = STANDARD,
        start: Posterior | None = None,
        steps: int | None = None,
        noise: Noise = torch.randn_like,
        through: bool = False,
    ) -> Posterior:
        """A posterior fitted to the tokens after the first, with the weights frozen.

        Raises `UserError` for less than two tokens, or more than a segment.
        """
        most = self.thinking.segment
        if not 2 <= tokens.shape[1] <= most + 1:
            raise UserError(
                f"latents are fitted to 2 to {most + 1} tokens, a segment and one after it, and "
                f"these are {tokens.shape[1]}: give the last {most + 1}, or read them with "
                "model(tokens), which goes from segment to segment"
            )
        preset = self.thinking.preset
        steps = preset.steps if steps is None else steps
        slope = self.slope(tokens, state, through=through)
        if start is None:
            like = self.zero(tokens.shape[0])
            start = prior.posterior(like) if preset.log_var == 0 else preset.start(like, noise)
        if through:
            return self.rule().fit(start, prior, slope, steps, noise)
        with frozen(self), torch.no_grad():
            return self.rule().fit(start, prior, slope, steps, noise).detached()

    def slope(
        self,
        tokens: Int[Tensor, "batch time"],
        state: State | None = None,
        *,
        through: bool = False,
    ) -> Slope:
        """The gradient of the nats of all tokens but the first with respect to z."""

        def at(z: Latent) -> Latent:
            with torch.enable_grad():
                z = z if through and z.requires_grad else z.detach().requires_grad_()
                lost = self.nats(z, tokens[:, :-1], tokens[:, 1:], state).sum()
                return torch.autograd.grad(lost, z, create_graph=through)[0]

        return at

    def _taught(self, piece: Tensor, thought: Thought) -> Thought:
        """Before its own tokens are read: a draw from a posterior fitted to them (training).

        A single token is too little to be fitted to.
        """
        if piece.shape[1] < 2:
            return thought
        posterior = self.fit(piece, thought)
        steered = self.steered(thought, posterior.sample(torch.randn_like))
        return replace(thought, posterior=posterior, blocks=steered.blocks)

    def _pieces(self, tokens: Tensor, time: int) -> Iterator[Tensor]:
        """Tokens cut where segments end, the first of which has `time` tokens already."""
        segment = self.thinking.segment
        start, room = 0, segment - time or segment
        while start < tokens.shape[1]:
            yield tokens[:, start : start + room]
            start, room = start + room, segment
