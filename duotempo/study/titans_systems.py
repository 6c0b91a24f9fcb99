"""Memory layers beside each other: ours, and that of titans-pytorch; their work in operations."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

import torch
from torch import Tensor, nn

from duotempo.core import UserError
from duotempo.models.config import MemoryConfig
from duotempo.models.memory import NeuralMemory
from duotempo.models.piece import Piece
from duotempo.rules import Gates, Rule

PEER = "peer"
OURS = {"deep": "titans-mlp", "deep by chunk": "titans-mlp-by-chunk", "linear": "titans-linear"}
PRECISIONS = {"fp32": "highest", "bf16": "medium"}
"""What torch's `set_float32_matmul_precision` is set to: "medium" takes products of bf16 parts and
sums them in fp32, for every system alike."""


def need_peer() -> ModuleType:
    """The module `titans_pytorch`. Raises `UserError` when it is not installed."""
    try:
        import titans_pytorch  # noqa: PLC0415, an optional extra  # pyrefly: ignore[missing-import]
    except ModuleNotFoundError as error:
        raise UserError(
            "this study measures titans-pytorch beside us: pip install 'duotempo[bench]', "
            "or use --size smoke, which does without"
        ) from error
    return titans_pytorch


@dataclass(frozen=True)
class Sizes:
    """One memory head `width` wide; a deep one has two layers, four times as wide inside."""

    width: int = 256
    chunk: int = 64

    @property
    def hidden(self) -> int:
        """Width inside of a deep memory."""
        return 4 * self.width

    def layer(self, name: str) -> nn.Module:
        """A whole layer: projections of queries, keys, values and gates, memory, output."""
        torch.manual_seed(0)
        if name == PEER:
            return need_peer().NeuralMemory(dim=self.width, chunk_size=self.chunk)
        return NeuralMemory(self.width, self.memory(name))

    def memory(self, name: str) -> MemoryConfig:
        """The config of one of our memories; no convolutions, since the peer has none."""
        sizes = {"heads": 1, "size": self.width, "hidden": self.hidden, "chunk": self.chunk}
        return MemoryConfig(rule=OURS[name], kernel=1, **sizes)

    def flops(self, name: str) -> int:
        """Operations a token that the form of a memory needs, forward, two for each product.

        Per layer of a deep memory and d h weights: keys 2, signals 2 (not in the first layer),
        outer products 2 (by token 4: memory and surprise), reads 2 (by token 6: slow start,
        memory, surprise); and five projections of the layer. Scores of a chunk: C (d + h) each.
        """
        d, h, c = self.width, self.hidden, self.chunk
        projections = 10 * d * d
        return (
            projections
            + {
                "linear": 12 * d * d + 7 * c * d,
                "deep": 26 * d * h + 4 * c * (d + h),
                "deep by chunk": 14 * d * h,
            }[name]
        )


def answer(layer: nn.Module, x: Tensor) -> Tensor:
    """What a layer that has read nothing answers to `x`."""
    if not isinstance(layer, NeuralMemory):
        return layer(x)[0]
    piece = Piece(torch.zeros(len(x), dtype=torch.int64), x)
    return layer(x, piece, layer.init(len(x), x))[0]


@torch.no_grad()
def forward(layer: nn.Module, x: Tensor) -> None:
    """Forward, no gradient wanted."""
    answer(layer, x)


def both(layer: nn.Module, x: Tensor) -> None:
    """Forward and backward, to all weights."""
    answer(layer, x).pow(2).mean().backward()
    layer.zero_grad(set_to_none=True)


@contextmanager
def settings(precision: str, threads: int) -> Iterator[None]:
    """Torch with so many threads and this precision of products; as before afterwards."""
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(PRECISIONS[precision])
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.set_float32_matmul_precision(before[1])


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def limit(rows: int, sizes: Sizes, times: int = 3) -> float:
    """Operations a second of the product [rows, width] x [width, hidden], best of some."""
    a, b = torch.randn(rows, sizes.width), torch.randn(sizes.width, sizes.hidden)
    best = min(seconds(lambda: a @ b) for _ in range(times + 1))
    return 2 * rows * sizes.width * sizes.hidden / best


def chunk_work(rule: Rule) -> Callable[[Callable], None]:
    """One chunk read and written by a scan that is given, from the same state each time."""
    g = torch.Generator().manual_seed(0)

    def draw(*more: int) -> Tensor:
        return torch.randn(1, rule.heads, rule.chunk, *more, generator=g)

    q, k = (nn.functional.normalize(draw(rule.key), dim=-1) for _ in range(2))
    v, z = draw(rule.value), draw()
    moving = nn.functional.logsigmoid(z)
    gates = Gates(z.sigmoid() * rule.bound(moving), nn.functional.logsigmoid(z + 4), moving)
    base, state = rule.start(g), rule.init(1, q)

    def work(scan: Callable) -> None:
        with torch.no_grad():
            scan(state, q, k, v, gates, base)

    return work
