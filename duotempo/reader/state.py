"""What of a reader is saved: tokens and fast state as tensors, the rest as facts to check."""

import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from duotempo.core import Candidate, Trial, UserError, Verdict
from duotempo.models.body import Body
from duotempo.reader.living import Life, Living
from duotempo.reader.session import Awake, Window
from duotempo.reader.sources import Place
from duotempo.sleep.latents import FastLatents
from duotempo.sleep.passes import KINDS, FastState
from duotempo.sleep.weights import FastWeights

AWAKE = ("window", "pending", "before")
FREE = {"down": 0, "up": 1, "keys": 2, "values": 2}
"""The axis of a fast state's tensors that its maker chose: rank or slots."""
DTYPES = (torch.bfloat16, torch.float16, torch.float32)
MOST = 2**62  # of anything counted
LARGEST = 1e4  # of a fast state's numbers: learned ones stay far below, larger ones overflow


def named_dtype(name: object) -> torch.dtype | None:
    """The dtype of a model that a state may name, `bfloat16` say; None for any other name."""
    return next((dtype for dtype in DTYPES if f"torch.{name}" == str(dtype)), None)


def pack(life: Life) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Facts and tensors of a life."""
    awake, memory = life.awake, life.memory
    told = {"read": awake.read, "slept": awake.slept, "verdict": _told(awake.verdict)}
    facts: dict[str, Any] = {"memory": memory.kind if memory else None, "awake": told}
    facts["unfinished"] = asdict(life.unfinished) if life.unfinished else None
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
    facts: Mapping[str, Any], tensors: Mapping[str, Tensor], living: Living, words: int
) -> Life:
    """The life that `pack` took apart, for a model with a vocabulary of so many words.

    Raises `UserError` when its parts do not fit one another, the settings or the model.
    """
    try:
        memory = _memory(facts, _under(tensors, "memory."), living.body)
        awake = _awake(facts["awake"], tensors, memory)
        place = _place(facts["unfinished"])
    except UserError:
        raise
    except (LookupError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise _unfit(repr(error)) from error
    _check(awake, living.channel, words)
    return Life(awake, memory, place)


def _unfit(why: str) -> UserError:
    why = textwrap.shorten(why, 200, placeholder=" ...")
    return UserError(f"the saved state is not whole ({why}): read the text again into a new one")


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MOST:
        raise _unfit(f"{value!r} is not a number of things")
    return value


def _place(told: Mapping[str, Any] | None) -> Place | None:
    if told is None:
        return None
    return Place(str(told["name"]), _count(told["start"]), _count(told["done"]))


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    found = {n: t for n, t in tensors.items() if n.startswith(prefix)}
    return {n.removeprefix(prefix): t for n, t in found.items()}


def _memory(
    facts: Mapping[str, Any], tensors: Mapping[str, Tensor], body: Body
) -> FastState | None:
    kind = facts["memory"]
    if kind is None:
        return None
    like = KINDS[kind]().init(body, torch.arange(8), 0)
    if tensors.keys() != like.tensors.keys() or not _alike(tensors, like.tensors):
        raise UserError("the saved fast state does not fit this model: read the text again")
    placed = {n: t.to(like.tensors[n].device) for n, t in tensors.items()}
    if kind == "latents":
        return FastLatents({}, {}).replaced(placed)
    scale = float(facts["scale"])
    if not abs(scale) <= LARGEST:
        raise _unfit(f"scale={scale}")
    return FastWeights({}, {}, scale).replaced(placed)


def _alike(saved: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> bool:
    """Sizes as the model wants them, all of one rank or as many slots; numbers of a sane size."""
    free = set()
    for name, tensor in saved.items():
        axis = FREE[name.partition(".")[0]]
        sizes, wanted = list(tensor.shape), list(like[name].shape)
        if len(sizes) != len(wanted) or tensor.dtype not in DTYPES:
            return False
        free.add(sizes.pop(axis))
        wanted.pop(axis)
        if sizes != wanted or not bool((tensor.abs() <= LARGEST).all()):  # a NaN is not either
            return False
    return len(free) == 1 and min(free) > 0


def _awake(
    facts: Mapping[str, Any], tensors: Mapping[str, Tensor], memory: FastState | None
) -> Awake:
    parts, replay = _under(tensors, "awake."), _under(tensors, "replay.")
    told, verdict = facts["verdict"], None
    if told is not None:
        passes = _count(told["passes"])
        trials = tuple(Trial(_count(n), float(loss)) for n, loss in told["trials"])
        kept = Candidate(passes, memory) if passes else None
        verdict = Verdict(kept, str(told["reason"]), trials)
    return Awake(
        **{name: parts[name] for name in AWAKE},
        replay=tuple(replay[name] for name in sorted(replay)),
        read=_count(facts["read"]),
        slept=_count(facts["slept"]),
        verdict=verdict,
    )


def _check(awake: Awake, channel: Window, words: int) -> None:
    """Token ids that the model has, and as many as a life in this channel can hold."""
    for ids in (awake.window, awake.pending, awake.before, *awake.replay):
        if ids.dtype != torch.long or ids.dim() != 1 or ((ids < 0) | (ids >= words)).any():
            raise _unfit("it holds no token ids where it should")
    window, pending = len(awake.window), len(awake.pending)
    sound = (
        awake.read == awake.slept + pending + window
        and window <= channel.size
        and (window == channel.size or not pending + awake.slept)
        and len(awake.before) <= channel.size
        and len(awake.replay) <= channel.sample
        and all(len(piece) == channel.segment for piece in awake.replay)
    )
    if not sound:
        raise _unfit("its parts contradict one another")
