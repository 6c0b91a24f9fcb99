"""lm_eval on a native model, without a hub: a task of our own, and scores counted by hand."""

import pytest
import torch
from torch.nn import functional as F

from duotempo.models.bytes_tokenizer import byte_tokenizer
from duotempo.models.config import Config, MemoryConfig
from duotempo.models.decoder import Decoder
from duotempo.models.hf import wrap

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of lm_eval and what it imports
]
QUESTIONS = (
    ("Emma put the key in the", "box", "sea", 0),
    ("Mr. Elton asked for a", "ship", "drink of cold water", 1),
    ("It", "was", "were", 0),
)


def questions(**_):
    """A data set without files."""
    datasets = pytest.importorskip("datasets")
    rows = [dict(zip(("q", "a", "b", "right"), row, strict=True)) for row in QUESTIONS]
    return {"test": datasets.Dataset.from_list(rows)}


COMMON = {"custom_dataset": questions, "test_split": "test", "doc_to_text": "{{q}}"}
TASKS = [
    {
        **COMMON,
        "task": "choose",
        "output_type": "multiple_choice",
        "doc_to_choice": "{{[a, b]}}",
        "doc_to_target": "right",
        "metric_list": [{"metric": "acc"}],
    },
    {
        **COMMON,
        "task": "go_on",
        "output_type": "generate_until",
        "doc_to_target": "{{a}}",
        "generation_kwargs": {"until": ["\n"], "max_gen_toks": 6, "do_sample": False},
        "metric_list": [{"metric": "exact_match"}],
    },
    {
        **COMMON,
        "task": "whole_text",
        "output_type": "loglikelihood_rolling",
        "doc_to_target": "{{q}}",
        "metric_list": [{"metric": "bits_per_byte"}],
    },
]


def nats(model: Decoder, before: str, text: str) -> torch.Tensor:
    """The loss of each byte of a text that follows another, in nats."""
    ids = torch.tensor([list((before + text).encode())])
    with torch.no_grad():
        losses = F.cross_entropy(model(ids)[0][0, :-1].float(), ids[0, 1:], reduction="none")
    return losses[len(before.encode()) - 1 :]


def test_lm_eval_scores_as_we_do():
    lm_eval = pytest.importorskip("lm_eval")
    from lm_eval.models.huggingface import HFLM

    torch.manual_seed(0)
    mind = wrap(Decoder(Config(width=24, heads=2, ff=32, memory=MemoryConfig(size=6))).eval())
    adapter = HFLM(
        pretrained=mind, tokenizer=byte_tokenizer(), batch_size=3, max_length=512, device="cpu"
    )
    results = lm_eval.simple_evaluate(
        adapter, tasks=TASKS, log_samples=True, bootstrap_iters=0, verbosity="ERROR"
    )
    scores, samples = results["results"], results["samples"]
    chosen = []
    for (question, a, b, _), sample in zip(QUESTIONS, samples["choose"], strict=True):
        ours = [nats(mind.model, question, f" {choice}").sum().item() for choice in (a, b)]
        theirs = [-float(answer[0]) for answer in sample["filtered_resps"]]
        assert theirs == pytest.approx(ours, abs=1e-4)
        chosen.append(ours[1] < ours[0])
    right = [choice == row[3] for choice, row in zip(chosen, QUESTIONS, strict=True)]
    assert scores["choose"]["acc,none"] == pytest.approx(sum(right) / 3)
    losses = [nats(mind.model, "\0", question) for question, *_ in QUESTIONS]
    bits = sum(x.sum().item() for x in losses) / sum(map(len, losses)) / 0.6931471805599453
    assert scores["whole_text"]["bits_per_byte,none"] == pytest.approx(bits, abs=1e-4)
    for (question, *_), sample in zip(QUESTIONS, samples["go_on"], strict=True):
        ids = torch.tensor([list(question.encode())])
        said = mind.generate(ids, max_new_tokens=6, do_sample=False)[0, ids.shape[1] :]
        want = byte_tokenizer().decode(said, skip_special_tokens=True).split("\n")[0]
        assert sample["resps"][0][0] == want
