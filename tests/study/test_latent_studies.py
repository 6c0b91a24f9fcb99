"""What the studies of latents claim, from planted rows, and what they measure on toys."""

import math

import pytest
import torch

from duotempo.models.latent import LatentDecoder
from duotempo.models.parity import TRUTH, audit
from duotempo.recipes.latent import ARMS, LATENT, MORE, PAPER, PLAIN, TEXT_SEGMENT
from duotempo.study.base import Row
from duotempo.study.latent_audit import LatentAudit
from duotempo.study.latent_cost import LatentCost
from duotempo.study.latent_recall import BY_LATENTS, LatentRecall, recalled, recipe
from duotempo.study.latent_text import LatentText, held, losses, parts, places
from duotempo.study.latent_text import recipe as text_recipe
from duotempo.study.run import Job
from duotempo.tasks.prose import Prose


def test_the_toy_costs_ln_2_by_the_truth():
    assert pytest.approx(math.log(2)) == TRUTH


@pytest.mark.parametrize("cell", [4.0, 1.0, 0.25])
def test_kept_noise_beats_the_truth_and_fresh_noise_does_not(cell):
    found = audit(cell, rows=200)
    assert found.kept < TRUTH < found.honest


def test_the_smaller_the_cells_the_more_is_hidden():
    scores = [audit(cell, rows=200).kept for cell in (4.0, 1.0, 0.25)]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.01


def rows_of(values: dict[str, dict[int, float]]) -> list[Row]:
    """Recall by arm and steps, the same for two seeds."""
    return [
        Row(arm, seed, "recall", float(x), value)
        for arm, by_steps in values.items()
        for x, value in by_steps.items()
        for seed in (100, 101)
    ]


def test_recall_that_rises_with_steps_and_latents_is_claimed():
    planted = {arm: {1: 0.1 * i, 4: 0.5 + 0.1 * i} for i, arm in enumerate(BY_LATENTS)}
    claims = {c.claim: c for c in LatentRecall().claims(rows_of(planted))}
    assert claims["8 latents: recall at the best T (4) minus T=1"].value == pytest.approx(0.5)
    assert claims["recall: 32 latents minus 8 latents"].value == pytest.approx(0.1)
    assert all(c.holds for c in claims.values())


def test_recall_that_does_not_rise_is_published_as_missed():
    flat = {arm: {1: 0.5, 4: 0.5} for arm in ARMS}
    missed = [c for c in LatentRecall().claims(rows_of(flat)) if not c.holds]
    assert len(missed) >= len(BY_LATENTS)


def test_another_context_is_a_control_of_the_same_rows():
    run = recipe(Job("8 latents", 0), "smoke")
    torch.manual_seed(0)
    model = run.model.build().eval()
    own, other = recalled(model, run.stages[0].task, 0, 0)
    assert 0 <= own <= 1
    assert 0 <= other <= 1


def test_floors_are_claimed_from_rows_alone():
    study = LatentAudit()
    rows = [row for job in study.jobs("smoke") for row in study.measure(job, "smoke", print)]
    assert all(c.holds for c in study.claims(rows))


def test_costs_are_ratios_within_a_repeat():
    rows = [Row("training", seed, "twin", None, 10.0 * (seed + 1)) for seed in (0, 1)]
    rows += [Row("training", seed, "step", 1.0, 20.0 * (seed + 1)) for seed in (0, 1)]
    found = LatentCost().claims(rows)
    assert [(c.value, c.holds) for c in found] == [(2.0, True)]


def text_rows(arm: str, metric: str, x: float | None, value: float) -> list[Row]:
    """A number of an arm, the same for two seeds."""
    return [Row(arm, seed, metric, x, value) for seed in (100, 101)]


def test_bits_saved_are_shares_of_the_twin_s():
    planted = {PLAIN: 2.5, MORE: 1.9, LATENT: 2.0, PAPER: 2.75}
    rows = [row for arm, bits in planted.items() for row in text_rows(arm, "long", None, bits)]
    rows += text_rows(LATENT, "long.deaf", None, 2.2)
    claims = {c.claim: c for c in LatentText().claims(rows)}
    twin = claims["long: share of bits saved over the windowed twin"]
    assert (twin.value, twin.holds) == (pytest.approx(0.2), True)
    assert not claims["the same at equal compute (twin trained longer)"].holds
    assert not claims["paper's objective: share of bits saved over the twin"].holds
    memory = claims["long: share of bits that z saves over z = 0"]
    assert memory.value == pytest.approx(1 - 2.0 / 2.2)


def test_a_bound_that_the_fit_does_not_lower_is_published_as_missed():
    rows = text_rows(PAPER, "at_zero", 4.0, 3.0)
    rows += text_rows(PAPER, "reconstruction", 4.0, 2.0) + text_rows(PAPER, "bound", 4.0, 3.5)
    claims = {c.claim: c for c in LatentText().claims(rows)}
    lowered = claims["paper: bits of a byte of a segment at z = 0 minus its bound, KL paid"]
    assert (lowered.value, lowered.holds) == (pytest.approx(-0.5), False)


def test_parts_of_the_bound_add_up():
    torch.manual_seed(0)
    model = text_recipe(Job(PAPER, 0), "smoke").model.build().eval()
    assert isinstance(model, LatentDecoder)
    with torch.no_grad():
        for layer in model.layers:
            model.blocks[layer].latent.out.weight.zero_()  # deaf: a draw changes nothing
    found = {name: value for name, _, value in parts(model, 0, "smoke", 4.0)}
    batch = held("smoke", TEXT_SEGMENT, 16).batch(0, 1)
    tokens, targets = batch.tokens[:, :-1], batch.targets[:, :-1]
    with torch.no_grad():
        alone = model.nats(model.zero(len(tokens)), tokens, targets).mean() / math.log(2)
    assert found["reconstruction"] == pytest.approx(float(alone), abs=1e-4)
    assert found["at_zero"] == pytest.approx(found["reconstruction"], abs=1e-4)
    assert found["bound"] == pytest.approx(found["reconstruction"] + found["kl"])


def test_places_of_a_stretch_average_to_the_whole():
    lost = torch.rand(2, 4096).double()
    found = places("place", lost)
    assert [x for _, x, _ in found] == [128.0, 2048.0, 4096.0]
    weighed = sum(v * n for (_, _, v), n in zip(found, (128, 1920, 2048), strict=True))
    assert weighed / 4096 == pytest.approx(float(lost.mean()))


def test_a_stretch_costs_what_its_bytes_cost_whatever_the_pieces():
    torch.manual_seed(0)
    model = text_recipe(Job(LATENT, 0), "smoke").model.build().eval()
    task = Prose(length=300, rows=1)
    batch = task.batch(0, 0)
    with torch.no_grad():
        first, state = model(batch.tokens[:, :77])
        rest, _ = model(batch.tokens[:, 77:], state)
    logits = torch.cat((first, rest), 1)
    whole = torch.nn.functional.cross_entropy(logits.mT, batch.targets, reduction="none")
    assert torch.allclose(losses(model, task, 0) * math.log(2), whole.double(), atol=1e-5)
