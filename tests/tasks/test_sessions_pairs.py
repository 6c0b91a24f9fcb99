"""Laws of contradicting replies: the right form, the wrong content, the same prompt."""

from random import Random

import pytest

from duotempo.tasks.sessions_forms import oracle, reply
from duotempo.tasks.sessions_pairs import contradicted, contradiction
from duotempo.tasks.sessions_rows import decoded
from duotempo.tasks.sessions_words import CITIES, UNKNOWN

MEMORY = "portrait : ana lives in oslo @3 , before rome @1 relation : recap :"


@pytest.mark.parametrize("question", ["where do i live ?", "where did i live before ?"])
def test_what_contradicts_is_another_value_of_the_same_kind_or_denies(question):
    prompt = reply(MEMORY, [question])
    right = oracle(prompt)
    found = {contradiction(prompt, right, Random(n)) for n in range(60)}
    assert right not in found
    assert f"{UNKNOWN} . end" in found
    values = {word for said in found for word in said.split() if word in CITIES}
    rival = {"oslo", "rome"} - set(right.split())
    assert rival <= values
    assert not set(right.split()) & values


def test_where_nothing_was_told_an_invention_contradicts():
    prompt = reply(MEMORY, ["what do i play ?"])
    assert contradiction(prompt, oracle(prompt), Random(0)).startswith("you play ")


def test_what_asks_for_nothing_is_left_out():
    prompt = reply(MEMORY, ["it is late ."])
    assert contradiction(prompt, oracle(prompt), Random(0)) is None


def test_pairs_share_their_prompts_and_come_again():
    chosen, rejected = contradicted(0, 3, rows=6)
    again, _ = contradicted(0, 3, rows=6)
    assert chosen.tokens.equal(again.tokens)
    for left, right in zip(chosen.tokens, rejected.tokens, strict=True):
        one, two = (decoded(row.tolist()).partition(" =>") for row in (left, right))
        assert one[0] == two[0]
        assert one[2] != two[2]
