"""What of a reader is saved: tokens and fast state as tensors, the rest as facts to check."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from duotempo.core import Candidate, Trial, UserError, Verdict
from duotempo.models.body import Body
from duotempo.reader.session import Awake
from duotempo.sleep.latents import FastLatents
from duotempo.sleep.passes import KINDS, FastState
from duotempo.sleep.weights import FastWeights

AWAKE = ("window", "pending", "before")


def pack(awake: Awake, memory: FastState | None) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Facts and tensors of a life."""
    told = {"read": awake.read, "slept": awake.slept, "verdict": _told(awake.verdict)}
    facts: dict[str, Any] = {"memory": memory.kind if memory else None, "awake": told}
    if isinstance(memory, FastWeights):
        facts["scale"] = memory.scale
    tensors: dict[str, Tensor] = {f"awake.{name}": getattr(awake, name) for name in AWAKE}
    tensors |= {f"replay.{i:04}": piece for i, piece in enumerate(awake.replay)}
    if memory:
        tensors |= {f"memory.{name}": t for name, t in memory.tensors.items()}
    return facts, tensors


def _told(verdict: Verdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    trials = [[t.passes, t.loss] for t in verdict.trials]
    return {"passes": verdict.passes, "reason": verdict.reason, "trials": trials}


def unpack(
    facts: Mapping[str, Any], tensors: Mapping[str, Tensor], body: Body
) -> tuple[Awake, FastState | None]:
    """The life that `pack` took apart; raises `UserError` when its parts do not fit this model."""
    try:
        memory = _memory(facts, _under(tensors, "memory."), body)
        return _awake(facts["awake"], tensors, memory), memory
    except (KeyError, TypeError, ValueError, IndexError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"the saved state is not whole ({error!r}): read the text again into a new one"
        ) from error


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    found = {n: t for n, t in tensors.items() if n.startswith(prefix)}
    return {n.removeprefix(prefix): t for n, t in found.items()}


def _memory(
    facts: Mapping[str, Any], tensors: Mapping[str, Tensor], body: Body
) -> FastState | None:
    kind = facts["memory"]
    if kind is None:
        return None
    empty = {
        "weights": FastWeights({}, {}, float(facts.get("scale", 0))),
        "latents": FastLatents({}, {}),
    }
    memory = empty[kind].replaced(tensors)
    like = KINDS[kind]().init(body, torch.arange(64), 0)
    same = memory.tensors.keys() == like.tensors.keys()
    if not same or any(not _fits(t, like.tensors[n]) for n, t in memory.tensors.items()):
        raise UserError("the saved fast state does not fit this model: read the text again")
    return memory


def _fits(saved: Tensor, like: Tensor) -> bool:
    """Same sizes but for one (rank or slots may have been set otherwise), floating, finite."""
    if saved.dim() != like.dim() or not saved.is_floating_point():
        return False
    others = sum(a != b for a, b in zip(saved.shape, like.shape, strict=True))
    return others <= 1 and bool(saved.isfinite().all())


def _awake(
    facts: Mapping[str, Any], tensors: Mapping[str, Tensor], memory: FastState | None
) -> Awake:
    parts = _under(tensors, "awake.")
    replay = _under(tensors, "replay.")
    pieces = tuple(replay[name] for name in sorted(replay))
    for ids in (*parts.values(), *pieces):
        if ids.dtype != torch.long or ids.dim() != 1:
            raise UserError(
                "the saved state holds no token ids where it should: read the text again"
            )
    told = facts["verdict"]
    verdict = None
    if told:
        kept = Candidate(int(told["passes"]), memory) if told["passes"] else None
        trials = tuple(Trial(int(n), float(loss)) for n, loss in told["trials"])
        verdict = Verdict(kept, str(told["reason"]), trials)
    text = {name: parts[name] for name in AWAKE}
    return Awake(
        **text, replay=pieces, read=int(facts["read"]), slept=int(facts["slept"]), verdict=verdict
    )
