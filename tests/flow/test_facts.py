"""Probe files: every field comes back, a bad line is named, answers are cut where tokens differ."""

import json

import pytest

from duotempo.core import UserError
from duotempo.flow import Asked, Fact, Made, encoded, read_facts, write_facts
from duotempo.flow.facts import joined
from duotempo.flow.made_words import KNOWN, RELATIONS

WHOLE = Fact(
    "f1", "far", ("The sky is", "One sees that the sky is"), "blue", ("green", "red"), "grey",
    old="white", document="The sky is blue.", donor="The sky is grey.", contexts=("Look. It is.",),
    contradictions={"near": "The sky is grey."}, neighbours=(Asked("The sea is", "wet"),),
    same_subject=(Asked("The sky is above the", "sea"),),
)  # fmt: skip
GOOD = {"fact": "a", "class": "weights", "question": "Two and two are", "answer": "four"}


def letters(text):
    """A token a byte."""
    return list(text.encode())


def words(text):
    """A token a word; the hash of a word is its number."""
    return [sum(word.encode()) % 997 for word in text.split()]


def written(tmp_path, *lines):
    """A file of these lines."""
    path = tmp_path / "probes.jsonl"
    path.write_text(
        "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    )
    return path


def test_facts_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "facts.jsonl"
    facts = (WHOLE, *Made(documents=2, store=True).facts())
    write_facts(path, facts)
    assert read_facts(path) == facts


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "is no JSON"),
        ("[1]", "no JSON object"),
        ({**GOOD, "class": "elsewhere"}, "class 'elsewhere'"),
        ({**GOOD, "anser": "five"}, "'anser' is no field"),
        ({"fact": "a", "class": "far", "answer": "x"}, "'questions' is missing"),
        ({**GOOD, "answer": 4}, "'answer' is no text"),
        ({**GOOD, "alternatives": "five"}, "no list of texts"),
        ({**GOOD, "neighbours": [{"question": "x"}]}, "question and an answer"),
        ({**GOOD, "contradictions": {"above": "x"}}, "near, far or store"),
        ({**GOOD, "class": "far", "donor": "Two and two are five."}, "belong together"),
        ({"requested_rewrite": {}}, "lacks a part"),
        ({**GOOD, "questions": "Two and two"}, "no list of texts"),
        ({**GOOD, "questions": 5}, "no list of texts"),
        ({**GOOD, "answer": "four \ud800"}, "half a character"),
        ("{" * 100_000, "is no JSON"),
        ('{"a":' * 100_000, "is no JSON"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, why):
    with pytest.raises(UserError, match="line 3") as caught:
        read_facts(written(tmp_path, GOOD, "", line, GOOD))
    assert why in str(caught.value)


def test_signs_that_part_lines_elsewhere_are_text(tmp_path):
    path = tmp_path / "facts.jsonl"
    odd = "It is\u2028said\x85that two\x1cand two are"
    lines = [json.dumps({**GOOD, "question": odd}, ensure_ascii=False), json.dumps(GOOD)]
    path.write_bytes("\r\n".join(lines).encode("utf-8-sig"))  # as some editors save it
    first, second = read_facts(path)
    assert first.questions == (odd,)
    assert second.questions == (GOOD["question"],)


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        read_facts(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no facts"):
        read_facts(written(tmp_path, ""))
    (tmp_path / "bad.json").write_text("[{]")
    with pytest.raises(UserError, match="no JSON list"):
        read_facts(tmp_path / "bad.json")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="cannot read"):
        read_facts(tmp_path / "bytes")


def counterfact(case, subject, true, new):
    """A record as the data set has them."""
    return {
        "case_id": case,
        "requested_rewrite": {
            "prompt": "The mother tongue of {} is",
            "relation_id": "P103",
            "target_new": {"str": new, "id": "Q1"},
            "target_true": {"str": true, "id": "Q2"},
            "subject": subject,
        },
        "paraphrase_prompts": [f"{subject}, who speaks"],
        "neighborhood_prompts": ["The mother tongue of Robert is"],
        "attribute_prompts": [],
        "generation_prompts": [],
    }


def test_counterfact_is_read(tmp_path):
    path = tmp_path / "counterfact.json"
    records = [
        counterfact(0, "Danielle", "French", "English"),
        counterfact(1, "Li", "Chinese", "Thai"),
    ]
    path.write_text(json.dumps(records))
    first, _ = read_facts(path)
    assert first == Fact(
        "0",
        "weights",
        ("The mother tongue of Danielle is", "Danielle, who speaks"),
        "French",
        ("Chinese",),
        "English",
        subject="Danielle",
        contradictions={"near": "The mother tongue of Danielle is English."},
        neighbours=(Asked("The mother tongue of Robert is", "French"),),
    )
    probe = encoded(first, letters)
    assert (probe.kind, len(probe.question.candidates), probe.twin) == ("weights", 3, None)


def test_a_prompt_with_braces_is_a_prompt(tmp_path):
    record = counterfact(0, "Danielle", "French", "English")
    record["requested_rewrite"]["prompt"] = "In {x of {} one speaks }"
    (fact,) = read_facts(written(tmp_path, record))
    assert fact.questions[0] == "In {x of Danielle one speaks }"


def test_answers_are_cut_where_they_differ():
    fact = Fact("f", "weights", ("It is",), "blue", ("white", "black", "bluish"), "grey")
    question = encoded(fact, letters).question
    assert bytes(question.tokens.tolist()) == b"It is "  # the space belongs to all answers
    cut = [bytes(ids.tolist()) for ids in question.candidates]
    assert cut == [b"blue", b"grey", b"white"]  # others begin as the answer does
    by_word = encoded(fact, words).question
    assert len(by_word.tokens) == 2
    assert len(by_word.candidates) == 5


def test_alternatives_that_begin_as_the_rival_do_are_left_out():
    fact = Fact("f", "weights", ("It is",), "blue", ("greyish", "red", "rose"), "grey")
    question = encoded(fact, letters).question
    assert [bytes(ids.tolist()) for ids in question.candidates] == [b"blue", b"grey", b"red"]
    assert question.chance == 1 / 3


def test_a_space_that_is_a_token_by_itself_belongs_to_the_question():
    def pieces(text):  # as SentencePiece has it: one word is whole, of others the space is apart
        return letters(text.replace(" green", "G"))

    fact = Fact("f", "weights", ("It is",), "blue", ("green", "white"), "red")
    question = encoded(fact, pieces).question
    assert bytes(question.tokens.tolist()) == b"It is "
    assert [bytes(ids.tolist()) for ids in question.candidates] == [b"blue", b"red", b"white"]


@pytest.mark.parametrize(
    ("question", "answer", "wanted"),
    [
        ("The sky is ", " blue", "The sky is blue"),
        ("法国的首都是", "巴黎", "法国的首都是巴黎"),
        ("フランスの首都は", "パリ", "フランスの首都はパリ"),
        ("เมืองหลวงคือ", "ปารีส", "เมืองหลวงคือปารีส"),
        ("프랑스의 수도는", "파리", "프랑스의 수도는 파리"),
        ("Столица Франции", "Париж", "Столица Франции Париж"),
        ("他的年龄是", "42", "他的年龄是 42"),
    ],
)
def test_an_answer_stands_behind_its_question_as_its_script_has_it(question, answer, wanted):
    assert joined(question, answer) == wanted
    whole = encoded(Fact("f", "weights", (question,), answer, ("~",)), letters).question
    assert bytes([*whole.tokens.tolist(), *whole.candidates[0].tolist()]).decode() == wanted


def test_all_wordings_have_the_same_candidates():
    fact = Fact("f", "weights", ("It is", "So it is"), "blue", ("red", "green"))
    first, second = encoded(fact, letters).questions
    assert [c.tolist() for c in first.candidates] == [c.tolist() for c in second.candidates]


@pytest.mark.parametrize(
    ("fact", "why"),
    [
        (Fact("f", "weights", ("It is",), "blue"), "stands alone"),
        (Fact("f", "weights", ("It is",), " ", ("red",)), "empty answer"),
        (Fact("f", "weights", ("It is", " "), "blue", ("red",)), "empty question"),
        (Fact("f", "weights", ("It is",), "blue", ("red",), "black"), "rival 'black'"),
        (Fact("f", "weights", ("It is",), "blue", ("red",), "blue "), "the answer itself"),
        (Fact("f", "weights", ("It is",), "blue", (), "blue"), "the answer itself"),
        (Fact("f", "weights", ("It is",), "blue", ("red",), " "), "is empty"),
        (Fact("f", "weights", ("It is", "Is it"), "blue", ("blue",)), "stands alone"),
    ],
)
def test_facts_that_cannot_be_asked_are_named(fact, why):
    with pytest.raises(UserError, match="fact 'f'") as caught:
        encoded(fact, letters)
    assert why in str(caught.value)


def test_an_answer_that_becomes_no_tokens_is_refused():
    fact = Fact("f", "weights", ("It is",), "blue", ("red",))
    deaf = lambda text: words(text.replace("blue", ""))  # noqa: E731
    with pytest.raises(UserError, match="becomes no tokens"):
        encoded(fact, deaf)


def test_a_single_alternative_will_do():
    question = encoded(Fact("f", "weights", ("It is",), "blue", ("red",)), letters).question
    assert question.chance == 0.5


def test_made_documents_say_what_is_asked_and_twins_say_otherwise():
    facts = Made(documents=3, subjects=4, store=True, seed=5).facts()
    assert facts == Made(documents=3, subjects=4, store=True, seed=5).facts()
    assert {fact.kind for fact in facts} == {"near", "far", "store", "weights"}
    for fact in facts:
        said, other = (f"{fact.questions[0]} {a}." for a in (fact.answer, fact.rival))
        if fact.kind == "weights":
            assert said not in fact.document
            assert other in fact.contradictions["far"]
            continue
        assert said in fact.document
        assert said not in fact.donor
        assert other in fact.donor
        half = len(fact.document) // 2
        assert (fact.document.index(said) > half) == (fact.kind == "near")
        assert len(fact.same_subject) == 1
        assert all(said in context for context in fact.contexts)


def test_made_answers_begin_with_different_letters():
    for relation in {*RELATIONS, *(relation for relation, _, _ in KNOWN)}:
        assert len({text[0] for text in relation.answers}) == len(relation.answers)
    for relation, _, own in KNOWN:
        assert own in relation.answers


def test_more_names_than_there_are_are_refused():
    with pytest.raises(UserError, match="ask for fewer"):
        Made(documents=10, subjects=8)
    with pytest.raises(UserError, match="even number"):
        Made(subjects=3)
