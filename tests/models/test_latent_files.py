"""Laws of a model with latents on disk and in speech: folders, posteriors, streams, generation."""

import json
from dataclasses import replace
from itertools import islice

import pytest
import torch

from duotempo.core import UserError
from duotempo.models.decoder import Decoder
from duotempo.models.hf import wrap
from duotempo.models.latent import LatentDecoder
from duotempo.models.latent_config import LatentConfig
from duotempo.models.latent_saved import (
    load_latent,
    load_native,
    load_posterior,
    save_posterior,
)
from duotempo.models.latent_text import opening, primed, write
from duotempo.models.saved import THINKING, save_model
from duotempo.models.stream_files import load_state, save_state
from duotempo.models.thinking import AMORTISED, Preset, Thinking
from tests.models.test_latent import SEGMENT, TINY, made, some


@pytest.fixture
def model() -> LatentDecoder:
    """A small model whose latents matter."""
    return made().float()


def test_a_folder_keeps_the_policy_and_the_numbers(model, tmp_path):
    save_model(tmp_path / "m", model)
    again = load_latent(tmp_path / "m")
    assert again.thinking == model.thinking
    tokens = some(20)
    torch.testing.assert_close(again(tokens)[0], model(tokens)[0], rtol=0, atol=0)
    assert isinstance(load_native(tmp_path / "m"), LatentDecoder)


def test_a_folder_without_latents_says_so(tmp_path):
    save_model(tmp_path / "m", Decoder(replace(TINY, layout=("attention",), latents=0)))
    with pytest.raises(UserError, match="has no latents"):
        load_latent(tmp_path / "m")
    assert type(load_native(tmp_path / "m")) is Decoder


HOSTILE = ["[1]", '{"preset": 3}', '{"segment": 1}', '{"preset": {"rule": "x"}}', "{", "1"]


@pytest.mark.parametrize("said", HOSTILE)
def test_a_policy_that_is_none_is_refused(model, tmp_path, said):
    save_model(tmp_path / "m", model)
    (tmp_path / "m" / THINKING).write_text(said)
    with pytest.raises(UserError):
        load_latent(tmp_path / "m")


@pytest.mark.parametrize("part", [{"segment": "6"}, {"carry": None}, {"through": 3}])
def test_a_policy_with_values_of_other_kinds_is_refused(model, part):
    with pytest.raises(UserError, match="no policy of thinking"):
        Thinking.from_dict({**model.thinking.to_dict(), **part})


def test_a_posterior_comes_back_as_it_was(model, tmp_path):
    posterior = model.fit(some(SEGMENT))
    save_posterior(tmp_path / "p.safetensors", posterior, model)
    again = load_posterior(tmp_path / "p.safetensors", model)
    assert torch.equal(again.mean, posterior.mean)
    assert torch.equal(again.log_var, posterior.log_var)


def test_a_posterior_of_another_model_is_refused(model, tmp_path):
    save_posterior(tmp_path / "p", model.fit(some(SEGMENT)), model)
    other = LatentConfig(TINY, model.thinking).build()
    with pytest.raises(UserError, match="fitted with another model"):
        load_posterior(tmp_path / "p", other)


def test_a_file_that_is_no_posterior_is_refused(model, tmp_path):
    (tmp_path / "p").write_bytes(b"not a tensor")
    for path in (tmp_path / "p", tmp_path / "none"):
        with pytest.raises(UserError):
            load_posterior(path, model)


@pytest.mark.parametrize("time", [1, SEGMENT, SEGMENT + 2, 3 * SEGMENT])
def test_a_stream_goes_on_from_disk(model, tmp_path, time):
    tokens = some(time + 9, rows=1)
    state = model.read(tokens[:, :time])
    save_state(tmp_path / "s", state, model)
    again = load_state(tmp_path / "s", model)
    rest = tokens[:, time:]
    torch.testing.assert_close(model(rest, again)[0], model(rest, state)[0], rtol=0, atol=0)


def test_a_stream_with_an_impossible_token_is_refused(model, tmp_path):
    state = model.read(some(SEGMENT + 2, rows=1))
    save_state(tmp_path / "s", replace(state, tokens=state.tokens + 50), model)
    with pytest.raises(UserError, match="open segment"):
        load_state(tmp_path / "s", model)


def test_the_same_seed_writes_the_same_text(model):
    for prefix in (some(1, rows=1), some(9, rows=1)):
        texts = [list(islice(write(model, prefix, seed=seed), 15)) for seed in (1, 1, 2)]
        assert texts[0] == texts[1] != texts[2]


def test_a_prefix_is_what_its_latents_are_fitted_to(model):
    prefix = some(SEGMENT + 4, rows=1)
    _, state = opening(model, prefix)
    assert state.time == 1
    assert bool(state.posterior.mean.any())
    untouched = model.thinking_as(preset=Preset(AMORTISED, 0))
    assert not torch.equal(opening(model, prefix)[0], opening(untouched, prefix)[0])


def test_refits_come_as_often_as_asked_for(model, monkeypatch):
    fits = []
    plain = LatentDecoder.fit
    monkeypatch.setattr(LatentDecoder, "fit", lambda *a, **k: fits.append(1) or plain(*a, **k))
    list(islice(write(model, some(2, rows=1), refit=4), 17))
    assert len(fits) == 4


def test_hugging_face_goes_on_from_fitted_latents(model):
    prefix = some(9, rows=1)
    ours = list(islice(write(model, prefix, temperature=0.0), 5))
    cache = primed(model, prefix)
    whole = torch.cat((prefix, torch.tensor([[ours[0]]])), 1)
    said = wrap(model).generate(
        whole, past_key_values=cache, max_new_tokens=4, do_sample=False, pad_token_id=0
    )
    assert said[0, 10:].tolist() == ours[1:]


def test_thinking_json_is_what_the_policy_says(model, tmp_path):
    save_model(tmp_path / "m", model)
    assert json.loads((tmp_path / "m" / THINKING).read_text()) == model.thinking.to_dict()
