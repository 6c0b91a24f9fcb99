"""The model that comes with the package: what the recipe makes, small, and it does recall."""

import pytest
import torch

from duotempo.models.native_folder import NEEDLE, PACKAGED
from duotempo.models.saved import load_model
from duotempo.reader.native import NativeReader
from duotempo.recipes.needle import needle
from duotempo.tasks.batch import score
from duotempo.tasks.needle import Needle
from duotempo.tasks.text import default_text

PROSE = default_text().text[-40_000:]
FACTS = (" The copper key is 90817.", " The pass key is 48213.", " The velvet key is 11350.")


def test_it_is_what_the_recipe_makes_and_small_enough_for_a_repository():
    assert load_model(PACKAGED).config == needle().model
    assert sum(path.stat().st_size for path in PACKAGED.iterdir()) <= 4_000_000


@pytest.mark.parametrize(("kind", "least"), [("passkey", 0.9), ("number", 0.9), ("key", 0.7)])
@torch.no_grad()
def test_it_recalls_every_kind_of_needle_in_prose_unlike_what_it_learned_from(kind, least):
    many = 4 if kind == "key" else 1
    task = Needle(kinds=(kind,), needles=(many,), lengths=(2048,), tokens=32_768, split="held-out")
    batch = task.batch(seed=0, index=0)
    logits, _ = load_model(PACKAGED)(batch.tokens)
    assert score(logits, batch).exact >= least


def test_it_tells_facts_apart_that_stand_40_000_bytes_back():
    reader = NativeReader.open(NEEDLE)
    reader.read("It was late." + "".join(FACTS) + " " + PROSE)
    answers = [reader.ask(cue) for cue in ("The velvet key is", "The copper key is")]
    assert answers == ["11350", "90817"]
    assert reader.ask("The pass key is") == "48213"


def test_what_it_keeps_has_the_size_it_began_with():
    reader = NativeReader.open(NEEDLE)
    first = reader.read(PROSE[:3000]).state_bytes
    assert reader.read(PROSE).state_bytes == first
