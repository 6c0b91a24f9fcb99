"""A reader's subject is the reader's own second voice, written down place by place."""

from copy import deepcopy
from functools import cache

import pytest
import torch
from transformers import Olmo2Config, Olmo2ForCausalLM

from duotempo.core import UserError
from duotempo.flow import Subject, sufficiency
from duotempo.flow.made_words import FILLERS
from duotempo.flow.subject import ATTENTION, LATENT, MIXED, WEIGHTS, lasting
from duotempo.models.pretrained import Pretrained
from duotempo.reader import Reader, Settings
from duotempo.reader.subject import Attached, open_attached
from duotempo.reader.voice import FAST
from tests.models.minds import GROUPED, a_memory, a_model
from tests.models.tiny import tiny_tokenizer
from tests.reader.lives import a_life, lettered

CHANNEL = {"weights": FAST, "latents": LATENT}
each = pytest.mark.parametrize(
    ("kind", "fast"), [("llama", "weights"), ("llama", "latents"), ("gpt2", "weights")]
)
TEXT = "The dog is called Bo. It rained."


@cache
def reader(kind, fast):
    """A reader with a text in view and a random fast state, in double precision."""
    made = deepcopy(a_model(kind)).double()
    model = Pretrained(kind, made, tiny_tokenizer(), "")
    found = Reader(model, Settings(fast=fast, window=48))
    found.read(TEXT)
    found.memory = a_memory(found.body, fast, size=3)
    return found


@cache
def subject(kind, fast):
    """It as a subject."""
    return Attached(reader(kind, fast))


def some(count, seed=0):
    """Random tokens."""
    return torch.randint(257, (count,), generator=torch.Generator().manual_seed(seed))


@each
@torch.no_grad()
def test_a_trace_is_the_voice_with_the_fast_state(kind, fast):
    model, own = subject(kind, fast), reader(kind, fast)
    assert isinstance(model, Subject)
    assert model.stores == (ATTENTION, CHANNEL[fast])
    assert lasting(model) == (CHANNEL[fast],)
    question = some(5)
    trace = model.run(question, model.empty())
    ids = torch.cat((own.awake.window, question))[None]
    wanted = own.body.logits(own.body.upper(own.body.trunk(ids), own.memory))[0, -5:]
    torch.testing.assert_close(trace.logits.float(), wanted, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(model.unembed(trace.streams[-1]), trace.logits, check_dtype=False)
    assert len(trace.state.life.awake.window) == len(own.awake.window) + 5
    on = model.run(some(3, 1), trace.state).logits
    whole = model.run(torch.cat((question, some(3, 1))), model.empty()).logits[-3:]
    torch.testing.assert_close(on, whole)


@each
@torch.no_grad()
def test_without_its_fast_state_it_is_the_untouched_model(kind, fast):
    model, own = subject(kind, fast), reader(kind, fast)
    bare = model.zeroed(model.empty(), model.stores)
    question = some(6)
    trace = model.run(question, bare)
    torch.testing.assert_close(trace.logits, own.model.model(question[None]).logits[0])
    beside = [i for i, place in enumerate(trace.places) if place.channel == CHANNEL[fast]]
    assert len(beside) == 1  # one of two layers is above the trunk
    assert not trace.writes[beside].any()
    silent = model.run(question, model.zeroed(model.empty(), [CHANNEL[fast]]))
    spoken = model.run(question, model.empty()).logits
    assert not torch.allclose(silent.logits.float(), spoken.float())


@torch.no_grad()
def test_fast_weights_write_what_the_mlp_gives_beyond_its_own():
    model, own = subject("llama", "weights"), reader("llama", "weights")
    question = some(5)
    trace = model.run(question, model.zeroed(model.empty(), [ATTENTION]))
    names = [place.name for place in trace.places]
    layer = own.model.model.base_model.layers[1]
    x = layer.post_attention_layernorm(trace.streams[names.index("1.self_attn")])
    slow = layer.mlp(x)
    with own.memory.attached(own.body):
        both = layer.mlp(x[None])[0]
    writes = dict(zip(names, trace.writes, strict=True))
    torch.testing.assert_close(writes["1.mlp"], slow)
    torch.testing.assert_close(writes["1.weights"], both - slow)


@torch.no_grad()
def test_latents_whose_values_are_nothing_write_nothing():
    own = reader("llama", "latents")
    values = {f"values.{i}": torch.zeros_like(v) for i, (_, v) in own.memory.slots.items()}
    quiet = own.fork()
    quiet.memory = own.memory.replaced({**own.memory.tensors, **values})
    model = Attached(quiet)
    names = [place.name for place in model.places]
    question = some(5)
    trace = model.run(question, model.empty())
    assert not trace.writes[names.index("1.latents")].any()
    assert subject("llama", "latents").run(question, model.empty()).logits.isfinite().all()
    spoken = subject("llama", "latents").run(question, subject("llama", "latents").empty())
    assert spoken.writes[names.index("1.latents")].abs().max() > 1e-3
    quiet.close()


@each
@torch.no_grad()
def test_writes_can_be_changed_and_those_that_are_not_change_nothing(kind, fast):
    model = subject(kind, fast)
    tokens, state = some(6), model.empty()
    plain = model.run(tokens, state)
    same = model.run(tokens, state, lambda place, write: write)
    torch.testing.assert_close(same.streams, plain.streams)
    at = next(i for i, place in enumerate(model.places) if place.channel == CHANNEL[fast])

    def change(place, write):
        return write.new_ones(write.shape) if place.channel == CHANNEL[fast] else write

    changed = model.run(tokens, state, change)
    torch.testing.assert_close(changed.writes[at], torch.ones_like(changed.writes[at]))
    assert not torch.allclose(changed.logits, plain.logits)
    torch.testing.assert_close(
        model.unembed(changed.streams[-1]), changed.logits, check_dtype=False
    )


@each
def test_the_window_is_made_of_the_stream_and_the_fast_state_is_outside_it(kind, fast):
    model = subject(kind, fast)
    found = sufficiency(model, some(7), model.empty(), tokens=2)
    assert found.sufficient, found.ways
    outside = {way.name: way.kl for way in found.outside}
    assert outside[CHANNEL[fast]] > 1e-3
    assert outside[ATTENTION] > 1e-3


@each
@torch.no_grad()
def test_a_swap_takes_the_fast_state_or_the_window_of_another_life(kind, fast):
    model = subject(kind, fast)
    other = model.read(some(20, 3), model.zeroed(model.empty(), model.stores))
    own = model.empty()
    swapped = model.swapped(own, other, [CHANNEL[fast]])
    assert swapped.life.memory is other.life.memory
    assert swapped.life.awake is own.life.awake
    swapped = model.swapped(own, other, [ATTENTION])
    assert swapped.life.memory is own.life.memory
    assert swapped.life.awake is other.life.awake
    both = model.swapped(own, other, model.stores)
    question = some(4, 5)
    torch.testing.assert_close(model.run(question, both).logits, model.run(question, other).logits)


def test_reading_leaves_the_reader_as_it_was():
    own = reader("llama", "weights")
    before, memory = own.awake, own.memory
    model = Attached(own)
    state = model.read(some(90, 2), model.empty())
    assert state.life.awake.read == before.read + 90
    assert state.life.awake.slept
    assert own.awake is before
    assert own.memory is memory
    assert model.read(some(0), state) is state


def test_where_a_norm_stands_before_the_stream_the_write_is_mixed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = Olmo2ForCausalLM(Olmo2Config(**GROUPED)).eval().requires_grad_(False)
    model = Attached(Reader(Pretrained("behind", made, tiny_tokenizer(), ""), Settings(window=48)))
    channels = [place.channel for place in model.places]
    assert channels.count(MIXED) == 1
    assert channels.count(WEIGHTS) == 1
    assert FAST not in channels
    assert FAST in model.stores


def test_a_reader_without_a_fast_state_has_no_store():
    model = Attached(Reader(lettered("llama"), Settings(fast="none", window=48)))
    assert model.stores == (ATTENTION,)
    assert not lasting(model)


@pytest.mark.usefixtures("at_hand")
def test_a_saved_reader_is_opened_as_it_is(tmp_path):
    own = a_life("weights")
    own.save(tmp_path / "state")
    found = open_attached(tmp_path / "state")
    sentences = FILLERS[: found.between] * (1 + found.between // len(FILLERS))
    assert len(found.encode(" ".join(sentences))) >= own.settings.window
    assert found.subject.empty().life.awake.read == own.awake.read
    trace = found.subject.run(torch.tensor(found.encode("The dog")), found.subject.empty())
    assert trace.logits.isfinite().all()
    with pytest.raises(UserError, match="not a saved state"):
        open_attached(tmp_path)
