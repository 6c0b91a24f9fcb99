"""The runner: what an oracle and an echo must score, resuming, sessions too long, what is kept."""

import json
from dataclasses import replace

import pytest

from duotempo.archive.people import Conversations
from duotempo.converse.evaluate import ARMS, Plan, load, run
from duotempo.converse.evaluate.asking import answer, kept
from duotempo.core import UserError
from tests.converse.evaluate.samples import Everything, locomo, longmemeval, written

KEY = {
    "What does Olga like": "baking, chess",
    "sell her violin": "2031",
    "like music": "Likely",
    "Where did Ines move": "Ghent",
    "by kayak": "Not mentioned in the conversation",
    "my bees": "12 jars",
    "goats": "You did not say.",
}
PLAN = Plan({"data": "made up", "model": "everything"})


def by_score(cells, arm, kind):
    """Score -> mean of an arm and kind."""
    return {c.score: c.mean for c in cells if (c.arm, c.kind) == (arm, kind)}


def rows_of(folder):
    """All rows of a run."""
    files = sorted(folder.glob("conversations/*/rows.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def test_a_memory_of_everything_answers_and_covers_all(tmp_path):
    cells = run(load(written(tmp_path, locomo())), Everything(KEY), tmp_path / "run", PLAN)
    single = by_score(cells, "memory", "single-hop")
    assert single == {
        "f1": 1, "contains": 1, "coverage": 1,
        "turn any": 1, "turn all": 1, "session any": 1, "session all": 1,
    }  # fmt: skip
    assert by_score(cells, "memory", "multi-hop")["f1"] == 1
    assert by_score(cells, "memory", "adversarial")["denied"] == 1
    assert by_score(cells, "memory", "temporal")["f1"] == 0  # the text says no year
    assert by_score(cells, "memory", "conversations") == {"has a memory": 1}


def test_no_memory_knows_nothing_and_has_no_evidence(tmp_path):
    cells = run(load(written(tmp_path, locomo())), Everything(KEY), tmp_path / "run", PLAN)
    assert by_score(cells, "none", "single-hop") == {"f1": 0, "contains": 0}
    assert by_score(cells, "none", "adversarial") == {"denied": 1}
    assert by_score(cells, "none", "all")["tokens"] == 0
    looked = by_score(cells, "look-up", "single-hop")
    assert (looked["f1"], looked["coverage"]) == (1, 1)


def test_longmemeval_is_scored_on_evidence_and_by_proxy(tmp_path):
    model = Everything(KEY)
    cells = run(load(written(tmp_path, longmemeval())), model, tmp_path / "run", PLAN)
    scores = by_score(cells, "memory", "single-session-user")
    assert scores["contains"] == scores["session all"] == scores["turn all"] == 1
    assert by_score(cells, "memory", "abstention") == {}
    assert {row["kind"] for row in rows_of(tmp_path / "run") if "kind" in row} == {
        "single-session-user", "abstention",
    }  # fmt: skip
    assert any(text.startswith("Today is 2031/05/30 (Fri) 23:40. How") for text in model.asked)


def test_every_answer_is_a_row_and_the_result_names_the_run(tmp_path):
    run(load(written(tmp_path, locomo())), Everything(KEY), tmp_path / "run", PLAN)
    state, *rows = rows_of(tmp_path / "run")
    assert len(rows) == 5 * len(ARMS)
    assert state["memory"]["faults"] == []
    assert state["memory"]["reasons"][0].startswith("kept")
    row = next(r for r in rows if (r["question"], r["arm"]) == ("4", "memory"))
    assert (row["gold"], row["said"]) == ("Ghent", "Ghent")
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["identity"] == {**PLAN.about, "budget": 400, "seed": 0}
    with Conversations(next((tmp_path / "run").glob("conversations/*/talks.db"))) as talks:
        begun = [session.begun for session in talks.of("Ines and Tomas").sessions()]
    assert begun == sorted(begun)
    assert begun[0] < begun[1] < 1.95e9


def test_a_run_that_was_cut_off_goes_on_with_the_next_conversation(tmp_path):
    talks, folder = load(written(tmp_path, longmemeval())), tmp_path / "run"

    class Cut(Everything):
        def reply(self, name, memory, turns):
            if "goats" in turns[-1].text:
                raise KeyboardInterrupt
            return super().reply(name, memory, turns)

    with pytest.raises(KeyboardInterrupt):
        run(talks, Cut(KEY), folder, PLAN)
    assert len(list(folder.glob("conversations/*/rows.jsonl"))) == 1
    rest = Everything(KEY)
    cells = run(talks, rest, folder, PLAN)
    assert rest.noted == [1, 2]  # the sessions of the second alone
    assert not any("jars did" in text for text in rest.asked)
    whole = run(talks, Everything(KEY), tmp_path / "other", PLAN)
    assert cells == whole


def test_the_first_conversations_may_be_taken_alone_and_more_later(tmp_path):
    talks, folder = load(written(tmp_path, longmemeval())), tmp_path / "run"
    run(talks, Everything(KEY), folder, replace(PLAN, limit=1))
    assert len(list(folder.glob("conversations/*"))) == 1
    run(talks, Everything(KEY), folder, PLAN)
    assert len(list(folder.glob("conversations/*"))) == 2


def test_the_folder_of_another_run_is_not_written_over(tmp_path):
    talks = load(written(tmp_path, longmemeval()))
    run(talks, Everything(KEY), tmp_path / "run", PLAN)
    with pytest.raises(UserError, match="differs in its budget and seed"):
        run(talks, Everything(KEY), tmp_path / "run", replace(PLAN, budget=100, seed=2))


def test_a_memory_that_the_guard_refuses_is_none(tmp_path):
    class Liar(Everything):
        def reply(self, name, memory, turns):
            gap = "in the place of the gap" in turns[-1].text
            return "I forgot." if gap and memory else " ".join(KEY.values()) + " bakery kayak Olga"

    talks = load(written(tmp_path, locomo()))
    cells = run(talks, Liar(KEY), tmp_path / "run", PLAN)
    state = rows_of(tmp_path / "run")[0]["memory"]
    assert state["sentences"] == 0
    assert state["reasons"][0].startswith("refused")
    assert by_score(cells, "memory", "conversations") == {"has a memory": 0}
    assert by_score(cells, "memory", "single-hop")["coverage"] == 0


def test_every_turn_is_kept_under_its_published_name(tmp_path):
    (told,) = load(written(tmp_path, locomo()))
    with Conversations(tmp_path / "talks.db") as talks:
        person = talks.of(told.name)
        names = kept(person, told)
        assert len(person.sessions()) == 2
        assert [names[turn.id] for turn in person.turns()] == [
            ("D1:1", "D1"), ("D1:2", "D1"), ("D2:1", "D2"), ("D2:2", "D2"),
        ]  # fmt: skip


def test_a_bare_letter_is_what_it_stands_for(tmp_path):
    from duotempo.converse.conversation import Conversation

    (told,) = load(written(tmp_path, locomo()))
    choice, said = told.questions[-1], {}

    class Letter(Everything):
        def reply(self, name, memory, turns):
            self.asked.append(turns[-1].text)
            return " (B). " if self.key else "a"

    with Conversations(tmp_path / "talks.db") as talks:
        for key in ({}, KEY):
            talk = Conversation(talks.of("ana"), Letter(key))
            said[bool(key)] = {answer(talk, choice, [], seed) for seed in range(8)}
            for seed in range(8):
                first = "(a) Lund" in talk.model.asked[seed]
                expected = "Lund" if first != bool(key) else "Not mentioned in the conversation"
                assert answer(talk, choice, [], seed) == expected
    assert said[True] == said[False] == {"Lund", "Not mentioned in the conversation"}
