"""Write pairs into latent vectors by gradient steps, drop the context, and ask for them.

Run: python examples/latent_recall.py (some twenty seconds, most of them training)
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from duotempo.models.latent_saved import load_latent
from duotempo.recipes.latent import TASK, recall_run
from duotempo.train import train

torch.set_num_threads(1)
task = replace(TASK, vocabulary=33, pairs=8, queries=8, length=32)
told = 2 * task.pairs

with TemporaryDirectory() as folder:
    trained = train(recall_run("8 latents", task=task, steps=120), Path(folder) / "run")
    model = load_latent(trained.model)

batch = task.batch(seed=1, index=0)
for steps in (0, 1, 2, 4):
    thinker = model.thinking_as(preset=model.thinking.preset.at(steps))
    with torch.no_grad():
        state = thinker.thought(thinker.read(batch.tokens[:, :told]))  # z is fitted, the rest goes
        logits, _ = thinker(batch.tokens[:, told:], state)
    asked = batch.answers[:, told:]
    right = (logits.argmax(-1) == batch.targets[:, told:])[asked].float().mean()
    print(f"{steps} steps of the fit: {right:.0%} of the values recalled from z")
