"""Training in several processes: each reads its rows of a batch, FSDP2 splits the weights."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from duotempo.core import UserError
from duotempo.tasks.batch import Batch


@dataclass(frozen=True)
class World:
    """The processes that train together: which one this is, how many there are."""

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - immutable

    @property
    def first(self) -> bool:
        """Whether this is the process that writes the log and speaks."""
        return self.rank == 0

    def rows(self, batch: Batch) -> Batch:
        """This process's rows of the batch that all of them train on."""
        many = len(batch.tokens)
        if many % self.size:
            raise UserError(
                f"a batch of {many} rows cannot be split over {self.size} processes: "
                "use a number of processes that divides it"
            )
        mine = slice(self.rank * many // self.size, (self.rank + 1) * many // self.size)
        parts = {
            name: getattr(batch, name)[mine].to(self.device)
            for name in ("tokens", "targets", "weights", "answers")
        }
        return replace(batch, **parts)

    def place(self, model: nn.Module) -> nn.Module:
        """The model on this process's device; in company its weights are split, block by block."""
        model = model.to(self.device)
        if self.size > 1:
            mesh = init_device_mesh(self.device.type, (self.size,))
            for blocks in [m for m in model.children() if isinstance(m, nn.ModuleList)]:
                for block in blocks:
                    fully_shard(block, mesh=mesh)
            # the root too: after an evaluation no backward pass comes to split it again
            fully_shard(model, mesh=mesh, reshard_after_forward=True)
        return model

    def sum(self, numbers: Tensor) -> Tensor:
        """The numbers of all processes, added up."""
        if self.size > 1:
            dist.all_reduce(numbers)
        return numbers

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def joined() -> Iterator[World]:
    """The world that `torchrun` set up, or this process alone.

    A process group that is there already is used and left as it is; else one is made and left at
    the end. Whoever trains several times in one process makes it first: a second group could meet
    the last moments of the first.
    """
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(kind)
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World(device=device)
        return
    if kind == "cuda":
        device = torch.device(kind, int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    made = not dist.is_initialized()
    if made:
        dist.init_process_group("nccl" if kind == "cuda" else "gloo")
    try:
        with warnings.catch_warnings():
            # it fears for a view that is changed in place: a step changes no output in place
            warnings.filterwarnings("ignore", "FSDP2-wrapped module")
            yield World(dist.get_rank(), size, device)
    finally:
        if made:
            dist.destroy_process_group()
