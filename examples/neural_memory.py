"""A small native model learns to remember a number, streams a text, is saved, and goes on reading.

Run: python examples/neural_memory.py (some ten seconds, most of them training)
"""

import tempfile
from dataclasses import replace
from pathlib import Path

from duotempo.reader.native import NativeReader
from duotempo.recipes.needle import MAG, MEMORY, OPTIMISER
from duotempo.tasks.needle import Needle
from duotempo.tasks.text import default_text
from duotempo.train import Run, Stage, train

TOLD = "It was late. The pass key is 48213. Nobody wrote it down."
CUE = "The pass key is"


def small() -> Run:
    """60 steps on texts of 256 bytes, by a model of window attention and memory side by side."""
    model = replace(MAG, width=64, ff=128, memory=replace(MEMORY, size=32, gate_hidden=32))
    text = Needle(lengths=(256,), tokens=2048, decoys=10.0, prose_weight=0.3)
    stage = Stage(text, steps=60, warmup=10, floor=1.0)
    return Run(model, (stage,), optimiser=OPTIMISER, seed=1)


def said(reader: NativeReader) -> str:
    """Where a reader is, what it holds, and how it ends the cue: from a copy of its state."""
    held = reader.summary()["state_bytes"]
    answer = reader.ask(CUE, tokens=6)
    return f"after {reader.tokens_read:5,} bytes, {held:,} of state: {CUE} {answer}"


with tempfile.TemporaryDirectory() as folder:
    run, state = Path(folder) / "run", Path(folder) / "state"
    trained = train(small(), run)
    print(f"trained on {trained.tokens:,} bytes, answers right: {trained.last['exact']:.0%}")

    print(f"its attention sees {MAG.window} bytes at a time, what is older is in the memory")

    reader = NativeReader.open(run)
    reader.read(TOLD)
    print(said(reader))
    prose = default_text().text[-2000:]  # of the tenth that training does not read
    reader.read(prose[i : i + 100] for i in range(0, 1000, 100))  # cut it anywhere
    print(said(reader))
    reader.save(state)

    again = NativeReader.load(state)  # another day, another process
    for each in (reader, again):
        each.read(prose[1000:])
    print(said(again))
    assert again.generate(CUE, tokens=30) == reader.generate(CUE, tokens=30)
