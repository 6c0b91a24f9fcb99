"""Laws of a hostile folder: a state from a stranger loads whole or is refused with a sentence."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duotempo.core import UserError
from duotempo.reader import Reader
from tests.reader.lives import LIVELY
from tests.reader.strangers import copy, file_of, lives_or_is_refused, seal

SURE = settings(LIVELY, max_examples=30)
pytestmark = pytest.mark.usefixtures("at_hand", "unchecked")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**60, 2**70)
    | st.floats()
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


def test_a_folder_that_nobody_harmed_is_loaded(folder):
    Reader.load(folder).close()
    assert lives_or_is_refused(folder)


@pytest.mark.parametrize("part", ["tensors", "archive", "pointer"])
def test_a_truncated_file_is_refused(folder, part):
    path = folder / "state.json" if part == "pointer" else file_of(folder, part)
    whole = path.read_bytes()
    for size in (0, 1, 7, 8, 9, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(UserError, match="read the text again"):
            Reader.load(folder)
    path.unlink()
    with pytest.raises(UserError, match=r"is missing|is not a saved state"):
        Reader.load(folder)


@given(data=st.data())
@SURE
def test_any_changed_byte_is_refused(saved, tmp_path_factory, data):
    folder = copy(saved, tmp_path_factory)
    path = file_of(folder, data.draw(st.sampled_from(["tensors", "archive"])))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(UserError, match="truncated or was changed"):
        Reader.load(folder)


@given(data=st.data())
@SURE
@pytest.mark.parametrize("part", ["tensors", "archive"])
def test_changed_bytes_under_a_true_name_live_or_are_refused(saved, part, tmp_path_factory, data):
    folder = copy(saved, tmp_path_factory)
    path = file_of(folder, part)
    content = bytearray(path.read_bytes())
    near = data.draw(st.sampled_from([120, 4096, len(content)]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(near, len(content)) - 1))
        content[at] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    path.write_bytes(content)
    seal(folder, part, path)
    assert lives_or_is_refused(folder)


def places(value, here=()):
    """The paths of all values in a tree of JSON."""
    yield here
    if isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(child, (*here, key))


@given(data=st.data())
@settings(LIVELY, max_examples=60)
def test_any_other_value_in_the_json_lives_or_is_refused(saved, tmp_path_factory, data):
    folder = copy(saved, tmp_path_factory)
    facts = json.loads((folder / "state.json").read_text())
    *way, last = data.draw(st.sampled_from([p for p in places(facts) if p]))
    holder = facts
    for key in way:
        holder = holder[key]
    if data.draw(st.booleans()) or isinstance(holder, list):
        holder[last] = data.draw(JSON)
    else:
        del holder[last]
    (folder / "state.json").write_text(json.dumps(facts))
    assert lives_or_is_refused(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"format": 2}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"format":' + b"1" * 5000 + b"}",
        b'{"format": 1}',
        b'{"format": 1, "files": []}',
        b'{"format": 1, "files": {"tensors": "x"}}',
    ],
)
def test_a_json_file_of_another_kind_is_refused(folder, content):
    (folder / "state.json").write_bytes(content)
    with pytest.raises(UserError, match=r"state\.json"):
        Reader.load(folder)


@pytest.mark.parametrize(
    "name",
    [
        "../s/{}",
        "./{}",
        "/etc/passwd",
        "..",
        ".",
        "",
        "state.json",
        "{}\0",
        "{}\n",
        "x" * 5000,
        "\ud800",
        7,
        None,
        ["{}"],
    ],
)
@pytest.mark.parametrize("part", ["tensors", "archive"])
def test_a_name_that_leads_elsewhere_is_refused(folder, part, name):
    facts = json.loads((folder / "state.json").read_text())
    own = facts["files"][part]
    facts["files"][part] = name.format(own) if isinstance(name, str) else name
    (folder / "state.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match="names a file that is none of its own"):
        Reader.load(folder)


def test_what_is_no_folder_of_a_state_is_named_so(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(UserError, match="is not a saved state"):
            Reader.load(path)
    (tmp_path / "state.json").mkdir()
    with pytest.raises(UserError, match="cannot be read"):
        Reader.load(tmp_path)
