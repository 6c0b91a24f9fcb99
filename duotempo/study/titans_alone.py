"""Work measured in a process of its own, since peak memory never falls: calls and a long stream."""

import json
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch.utils._pytree import tree_map

from duotempo.core import UserError
from duotempo.models.config import Config, MemoryConfig
from duotempo.models.decoder import Decoder
from duotempo.study.titans_systems import Sizes, both, forward

PIECE = 2048
WORK = {"forward": forward, "both": both}


def alone(*words: str | int) -> dict[str, float]:
    """The numbers of `growth` or `stream`, run by another Python with one thread."""
    command = [sys.executable, "-m", "duotempo.study.titans_alone", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout)


def memory(which: str) -> float:
    """Memory of this process in MiB: VmRSS now, VmHWM at its peak.

    Not `getrusage`: there a process begins with the peak of the one that started it, which would
    hide any growth. Raises `UserError` where the system does not say.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError as error:
        raise UserError("growth is read from /proc: run this study on Linux") from error
    return next(int(x.split()[1]) / 1024 for x in status.splitlines() if x.startswith(which))


def growth(name: str, what: str, width: int, chunk: int, tokens: int) -> dict[str, float]:
    """The peak of a call over `tokens` above what is held after a call over one chunk."""
    layer, work = Sizes(width, chunk).layer(name), WORK[what]
    work(layer, torch.randn(1, chunk, width))
    x = torch.randn(1, tokens, width)
    before = memory("VmRSS")
    work(layer, x)
    return {"growth": memory("VmHWM") - before}


@torch.no_grad()
def stream(width: int, tokens: int, early: int, seed: int) -> dict[str, float]:
    """A small model reads random bytes in pieces: memory after `early` and after all of them,
    tokens/s in the first and in the last tenth behind that, and a token's milliseconds at the end.
    """
    torch.manual_seed(seed)
    rule = MemoryConfig(heads=4, size=width // 4)
    config = Config(width=width, layout=("attention", "mag"), ff=3 * width, memory=rule)
    model = Decoder(config).eval()
    state, times = None, []
    done, settled, low = 0, 0, 0.0
    while done < tokens:
        piece = torch.randint(0, 256, (1, min(PIECE, tokens - done)))
        begun = time.perf_counter()
        _, state = model.features(piece, state)
        times.append((time.perf_counter() - begun) / piece.shape[1])
        state = tree_map(torch.Tensor.detach, state)
        done += piece.shape[1]
        if not low and done >= early:
            low, settled = memory("VmHWM"), len(times)
    tenth = max(1, (len(times) - settled) // 10)
    assert state is not None
    return {
        "growth": memory("VmHWM") - low,
        "start": 1 / _median(times[settled : settled + tenth] or times),
        "end": 1 / _median(times[-tenth:]),
        "bytes": float(state.bytes),
        "weights": float(sum(p.numel() for p in model.parameters())),
    }


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def main(words: list[str]) -> None:
    """Write the numbers of one piece of work as JSON."""
    torch.set_num_threads(1)
    if words[0] == "growth":
        found = growth(words[1], words[2], *map(int, words[3:]))
    else:
        found = stream(*map(int, words[1:]))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
