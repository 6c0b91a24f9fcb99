"""Laws of a model with latents: it foretells by the past alone, may be cut, and grows no state."""

from dataclasses import replace

import pytest
import torch

from duotempo.core import UserError
from duotempo.models.config import Config, from_dict
from duotempo.models.decoder import Decoder
from duotempo.models.latent import LatentDecoder
from duotempo.models.latent_config import LatentConfig
from duotempo.models.posterior import STANDARD, fresh
from duotempo.models.thinking import AMORTISED, Preset, Thinking

TINY = Config(
    vocab=19, width=12, heads=2, window=3, layout=("latent", "attention", "latent"), ff=16,
    persistent=2, latents=2,
)  # fmt: skip
SEGMENT = 6
PRESETS = [Preset(AMORTISED, 2), Preset("natural", 3), Preset("adam", 2), Preset("langevin", 4)]

each_preset = pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.rule)


def made(preset: Preset = PRESETS[0], **policy: object) -> LatentDecoder:
    """A small model with these fits, in evaluation mode."""
    torch.manual_seed(5)
    thinking = Thinking(SEGMENT, preset, **policy)  # pyrefly: ignore[bad-argument-type]
    return LatentConfig(TINY, thinking).build().double().eval()


def some(time: int, rows: int = 2, seed: int = 0) -> torch.Tensor:
    """Tokens."""
    return torch.randint(0, 19, (rows, time), generator=torch.Generator().manual_seed(seed))


@each_preset
@pytest.mark.parametrize("cuts", [(1,), (5, 6), (6, 12), (3, 7, 13)])
def test_a_stream_may_be_cut_anywhere(preset, cuts):
    model, tokens = made(preset), some(20)
    whole, _ = model(tokens)
    state, found, start = None, [], 0
    for end in (*cuts, 20):
        part, state = model(tokens[:, start:end], state)
        found.append(part)
        start = end
    torch.testing.assert_close(torch.cat(found, 1), whole)


@each_preset
def test_what_comes_later_changes_nothing(preset):
    model, tokens = made(preset), some(20)
    other = tokens.clone()
    other[:, 13] = (other[:, 13] + 1) % 19
    same, changed = model(tokens)[0], model(other)[0]
    torch.testing.assert_close(changed[:, :13], same[:, :13], rtol=0, atol=0)
    assert not torch.equal(changed[:, 13:], same[:, 13:])


def test_latents_carry_what_the_window_has_lost():
    model, tokens = made(), some(20)
    other = tokens.clone()
    other[:, 1] = (other[:, 1] + 1) % 19
    far = slice(SEGMENT + 3 * len(TINY.layout), 20)
    plain = model.thinking_as(preset=Preset(AMORTISED, 0))
    assert torch.equal(plain(tokens)[0][:, far], plain(other)[0][:, far])
    assert not torch.equal(model(tokens)[0][:, far], model(other)[0][:, far])


def test_without_a_step_it_is_the_plain_decoder():
    model, tokens = made(Preset(AMORTISED, 0)), some(20)
    plain = Decoder(TINY).double().eval()
    plain.load_state_dict(model.state_dict())
    torch.testing.assert_close(model(tokens)[0], plain(tokens)[0])


def test_the_state_does_not_grow_with_the_text():
    model = made()
    sizes = {model.read(some(n * SEGMENT)).bytes for n in (1, 2, 5)}
    assert len(sizes) == 1


def test_rows_do_not_hear_one_another():
    model, tokens = made(), some(20, rows=3)
    together = model(tokens)[0]
    apart = torch.cat([model(row[None])[0] for row in tokens])
    torch.testing.assert_close(apart, together)


def test_carrying_nothing_forgets_the_segment_before_the_last():
    tokens = some(19)
    other = tokens.clone()
    other[:, 0] = (other[:, 0] + 1) % 19
    for carry, same in ((0.0, True), (1.0, False)):
        model = made(carry=carry).thinking_as(segment=9)
        a, b = (model.read(each).posterior.mean for each in (tokens, other))
        assert torch.equal(a, b) == same


def test_training_on_the_next_segment_teaches_how_to_be_written():
    model = made().train()
    model(some(3 * SEGMENT))[0].logsumexp(-1).sum().backward()
    grads = {name: p.grad for name, p in model.named_parameters()}
    bends = [grads[name] for name in grads if name.endswith("bend")]
    assert len(bends) == 2
    assert all(bend is not None and bool(bend.any()) for bend in bends)


def test_every_weight_learns():
    model, tokens = made().train(), some(3 * SEGMENT)
    logits, _ = model(tokens)
    torch.nn.functional.cross_entropy(logits.mT, some(3 * SEGMENT, seed=1)).backward()
    still = {n for n, p in model.named_parameters() if p.grad is None or not bool(p.grad.any())}
    assert still == set()


def test_without_gradients_through_the_fit_its_curvature_learns_nothing():
    model = made(through=False).train()
    model(some(3 * SEGMENT))[0].logsumexp(-1).sum().backward()
    bends = [p.grad for name, p in model.named_parameters() if name.endswith("bend")]
    assert all(bend is None for bend in bends)


def test_own_latents_are_of_the_segment_itself_in_training_only():
    model = made(Preset("natural", 2), learn="own", through=False)
    tokens = some(SEGMENT)
    other = tokens.clone()
    other[:, -1] = (other[:, -1] + 1) % 19
    first = slice(0, SEGMENT - 1)
    assert torch.equal(model(tokens)[0][:, first], model(other)[0][:, first])
    model.train()
    torch.manual_seed(0)
    taught = model(tokens)[0][:, first]
    torch.manual_seed(0)
    assert not torch.equal(taught, model(other)[0][:, first])


@pytest.mark.parametrize("time", [1, SEGMENT + 2])
def test_a_fit_to_too_little_or_too_much_says_so(time):
    with pytest.raises(UserError, match="give the last 7"):
        made().fit(some(time))


def test_pads_are_refused():
    with pytest.raises(UserError, match="no pads"):
        made()(some(4), pads=torch.zeros(2, 4, dtype=torch.bool))


@pytest.mark.parametrize("changes", [{"latents": 0}, {"layout": ("attention",)}])
def test_latents_and_their_blocks_come_together(changes):
    with pytest.raises(UserError, match="latent"):
        replace(TINY, **changes)


def test_a_model_without_latent_blocks_cannot_think():
    plain = replace(TINY, layout=("attention",), latents=0)
    with pytest.raises(UserError, match="latent"):
        LatentDecoder(plain, Thinking())


def test_configs_without_latents_keep_their_form():
    plain = replace(TINY, layout=("attention",), latents=0)
    assert "latents" not in plain.to_dict()
    assert from_dict(TINY.to_dict()) == TINY


def test_a_dream_begins_with_a_draw_from_the_prior():
    model = made()
    a, b = (model(some(4), model.dreamt(2, fresh(seed)))[0] for seed in (0, 1))
    assert not torch.equal(a, b)
    assert float(STANDARD.kl(model.dreamt(2, fresh(0)).posterior).sum()) == 0


def test_weights_are_as_many_whatever_the_number_of_latents():
    counts = {
        sum(p.numel() for p in Decoder(replace(TINY, latents=n)).parameters()) for n in (1, 9)
    }
    assert len(counts) == 1
