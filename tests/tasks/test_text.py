"""Laws of texts: whole, streamed and renamed they stay the text they are."""

import gzip
import io
import itertools
import re
import sys
from hashlib import sha256
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duotempo.core import UserError
from duotempo.tasks import text as texts
from duotempo.tasks.text import SUBSTITUTES, default_text, load, pieces, rename, stretch

PARAGRAPHS = [
    f"Paragraph {i} " + f"says its long say, number {i}, at some length. " * 4 for i in range(9)
]
WRAPPED = "\n\n".join(p.rstrip().replace("long say", "long\nsay") for p in PARAGRAPHS)


@pytest.fixture
def stdin(monkeypatch):
    def put(raw: bytes) -> io.BytesIO:
        buffer = io.BytesIO(raw)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=buffer))
        return buffer

    return put


def test_the_sha256_names_the_utf8_bytes(tmp_path):
    (tmp_path / "käse.txt").write_bytes("Käse und Brot".encode())
    found = load(tmp_path / "käse.txt")
    assert (found.name, found.text) == ("käse", "Käse und Brot")
    assert found.sha256 == sha256("Käse und Brot".encode()).hexdigest()


def test_plain_packed_marked_and_windows_files_are_the_same_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one\ntwo\n")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"one\ntwo\n"))
    (tmp_path / "a.md").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    names = ("a.txt", "a.txt.gz", "a.md")
    assert len({load(tmp_path / name) for name in names}) == 1


def test_a_folder_is_its_text_files_in_order_of_path(tmp_path):
    for name in ("b/late.md", "a.txt", "c.txt.gz", "b/early.rst", ".hidden.txt", "x.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        raw = name.encode()
        (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    assert load(tmp_path).text == "a.txt\n\nb/early.rst\n\nb/late.md\n\nc.txt.gz"


def test_standard_input_is_read_and_left_open(stdin):
    buffer = stdin(b"said aloud")
    assert (load("-").name, buffer.closed) == ("stdin", False)


@given(st.text("ab \n\t", min_size=1, max_size=200), st.integers(1, 40))
def test_pieces_joined_are_the_text_and_no_word_that_fits_is_cut(tmp_path_factory, text, size):
    path = tmp_path_factory.mktemp("pieces") / "t.txt"
    path.write_text(text)
    found = list(pieces(path, size))
    assert "".join(found) == text
    assert all(0 < len(p) <= size for p in found)
    for before, after in itertools.pairwise(found):
        cut_inside_a_word = not before[-1].isspace() and not after[0].isspace()
        assert not cut_inside_a_word or (len(before.split()), len(before)) == (1, size)


def test_a_piece_ends_before_white_space_as_tokenizers_want_it(stdin):
    stdin(b"alpha beta\n\ngamma delta")
    assert list(pieces("-", 12)) == ["alpha beta", "\n\ngamma", " delta"]


def test_endless_input_is_read_only_as_far_as_it_is_asked_for(monkeypatch):
    class Endless(io.RawIOBase):
        given = 0

        def readable(self):
            return True

        def readinto(self, into):
            into[:] = (b"word " * len(into))[: len(into)]
            self.given += len(into)
            return len(into)

    source = Endless()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(source)))
    assert all(p.split()[0] == "word" for p in itertools.islice(pieces("-", 1000), 50))
    assert source.given < 50 * 1000 + 100_000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n\n\t", "only white space"),
        (b"text\0text", "binary"),
        (b"\xff\xfe\xfa", "UTF-8"),
        (b"ends inside a sign \xc3", "UTF-8"),
    ],
)
def test_what_is_not_text_is_refused_with_a_sentence(tmp_path, content, said):
    (tmp_path / "t.txt").write_bytes(content)
    (tmp_path / "p.txt.gz").write_bytes(gzip.compress(content))
    for name in ("t.txt", "p.txt.gz"):
        with pytest.raises(UserError, match=said):
            load(tmp_path / name)


def test_missing_broken_and_textless_sources_are_refused(tmp_path):
    (tmp_path / "broken.txt.gz").write_bytes(gzip.compress(b"words " * 500)[:40])
    (tmp_path / "liar.txt.gz").write_bytes(b"not packed at all")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "image.png").write_bytes(b"\0")
    for name, said in {
        "absent.txt": "no file or folder",
        "broken.txt.gz": "cannot be read",
        "liar.txt.gz": "cannot be read",
        "bare": "holds no text",
    }.items():
        with pytest.raises(UserError, match=said):
            load(tmp_path / name)
    with pytest.raises(UserError, match="at least 1"):
        next(pieces(tmp_path / "absent.txt", 0))


def test_the_default_text_is_prose_without_a_paragraph_said_twice():
    text = default_text().text
    assert text == default_text().text
    assert text.startswith("Objects, values and types\n\n*Objects* are Python")
    paragraphs = [" ".join(p.split()) for p in texts.PARAGRAPH.split(text.rstrip())]
    assert len(paragraphs) == len(set(paragraphs)) > 1000
    assert len(text) > 300_000


def test_a_stretch_begins_with_a_paragraph_and_joins_wrapped_lines():
    found = stretch(WRAPPED, 0.3, 500)
    assert found.startswith("Paragraph 3 says its long say, number 3")
    assert 480 <= len(found) <= 500
    assert found.split("\n\n")[0] == PARAGRAPHS[3].rstrip()
    assert PARAGRAPHS[5].startswith(found.split("\n\n")[2])


def test_a_stretch_skips_headings_and_keeps_indented_blocks():
    text = "CHAPTER II\n\n" + PARAGRAPHS[0] + "\n\n   code = 1\n   more = 2\n\n" + PARAGRAPHS[1]
    found = stretch(text, 0.0, 300)
    assert found.startswith("Paragraph 0")
    assert "\n\n   code = 1\n   more = 2\n\nParagraph 1" in found


@given(st.floats(0, 0.5), st.integers(1, 700))
def test_a_stretch_is_words_of_the_text_in_their_order(start, characters):
    words = stretch(WRAPPED, start, characters).split()
    assert " ".join(words[:-1]) in " ".join(WRAPPED.split())


@pytest.mark.parametrize(("start", "characters"), [(0.9, 5000), (1.0, 5), (-0.1, 5), (0.2, 0)])
def test_a_stretch_that_is_not_there_is_refused(start, characters):
    with pytest.raises(UserError):
        stretch(WRAPPED, start, characters)


def test_renaming_takes_whole_words_all_at_once():
    names = (("Maria", "Julia"), ("Julia", "Odette"), ("Bertram", "Ashdown"))
    said = "Maria's Julia met Marian, the _Bertrams_ and Lady Bertram; MARIA slept."
    assert (
        rename(said, names)
        == "Julia's Odette met Marian, the _Ashdowns_ and Lady Ashdown; MARIA slept."
    )
    assert rename(said, ()) == said


@pytest.mark.parametrize("novel", SUBSTITUTES)
def test_a_novel_keeps_none_of_its_names_and_no_two_become_one(novel):
    old, new = zip(*SUBSTITUTES[novel], strict=True)
    assert len(set(old)) == len(old)
    assert len(set(new)) == len(new)
    assert not set(old) & set(new)
    renamed = rename(" ".join(old), SUBSTITUTES[novel])
    assert re.split(" ", renamed) == list(new)
