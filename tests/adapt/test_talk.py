"""Laws of reflectors that talk, and of the one that goes by rules: strict reading, small edits."""

import re
import sys
from random import Random

import pytest

from duotempo.adapt.lines import Lines, words
from duotempo.adapt.prompts import Population, Reflector, Search, Trial, name
from duotempo.adapt.talk import Local, Speaker, Talk, by_gepa, instruction
from duotempo.converse.endpoint import Endpoint
from duotempo.core import UserError
from duotempo.tasks.verifiable import Problem, Score
from tests.adapt.chats import policy
from tests.adapt.served import SAID, serving

PROMPT = "Answer the question."


def failed(i: int, feedback: str = "too long") -> Trial:
    """An answer that was worth nothing."""
    return Trial(Problem(f"question {i}"), f"answer {i}", Score(0.0, feedback))


RIGHT = Trial(Problem("easy"), "yes", Score(1.0, "right"))
TRIALS = [RIGHT, *(failed(i) for i in range(6))]


class Parrot:
    """Says what it was told to, and keeps what it heard."""

    def __init__(self, said: str) -> None:
        self.said, self.heard, self.seeds = said, [], []

    def __call__(self, text: str, seed: int) -> str:
        self.heard.append(text)
        self.seeds.append(seed)
        return self.said


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("Sure:\n```\nSay one word.\n```\nDone.", "Say one word.\n"),
        ("```text\nFirst.\n```\nBetter:\n```\nSecond.\n```", "Second.\n"),
        ('I would say "Say one word."', "Say one word."),
        ('Not "this" but "that"', None),
        ("Say one word.", None),
        ("```\nnever closed", None),
        ("", None),
    ],
)
def test_an_instruction_is_read_strictly(said, found):
    assert instruction(said) == found


@pytest.mark.parametrize("said", ["no idea", "```\n\n```", "```\n" + "long " * 400 + "\n```"])
def test_what_is_no_prompt_is_refused(said):
    assert Talk(Parrot(said))(PROMPT, TRIALS, Random(0)) is None


def as_gepa(speaker: Speaker) -> Talk:
    """A reflector in GEPA's words, where it is installed."""
    pytest.importorskip("gepa")
    return by_gepa(speaker)


@pytest.mark.parametrize("make", [Talk, as_gepa])
def test_a_speaker_reads_the_prompt_and_four_failures(make):
    speaker = Parrot(SAID)
    assert make(speaker)(PROMPT, TRIALS, Random(0)) == "Say one word."
    (heard,) = speaker.heard
    assert PROMPT in heard
    assert [i for i in range(6) if f"question {i}" in heard] == [0, 1, 2, 3]
    assert "answer 3" in heard
    assert "too long" in heard
    assert "easy" not in heard


def test_nobody_speaks_where_nothing_failed():
    speaker = Parrot(SAID)
    assert Talk(speaker)(PROMPT, [RIGHT], Random(0)) is None
    assert not speaker.heard


def test_chance_decides_the_seed_of_the_speaker():
    speaker = Parrot(SAID)
    for seed in (0, 0, 1):
        Talk(speaker)(PROMPT, TRIALS, Random(seed))
    assert speaker.seeds[0] == speaker.seeds[1] != speaker.seeds[2]


def test_reflectors_have_names_for_the_family_tree():
    speaker = Parrot(SAID)
    assert isinstance(speaker, Speaker)
    reflectors = (Talk(speaker), as_gepa(speaker), Lines(["x"]))
    assert all(isinstance(each, Reflector) for each in reflectors)
    assert [name(each) for each in reflectors] == ["talk", "gepa", "lines"]


def test_the_base_itself_speaks_alike_for_the_same_chance():
    speaker = Local(policy(), longest=4, temperature=1.0)
    assert isinstance(speaker, Speaker)
    assert speaker("Hello", 1) == speaker("Hello", 1) != speaker("Hello", 2)


def test_an_endpoint_is_asked_again_after_a_refusal_for_its_rate():
    with serving(429, 503) as server:
        said = Endpoint(server.url, "small", "secret", retries=3)("Hello", 0)
    assert said == SAID
    assert len(server.got) == 3
    assert server.got[-1]["model"] == "small"
    assert server.got[-1]["messages"] == [{"role": "user", "content": "Hello"}]
    assert set(server.keys) == {"Bearer secret"}


def test_an_endpoint_without_a_key_takes_the_one_of_the_environment(monkeypatch):
    with serving() as server:
        monkeypatch.setenv("OPENAI_API_KEY", "known")
        Endpoint(server.url, "small")("Hello", 0)
        monkeypatch.delenv("OPENAI_API_KEY")
        Endpoint(server.url, "small")("Hello", 0)
    assert server.keys == ["Bearer known", "Bearer none"]


def test_a_key_is_not_shown():
    assert "secret" not in repr(Endpoint("http://host/v1", "small", "secret"))


@pytest.mark.parametrize(("statuses", "tries"), [((429, 429, 429), 2), ((401,), 1)])
def test_an_endpoint_that_goes_on_refusing_is_told(statuses, tries):
    with serving(*statuses) as server, pytest.raises(UserError, match=r"status 4\d\d.*again"):
        Endpoint(server.url, "small", retries=1)("Hello", 0)
    assert len(server.got) == tries


def test_an_endpoint_that_does_not_answer_in_time_is_told():
    with serving(wait=0.3) as server, pytest.raises(UserError, match=r"did not answer.*again"):
        Endpoint(server.url, "small", timeout=0.05, retries=0)("Hello", 0)


def test_an_endpoint_that_is_down_is_told():
    with serving() as server:
        url = server.url
    with pytest.raises(UserError, match=r"did not answer.*again"):
        Endpoint(url, "small", retries=0)("Hello", 0)


def test_an_address_of_another_protocol_is_told():
    with serving(body="<html>hello</html>") as server, pytest.raises(UserError, match="/v1"):
        Endpoint(server.url, "small")("Hello", 0)


@pytest.mark.parametrize("make", [by_gepa, lambda speaker: speaker("Hello", 0)])
def test_a_missing_library_is_told_the_mend(monkeypatch, make):
    for missing in ("openai", "gepa.strategies.instruction_proposal"):
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UserError, match=re.escape('pip install "duotempo[adapt]"')):
        make(Endpoint("http://127.0.0.1:9/v1", "small"))


HINTS = ("Answer with one word.", "Think step by step.", "Be polite.")


def test_a_rule_changes_one_line_and_keeps_the_first():
    random, prompt = Random(0), PROMPT
    for _ in range(100):
        new = Lines(HINTS)(prompt, TRIALS, random)
        assert new is not None
        before, after = prompt.split("\n"), new.split("\n")
        assert after[0] == PROMPT
        assert set(after[1:]) <= set(HINTS)
        assert len(set(after)) == len(after)
        assert len(set(before) ^ set(after)) in (1, 2)
        assert abs(len(before) - len(after)) <= 1
        prompt = new


def test_hints_that_feedback_names_come_first():
    trials = [failed(0, "say one word, nothing else")]
    drawn = [Lines(HINTS, chance=0.0)(PROMPT, trials, Random(i)) for i in range(50)]
    assert sum("one word" in str(text) for text in drawn) > 30
    assert words("Say one word!") == {"word"}


def test_rules_find_the_line_that_helps():
    def judge(prompt, problems):
        worth = 1.0 if HINTS[0] in prompt else 0.0
        return [Trial(p, "", Score(worth, "no")) for p in problems]

    problems = [Problem(str(i)) for i in range(8)]
    search, start = Search(first=12), Population.of(PROMPT)
    found = search.cycle(start, judge, Lines(HINTS), problems[:4], problems[4:], Random(0), 0)
    assert HINTS[0] in found.best.text
    assert found.best.by == "lines"


def test_a_rule_has_nothing_to_say_where_nothing_failed():
    assert Lines(HINTS)(PROMPT, [RIGHT], Random(0)) is None


@pytest.mark.parametrize("hints", [(), ("",), ("two\nlines",)])
def test_hints_that_are_no_lines_are_refused(hints):
    with pytest.raises(UserError, match="single line"):
        Lines(hints)
