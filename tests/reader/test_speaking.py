"""Laws of speaking: two voices with one cache say what two models without one would say."""

import math
from itertools import islice

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from duotempo.core import FixedShare, UserError
from duotempo.models.voices import NATS, mix_logits
from duotempo.reader import Answer, Sampling
from duotempo.reader.speak import pick, speak
from duotempo.reader.words import Words
from tests.models.minds import a_body, a_memory, a_model, some_ids
from tests.models.tiny import END
from tests.reader.lives import KINDS, LIVELY, TEXT, a_life, a_reader, lettered, worded

MINDS = [("llama", "weights"), ("llama", "latents"), ("gpt2", "weights"), ("sliding", "weights")]
BYTES = lettered("llama").tokenizer.get_vocab()


def logits_of(body, ids, memory=None):
    with torch.no_grad():
        return body.logits(body.upper(body.trunk(ids), memory))[0]


def said_slowly(body, ids, memory, share, tokens):
    """Greedy mixed decoding that reads everything anew for each token, one voice at a time."""
    found, ids = [], ids[None]
    for _ in range(tokens):
        voices = torch.stack([logits_of(body, ids), logits_of(body, ids, memory)])
        losses = -voices[:, :-1].log_softmax(-1).gather(2, ids[:, 1:, None].expand(2, -1, 1))
        weight = share.start
        for slow, fast in zip(*losses[..., 0].tolist(), strict=True):
            weight = share.step(weight, fast, slow)
        found.append(int(mix_logits(voices[:, -1], weight).argmax()))
        ids = torch.cat([ids, torch.tensor([[found[-1]]])], dim=1)
    return found


@pytest.mark.parametrize(("kind", "memory"), MINDS)
@pytest.mark.parametrize("context", [1, 2, 30])
def test_mixed_decoding_is_what_reading_everything_anew_would_say(kind, memory, context):
    body, ids, share = a_body(kind), some_ids(context)[0], FixedShare()
    state = a_memory(body, memory)
    assert list(islice(speak(body, ids, state, share), 16)) == said_slowly(
        body, ids, state, share, 16
    )


def test_a_long_context_is_never_wider_than_a_few_rows_of_logits(monkeypatch):
    body, ids, share = a_body("llama"), some_ids(30)[0], FixedShare()
    state, rows, real = a_memory(body, "weights"), [], body.logits
    monkeypatch.setattr(body, "logits", lambda y: rows.append(y.shape[1]) or real(y))
    whole = list(islice(speak(body, ids, state, share), 8))
    assert max(rows) == 29
    rows.clear()
    monkeypatch.setattr("duotempo.reader.speak.CHUNK", 7)
    assert list(islice(speak(body, ids, state, share), 8)) == whole
    assert max(rows) == 7


def test_the_memory_has_a_say():
    body, ids = a_body("llama"), some_ids(30)[0]
    alone, mixed = (
        list(islice(speak(body, ids, memory), 16)) for memory in (None, a_memory(body, "latents"))
    )
    assert alone != mixed


@pytest.mark.parametrize("kind", ["llama", "gpt2", "sliding", "no mlp"])
def test_without_a_memory_it_is_the_models_own_greedy_decoding(kind):
    model, ids = a_model(kind), some_ids(20)
    body = a_body(kind) if kind != "no mlp" else a_reader("none", lettered(kind)).body
    own = model.generate(
        ids, max_new_tokens=24, do_sample=False, eos_token_id=None, pad_token_id=256
    )
    assert list(islice(speak(body, ids[0], None), 24)) == own[0, 20:].tolist()


@pytest.mark.parametrize("memory", KINDS)
def test_at_the_ends_of_the_weight_one_voice_speaks_alone(memory):
    body, ids = a_body("llama"), some_ids(1)
    state = a_memory(body, memory)
    for start, alone in ((1e-12, None), (1 - 1e-12, state)):
        said = next(speak(body, ids[0], state, FixedShare(start=start)))
        assert said == int(logits_of(body, ids, alone)[-1].argmax())


def test_same_seed_same_words_and_another_seed_others():
    body, ids = a_body("llama"), some_ids(9)[0]
    one, two, other = (
        list(islice(speak(body, ids, None, sampling=Sampling(1.0, seed)), 24)) for seed in (1, 1, 2)
    )
    assert one == two
    assert one != other


@settings(deadline=None)
@given(temperature=st.sampled_from([0.0, 1e-300, 1e-6]), seed=st.integers(0, 99))
def test_a_cold_draw_is_the_likeliest_token(temperature, seed):
    g = torch.Generator().manual_seed(seed)
    logp = torch.randn(50, generator=g).log_softmax(-1)
    assert pick(logp, Sampling(temperature), g) == int(logp.argmax())


def test_a_draw_has_the_odds_of_its_temperature():
    logp, g = torch.tensor([0.7, 0.2, 0.1]).log(), torch.Generator().manual_seed(0)
    drawn = torch.tensor([pick(logp, Sampling(0.5), g) for _ in range(4000)])
    odds = drawn.bincount(minlength=3) / 4000
    truth = torch.tensor([0.49, 0.04, 0.01]) / 0.54
    assert (odds - truth).abs().max() < 0.03


@pytest.mark.parametrize("temperature", [-1.0, math.nan, math.inf])
def test_a_temperature_that_makes_no_sense_is_refused(temperature):
    with pytest.raises(UserError, match="temperature="):
        Sampling(temperature)


@pytest.mark.parametrize("fast", [*KINDS, "none"])
@pytest.mark.parametrize("words", ["Two words.", TEXT[1500:1800]])
def test_a_score_is_the_loss_of_the_text_after_the_window(fast, words):
    reader = a_life(fast)
    ids, window = worded().tokenizer(words).input_ids, reader.awake.window.tolist()
    stream, slow, quick = window + ids, [], []
    for a in range(48, len(stream), 48):  # a window at a time, each after the window before it
        rows = torch.tensor([stream[a - 48 : a + 48]])
        for losses, memory in ((slow, None), (quick, reader.memory)):
            logits = logits_of(reader.body, rows, memory)[47:-1]
            losses += F.cross_entropy(logits, rows[0, 48:], reduction="none").tolist()
    found = reader.score(words)
    mixed = reader.share.losses(quick, slow) if reader.memory else slow
    assert found.tokens == len(ids)
    for value, losses in ((found.none, slow), (found.alone, quick), (found.mixed, mixed)):
        assert math.isclose(value, sum(losses) / len(ids) / NATS, rel_tol=1e-4)


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_window_as_large_as_the_models_leaves_room_to_speak_and_to_score(kind):
    reader = a_reader("weights", lettered(kind), window=256)
    reader.read(TEXT[:300])
    assert len(reader.awake.window) == 256
    reader.memory = a_memory(reader.body, "weights")
    whole = reader.awake.window.tolist()
    prompt = Words(lettered(kind)).ids("And")
    assert Words(lettered(kind)).context(reader.awake.window, prompt, 9).tolist() == (
        whole[12:] + prompt.tolist()
    )
    assert reader.generate("And", tokens=9)
    assert reader.score(TEXT[300:900]).tokens == 600


@pytest.mark.parametrize("tokens", [0, -1])
def test_fewer_tokens_than_one_are_refused(tokens):
    with pytest.raises(UserError, match="at least 1"):
        a_life("none").stream(tokens=tokens)


def test_what_the_model_cannot_hold_is_refused():
    reader = a_life("none")
    for asked in (
        lambda: reader.generate("word " * 300),
        lambda: reader.generate(tokens=256),
        lambda: reader.ask("dog " * 300),
    ):
        with pytest.raises(UserError, match="the model holds 256"):
            asked()


def test_nothing_to_go_on_from_and_nothing_to_score_are_refused():
    reader = a_reader("weights")
    with pytest.raises(UserError, match="read a text first"):
        reader.generate()
    for words in ("", "a"):
        with pytest.raises(UserError, match="at least two words"):
            reader.score(words)


def test_a_stream_is_the_generation_piece_by_piece():
    reader = a_life("latents")
    parts = list(reader.stream("Then", tokens=12))
    assert len(parts) > 1
    assert "".join(parts) == reader.generate("Then", tokens=12)


def spoken(text: bytes) -> list[str]:
    return list(Words(lettered("llama")).spoken(byte_ids(text)))


def byte_ids(text: bytes) -> list[int]:
    """The token of each byte, also where they make no whole character."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = bytes_to_unicode()
    return [BYTES[letters[byte]] for byte in text]


@given(text=st.text(max_size=12))
@LIVELY
def test_a_character_of_many_tokens_comes_whole(text):
    parts = spoken(text.encode())
    assert "".join(parts) == text
    assert all(part and ("\ufffd" not in part or "\ufffd" in text) for part in parts)


@given(text=st.text(min_size=1, max_size=6), cut=st.integers(1, 3), tail=st.booleans())
@LIVELY
def test_an_incomplete_character_at_the_end_is_not_lost(text, cut, tail):
    said = (text + "🐈").encode()[:-cut] if tail else text.encode() + b"\xf0\x9f"[:cut]
    parts = spoken(said)
    assert "".join(parts) == said.decode(errors="replace")
    assert parts[-1].endswith("\ufffd")


def test_a_text_ends_where_the_model_ends_it():
    end = lettered("llama").tokenizer.convert_tokens_to_ids(END)
    words = Words(lettered("llama"))
    assert list(words.spoken([*byte_ids(b"ab"), end, *byte_ids(b"cd")])) == ["a", "b"]
    assert list(words.spoken([end])) == []


def test_an_answer_is_read_from_the_sentences_with_the_fast_state_off():
    reader = a_life("weights")
    memory, reader.memory = reader.memory, None
    quiet = reader.ask("Who has a dog?", sentences=2)
    reader.memory = memory
    assert reader.ask("Who has a dog?", sentences=2) == quiet
    assert len(quiet.sentences) == 2
    with pytest.raises(UserError, match="at least 1 sentence"):
        reader.ask("Who has a dog?", sentences=0)


def test_a_question_that_nothing_read_speaks_of_is_not_answered_by_the_model(monkeypatch):
    reader = a_life("weights")
    monkeypatch.setattr("duotempo.reader.reader.speak", None)
    assert reader.ask("Zanzibar?") == Answer("", ())


def test_the_sentences_stand_on_a_line_each_before_the_question(monkeypatch):
    seen, real = [], Words.ids
    monkeypatch.setattr(Words, "ids", lambda words, text: seen.append(text) or real(words, text))
    reader = a_reader("none", lettered("llama"), window=128)
    reader.read("Ann has\n a   dog. It rained.\n\n")
    reader.ask("Who has a dog?", sentences=1)
    assert seen[-1] == "user: Ann has a dog.\n\nWho has a dog?\nassistant: "
    plain = a_reader("none", worded(), window=128)
    plain.read("Ann has a dog. It rained.")
    plain.ask("Who has a dog?", sentences=1)
    assert seen[-1] == "Ann has a dog.\n\nWho has a dog?\nAnswer:"
