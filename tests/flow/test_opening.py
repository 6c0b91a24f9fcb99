"""Real models, opened by name: the default one and the memory model that comes along."""

from random import Random

import pytest
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from duotempo.flow import Fact, Made, cases, certificates, encoded, shares, sufficiency, swap
from duotempo.flow.made_words import FILLERS
from duotempo.flow.opening import open_subject, spelled
from duotempo.tasks.needle_words import TRAIN_WORDS

FAR, NEAR = 3, 1


def keys(documents):
    """Facts of the kind that the packaged model was trained on: keys by name, in documents with
    three far from the end and one right before it."""
    random, found = Random(4), []
    for number in range(documents):
        told = [
            (name, *random.sample("123456789", 2), str(random.randrange(1000, 10000)))
            for name in random.sample(TRAIN_WORDS, FAR + NEAR)
        ]
        between = " ".join(random.sample(FILLERS, 8))
        texts = []
        for which in (1, 2):
            said = [f"The {one[0]} key is {one[which]}{one[3]}." for one in told]
            texts.append(" ".join([*said[:FAR], between, *said[FAR:]]))
        for at, (name, own, other, rest) in enumerate(told):
            found.append(
                Fact(
                    f"{number}/{name}",
                    "far" if at < FAR else "near",
                    (f"The {name} key is",),
                    own + rest,
                    tuple(digit + rest for digit in "123456789" if digit not in (own, other)),
                    other + rest,
                    document=texts[0],
                    donor=texts[1],
                )
            )
    return found


def test_the_space_before_a_piece_is_told():
    pieces = {"\u2581": 0, "\u2581sky": 1, "blue": 2, "<unk>": 3}
    made = Tokenizer(models.WordLevel(pieces, unk_token="<unk>"))
    made.decoder = decoders.Metaspace()
    word = spelled(PreTrainedTokenizerFast(tokenizer_object=made))
    assert [word(token) for token in range(3)] == [" ", " sky", "blue"]


@pytest.mark.slow
def test_the_packaged_models_far_keys_come_out_of_its_memory():
    found = open_subject("needle")
    assert found.subject.stores == ("attention", "tails", "memory.1")
    ready = cases(found.subject, [encoded(fact, found.encode) for fact in keys(2)])
    rows = swap(found.subject, ready)
    by = {(r.groups, r.how, r.kind): r for r in rows}
    assert by[(), "as it is", "far"].keep.value >= 0.9
    assert by[("memory.1",), "rival", "far"].follow.value >= 0.9
    assert by[("context",), "rival", "far"].keep.value >= 0.9
    sure = {(c.group, c.kind): c for c in certificates(rows, ready)}
    assert sure["memory.1", "far"].enough
    assert not sure["context", "far"].enough
    told = shares(found.subject, ready)
    assert told.refused == ""
    assert not told.mixed
    share = {r.group: r.share for r in told.rows if r.kind == "far" and r.share is not None}
    assert max(share, key=share.__getitem__) == "memory.1"


@pytest.mark.slow
def test_smollm2_reads_invented_facts_from_the_context_and_sums_add_up():
    found = open_subject("smollm2")
    facts = Made(documents=2, subjects=2, between=2, known=3).facts()
    ready = cases(found.subject, [encoded(fact, found.encode) for fact in facts])
    rows = {(r.groups, r.how, r.kind): r for r in swap(found.subject, ready)}
    told = shares(found.subject, ready)
    assert told.refused == ""
    assert len(found.subject.places) == 61
    assert not told.mixed
    assert rows[("context",), "rival", "near"].keep.value < rows[(), "as it is", "near"].keep.value
    assert rows[("context",), "rival", "weights"].keep == rows[(), "as it is", "weights"].keep
    state = sufficiency(found.subject, ready[0].probe.document[:20], tokens=2, bound=1e-4)
    assert state.sufficient, state.ways
