"""Sleep in a native model: when the window is full, loop the stack over it and keep fast weights.

The equations are in `pass_over` and `woken`; all else is bookkeeping about where a window begins.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
import torch.distributed as dist
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F
from torch.utils._pytree import register_dataclass, tree_leaves, tree_map
from torch.utils.checkpoint import checkpoint

from duotempo.core import UserError
from duotempo.models.blocks import Block, BlockState
from duotempo.models.config import Config
from duotempo.models.decoder import Decoder, State
from duotempo.models.memory import MemoryState
from duotempo.models.piece import Piece
from duotempo.models.saved import SLEEP
from duotempo.models.shape import Shape
from duotempo.sleep.policy import Policy, check_passes

Tokens = Float[Tensor, "batch time width"]
Blocks = tuple[BlockState, ...]


@dataclass(frozen=True)
class OpenWindow(State):
    """A stream's state: the model's own, and what the open window needs to be slept on.

    `before` are the blocks' states when the window began. Of the window's tokens: themselves, what
    entered the loop, and what the last pass left. `passes` counts the passes over it; the reading
    is the first.
    """

    before: Blocks
    tokens: Int[Tensor, "batch filled"]
    entered: Float[Tensor, "batch filled width"]
    left: Float[Tensor, "batch filled width"]
    passes: int = 1

    @property
    def time(self) -> int:
        """Tokens of the open window."""
        return self.tokens.shape[1]

    @property
    def bytes(self) -> int:
        """Size of all tensors together, each counted once."""
        tensors = {id(t): t for t in tree_leaves(self) if isinstance(t, Tensor)}
        return sum(t.numel() * t.element_size() for t in tensors.values())


register_dataclass(OpenWindow)


class Sleeper(Decoder):
    """A decoder that sleeps whenever its window is full and more is to come.

    With one pass and hard eviction this is the plain hybrid that reads window by window; with one
    pass and sliding eviction it is `Decoder` itself. Slow weights never change in sleep. Raises
    `UserError` for a policy that does not fit the config.
    """

    def __init__(self, config: Shape, policy: Policy) -> None:
        super().__init__(config)
        self.policy = policy
        self.looped = policy.range(len(config.layout))

    def beside(self) -> Mapping[str, Mapping[str, Any]]:
        """The policy, for the model's folder."""
        return {SLEEP: self.policy.to_dict()}

    def with_passes(self, passes: int) -> "Sleeper":
        """The same weights with so many passes a sleep; raises `UserError` for less than one."""
        twin = copy(self)
        twin.policy = replace(self.policy, passes=passes)
        return twin

    def init(self, batch: int) -> OpenWindow:
        """The state of `batch` streams that have not begun."""
        return self.opened(super().init(batch))

    def opened(self, state: State) -> OpenWindow:
        """The state as it is if a window is open in it, else with an empty one."""
        if isinstance(state, OpenWindow):
            return state
        like, batch = self.embedding.weight, state.position.shape[0]
        none = torch.empty(batch, 0, dtype=torch.int64, device=like.device)
        nothing = like.new_empty(batch, 0, self.config.width)
        return OpenWindow(state.position, state.blocks, state.blocks, none, nothing, nothing)

    def forward(
        self,
        tokens: Int[Tensor, "batch time"],
        state: State | None = None,
        pads: Bool[Tensor, "batch time"] | None = None,
    ) -> tuple[Float[Tensor, "batch time vocab"], OpenWindow]:
        """As `Decoder.forward`; sleeps where a window is full and a token follows."""
        features, after = self.features(tokens, state, pads)
        return self.head(features), after

    def features(
        self,
        tokens: Int[Tensor, "batch time"],
        state: State | None = None,
        pads: Bool[Tensor, "batch time"] | None = None,
    ) -> tuple[Tokens, OpenWindow]:
        """As `Decoder.features`; sleeps where a window is full and a token follows. Raises
        `UserError` for pads: rows would fill their windows at different times."""
        if pads is not None:
            raise UserError("a model that sleeps takes no pads: read each stream by itself")
        window = self.init(tokens.shape[0]) if state is None else self.opened(state)
        self._check(tokens, window)
        passes, found = self._drawn(), []
        for piece in self._pieces(tokens, window.time):
            if window.time == self.policy.window:
                window = self.slept(window, passes)
            x, window = self._kept_small(self.awake, piece, window)
            found.append(x)
        return self.norm(torch.cat(found, 1) if found else self.embedding(tokens)), window

    def read(
        self,
        tokens: Int[Tensor, "batch time"],
        state: State | None = None,
        pads: Bool[Tensor, "batch time"] | None = None,
    ) -> OpenWindow:
        """The state after the tokens, as `features` would leave it."""
        return self.features(tokens, state, pads)[1]

    def awake(
        self, tokens: Int[Tensor, "batch time"], window: OpenWindow
    ) -> tuple[Tokens, OpenWindow]:
        """Read tokens that the open window has room for: what the last block gives, the state."""
        assert window.time + tokens.shape[1] <= self.policy.window, "the window has no room"
        piece = Piece(window.position, self.embedding(tokens))
        low, loop, high = self._parts()
        entered, lows = self._run(piece.embedded, piece, window.blocks, low)
        left, loops = self._run(entered, piece, window.blocks, loop)
        x, highs = self._run(left, piece, window.blocks, high)
        return x, replace(
            window,
            position=window.position + tokens.shape[1],
            blocks=(*lows, *loops, *highs),
            tokens=_longer(window.tokens, tokens),
            entered=_longer(window.entered, entered),
            left=_longer(window.left, left),
        )

    def slept(self, window: OpenWindow, passes: int | None = None) -> OpenWindow:
        """An empty window behind `passes` passes over this one (None: as many as the policy says),
        those that it had included.

        Raises `UserError` for less than one, or less than it had.
        """
        passes = self.policy.passes if passes is None else passes
        check_passes(passes)
        if passes < window.passes:
            raise UserError(f"the window had {window.passes} passes already: ask for no less")
        free = passes - (self.policy.truncate or passes)  # passes without a gradient
        while window.passes < passes:
            if window.passes <= free:
                window = cast(OpenWindow, tree_map(_detached, window))
            if window.passes < free:
                with torch.no_grad():
                    window = self.pass_over(window)
            else:
                window = self._kept_small(self.pass_over, window)
        return self.woken(window)

    def pass_over(self, window: OpenWindow) -> OpenWindow:
        """One more pass: h, S <- Blocks(h, S), with what is not S as it was when the window began.

        Source: arXiv 2605.26099, algorithm 1.
        """
        loop = self.looped
        x = window.left if self.policy.carry == "hidden" else window.entered
        if self.policy.carry == "inject":
            x = F.rms_norm(window.left, window.left.shape[-1:]) + window.entered
        begin = joined(window.before, window.blocks)
        left, after = self._run(x, self._whole(window), begin, loop)
        blocks = list(window.blocks)
        blocks[loop.start : loop.stop] = joined(window.blocks[loop.start : loop.stop], after)
        return replace(window, blocks=tuple(blocks), left=left, passes=window.passes + 1)

    def woken(self, window: OpenWindow) -> OpenWindow:
        """What is left of a window after its last pass: fast weights, and with sliding eviction
        what attention and convolutions hold of the reading. Blocks above the loop take in what
        the last pass left."""
        blocks, (*_, high) = window.blocks, self._parts()
        if window.passes > 1 and high:
            _, highs = self._run(window.left, self._whole(window), window.before, high)
            kept = joined(blocks[high.start :], highs)
            blocks = (*blocks[: high.start], *kept)
        if self.policy.eviction == "hard":
            fresh = super().init(window.position.shape[0])
            blocks = joined(fresh.blocks, blocks)
        return self.opened(State(window.position, blocks))

    def _whole(self, window: OpenWindow) -> Piece:
        """The window as layers see it in a pass after the reading."""
        begun, tokens = window.position - window.time, self.embedding(window.tokens)
        return Piece(begun, tokens, both_ways=self.policy.both_ways)

    def _kept_small(self, work: Callable[..., Any], *inputs: Any) -> Any:
        """What a pass gives; for training, its activations may be computed again backwards."""
        if self.policy.checkpoint and torch.is_grad_enabled():
            return checkpoint(work, *inputs, use_reentrant=False)
        return work(*inputs)

    def _parts(self) -> tuple[range, range, range]:
        """The blocks below, in and above the loop."""
        return (
            range(self.looped.start),
            self.looped,
            range(self.looped.stop, len(self.blocks)),
        )

    def _run(
        self, x: Tokens, piece: Piece, states: Blocks, numbers: range
    ) -> tuple[Tokens, Blocks]:
        """The stream after the blocks of these numbers, and their states."""
        after = []
        for number in numbers:
            x, state = cast(Block, self.blocks[number])(x, piece, states[number])
            after.append(state)
        return x, tuple(after)

    def _pieces(self, tokens: Tensor, time: int) -> Iterator[Tensor]:
        """Tokens cut where windows end, the first of which has `time` tokens already."""
        start, room = 0, self.policy.window - time or self.policy.window
        while start < tokens.shape[1]:
            yield tokens[:, start : start + room]
            start, room = start + room, self.policy.window

    def _drawn(self) -> int:
        """The passes of this call; processes that train one model together make equally many."""
        if not (self.training and self.policy.sampled):
            return self.policy.passes
        drawn = torch.randint(1, self.policy.passes + 1, ()).to(self.embedding.weight.device)
        if dist.is_available() and dist.is_initialized():
            dist.broadcast(drawn, 0)
        return int(drawn)


def joined(near: Blocks, fast: Blocks) -> Blocks:
    """Blocks with the fast weights of `fast`, and everything else as `near` has it."""
    return tuple(_one(a, b) for a, b in zip(near, fast, strict=True))


def _one(near: BlockState, fast: BlockState) -> BlockState:
    def is_memory(part: object) -> bool:
        return isinstance(part, MemoryState)

    def pick(a: object, b: Any) -> object:
        return replace(a, rule=b.rule) if isinstance(a, MemoryState) else a

    return cast(BlockState, tree_map(pick, near, fast, is_leaf=is_memory))


def _longer(before: Tensor, new: Tensor) -> Tensor:
    """Both in a row, without a copy where nothing was before."""
    return torch.cat((before, new), 1) if before.shape[1] else new


def _detached(part: object) -> object:
    return part.detach() if isinstance(part, Tensor) else part


@dataclass(frozen=True)
class SleeperConfig:
    """A model that sleeps: a decoder's config and a policy. Raises `UserError` if they do not fit.

    This is what a training run takes as its model.
    """

    config: Config
    policy: Policy

    def __post_init__(self) -> None:
        self.policy.check(self.config)

    def build(self) -> Sleeper:
        """The model, with weights to be trained."""
        return Sleeper(self.config, self.policy)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**self.config.to_dict(), "sleep": self.policy.to_dict()}
