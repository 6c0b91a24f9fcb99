"""Laws of a living native model: bytes in flat memory, asking changes nothing, nothing is lost."""

import gzip
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from duotempo.core import UserError
from duotempo.models.saved import save_model
from duotempo.reader import Sampling
from duotempo.reader.byte_session import PIECE
from duotempo.reader.native import NativeReader
from tests.models.native import native
from tests.models.sealed import byte_model
from tests.reader.native_lives import TEXT, gap, put_model, same


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model's folder."""
    return put_model(tmp_path_factory.mktemp("run") / "model")


@pytest.fixture
def reader(folder):
    """A reader that has read nothing."""
    return NativeReader.open(folder)


@pytest.fixture
def read(folder):
    """A reader that has read the text."""
    reader = NativeReader.open(folder)
    reader.read(TEXT)
    return reader


def forward(model, content):
    """The state and logits that the model itself has after some bytes."""
    with torch.no_grad():
        logits, state = model(torch.tensor(list(content))[None])
    return state, logits[:, -1]


@pytest.mark.parametrize("kind", ["mag", "mac", "lmm", "window", "mal"])
def test_reading_is_the_models_own_forward_pass_over_utf8(kind, tmp_path):
    model = byte_model(kind, dtype=torch.float64)
    reader = NativeReader(model, tmp_path)
    text = TEXT[:2200]
    reading = reader.read(text)
    assert reading.tokens == reader.tokens_read == len(text.encode()) > PIECE
    state, ahead = forward(model, text.encode())
    heard = reader._channel.ready(reader._life.heard)
    assert (heard.ahead - ahead).abs().max() <= 1e-10
    assert heard.state.bytes == state.bytes == reading.state_bytes


def test_a_file_a_gzipped_file_a_text_and_pieces_are_read_the_same(read, folder, tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    pieces = (TEXT[i : i + 7] for i in range(0, len(TEXT), 7))
    for source in (tmp_path / "a.txt", tmp_path / "b.txt.gz", pieces):
        reader = NativeReader.open(folder)
        reader.read(source)
        assert same(reader, read)


def test_state_and_pieces_do_not_grow_with_the_text(reader):
    reader.read(TEXT)
    small, drawn = reader.summary()["state_bytes"], 0
    told, heads = [], []

    def tell(what, done, total):
        heads.append(what)
        told.append(drawn - done)

    reader.tell = tell

    def endless():
        nonlocal drawn
        for _ in range(20):
            drawn += len(TEXT.encode())
            yield TEXT

    reader.read(endless())
    assert reader.summary()["state_bytes"] == small
    assert max(told) < 2 * len(TEXT.encode())
    assert len({what.partition(", peak")[0] for what in heads}) == 1
    assert "MB of state" in heads[0]


def test_progress_knows_the_size_of_a_plain_file_only(reader, tmp_path):
    told = []
    reader.tell = lambda what, done, total: told.append((done, total))
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    reader.read(tmp_path / "a.txt")
    size = len(TEXT.encode())
    assert told[0] == (PIECE, size)
    assert told[-1] == (size, size)
    reader.read(tmp_path / "b.txt.gz")
    assert told[-1] == (size, 0)


def test_asking_and_generating_change_nothing(read):
    twin = read.fork()
    said = read.ask("The dog is called"), read.generate("Then", tokens=5)
    assert read.generate(tokens=3, sampling=Sampling(1.0, seed=3))
    assert same(read, twin)
    assert said == (read.ask("The dog is called"), read.generate("Then", tokens=5))


def test_generating_is_the_models_own_likeliest_bytes(read):
    content = TEXT.encode() + b"Then"
    for _ in range(5):
        content += bytes([int(forward(read.model, content)[1].argmax())])
    assert read.generate("Then", tokens=5) == content[-5:].decode(errors="replace")


def planted(reader, said):
    """Have a reader's model say the same bytes after any question."""
    model, left = reader.model, itertools.cycle(said)

    def head(features):
        return torch.nn.functional.one_hot(torch.tensor([next(left)]), 256).float()

    model.head.forward = head
    return reader


@pytest.mark.parametrize(
    ("said", "answer"),
    [(b" Rex. And", "Rex"), (b" Rex\nAnd", "Rex"), ("雪 é. x".encode(), "雪 é"), (b".", "")],
)
def test_an_answer_ends_at_a_full_stop_or_the_end_of_a_line(reader, said, answer):
    reader.read(TEXT)
    assert planted(reader, said).ask("The dog is called") == answer


def test_an_answer_ends_after_so_many_bytes_and_half_a_character_shows(reader):
    reader.read(TEXT)
    assert planted(reader, "雪".encode()).ask("It is", tokens=4) == "雪\ufffd"
    assert len(planted(reader, b"x").ask("It is")) == 48
    assert planted(reader, b"\xff.\n").generate("It is", tokens=4) == "\ufffd.\n\ufffd"


def test_draws_go_by_the_seed(read):
    one, two, three = (
        read.generate("Then", tokens=20, sampling=Sampling(1.0, seed)) for seed in (1, 1, 2)
    )
    assert one == two != three


def test_a_fork_lives_on_its_own(read):
    twin = read.fork()
    twin.read("It snowed.")
    assert twin.tokens_read == read.tokens_read + len("It snowed.")
    assert twin.model is read.model
    read.read("It snowed.")
    assert same(read, twin)


@pytest.fixture(scope="module")
def precise(tmp_path_factory):
    """A model's folder, in float64, and a reader that has read all of the text."""
    folder = put_model(tmp_path_factory.mktemp("precise") / "model", dtype=torch.float64)
    reader = NativeReader.open(folder)
    reader.read(TEXT)
    return folder, reader


@given(cut=st.integers(0, len(TEXT)))
@settings(deadline=None, max_examples=6)
def test_reading_on_after_a_save_is_reading_on(cut, precise, tmp_path_factory):
    folder, whole = tmp_path_factory.mktemp("s"), precise[1]
    reader = NativeReader.open(precise[0])
    if cut:
        reader.read(TEXT[:cut])
    reader.save(folder / "s")
    later = NativeReader.load(folder / "s")
    assert same(later, reader)
    if cut < len(TEXT.rstrip()):
        later.read(TEXT[cut:])
        assert gap(later, whole) <= 1e-10


@pytest.mark.parametrize("source", ["", " \n\t ", [], ["", " "], "half \ud800 a character"])
def test_what_is_no_text_is_refused_and_changes_nothing(source, reader):
    twin = reader.fork()
    with pytest.raises(UserError, match=r"at least one word|decode it anew"):
        reader.read(source)
    assert same(reader, twin)


def test_nothing_read_and_no_prompt_is_refused(reader):
    with pytest.raises(UserError, match="nothing to go on from"):
        reader.generate()
    with pytest.raises(UserError, match="at least 1"):
        reader.generate("a", tokens=0)
    assert reader.generate("a", tokens=1)
    with pytest.raises(UserError, match="does not sleep"):
        reader.sleep()
    assert reader.idle


def test_numbers_that_have_run_off_are_refused_with_a_sentence(reader, tmp_path):
    reader.read("Ann has a dog.")
    reader.save(tmp_path / "s")
    with torch.no_grad():
        reader.model.head.weight.fill_(float("nan"))
    for act in (reader.generate, lambda: reader.ask("Who")):
        with pytest.raises(UserError, match="run off"):
            act()
    reader.read("More.")
    with pytest.raises(UserError, match="not finite"):
        reader.save(tmp_path / "s")
    assert NativeReader.load(tmp_path / "s").tokens_read == len("Ann has a dog.")


def test_what_is_no_native_model_of_bytes_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no native model"):
        NativeReader.open(tmp_path)
    save_model(tmp_path / "m", native("mag"))
    with pytest.raises(UserError, match="vocabulary of 19"):
        NativeReader.open(tmp_path / "m")


def test_a_run_leads_to_its_model(folder):
    assert NativeReader.open(folder.parent).model_folder == folder.resolve()


def test_the_summary_tells_what_a_person_wants_to_know(read, folder):
    told = read.summary()
    assert told["model"] == str(folder.resolve())
    assert told["tokens_read"] == len(TEXT.encode())
    assert told["state_bytes"] == read._life.heard.state.bytes
    assert told["tokens_per_second"] > 0
    assert told["peak_bytes"] > 10_000_000
