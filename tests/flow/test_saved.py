"""A report comes back from its JSON as it was; what is none is refused and the field named."""

import json

import pytest

from duotempo.core import UserError
from duotempo.flow import as_dict, read_report, report, report_of
from tests.flow.facts import probes
from tests.flow.planted import RELAY


@pytest.fixture(scope="module")
def made():
    """A report on a relay."""
    return report(RELAY, [fact for kind in ("near", "far") for fact in probes(kind)[::4]], "relay")


def saved(made):
    """What a file holds."""
    return json.loads(json.dumps(as_dict(made)))


def test_a_report_comes_back_as_it_was(made, tmp_path):
    assert report_of(saved(made)) == made
    path = tmp_path / "a.json"
    path.write_text(json.dumps(as_dict(made)))
    assert read_report(path) == made


def test_a_report_of_an_earlier_version_has_no_trails_and_no_steps(made):
    values = saved(made)
    del values["trails"], values["command"], values["shares"]["steps"]
    found = report_of(values)
    assert (found.trails, found.command, found.shares.steps) == ((), "", ())
    assert found.swap == made.swap


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda v: v.pop("model"), "model"),
        (lambda v: v.update(seconds="long"), "seconds"),
        (lambda v: v.update(notes=[1]), r"notes\[0\]"),
        (lambda v: v["facts"].update(far=True), "facts.far"),
        (lambda v: v["swap"][0].update(keep=3), r"swap\[0\].keep"),
        (lambda v: v.update(swap={}), "swap"),
    ],
)
def test_a_field_that_is_wrong_is_named(made, change, named):
    values = saved(made)
    change(values)
    with pytest.raises(UserError, match=f"^{named} is missing or is no value"):
        report_of(values)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "study"}', "[" * 100_000, "\x00"])
def test_a_strangers_file_is_one_sentence(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"x\.json"):
        read_report(path)
    with pytest.raises(UserError, match="nowhere"):
        read_report(tmp_path / "nowhere.json")
