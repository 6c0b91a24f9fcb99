"""Records of CounterFact's shape as facts of a probe file (Meng et al. 2022, arXiv 2202.05262)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from duotempo.core import UserError

MOST = 8
"""Alternatives taken from other records of the same relation."""


def is_counterfact(record: Any) -> bool:
    """Whether a record has what only CounterFact's have."""
    return isinstance(record, dict) and "requested_rewrite" in record


def targets(records: Iterable[Any]) -> dict[Any, list[str]]:
    """The true targets of each relation, every one once, of records of which some may be others."""
    found: dict[Any, dict[str, None]] = {}
    for record in records:
        if is_counterfact(record) and isinstance(asked := record["requested_rewrite"], dict):
            relation, true = asked.get("relation_id", ""), asked.get("target_true")
            text = true.get("str") if isinstance(true, dict) else None
            if isinstance(relation, str) and isinstance(text, str) and text:
                found.setdefault(relation, {})[text] = None
    return {relation: list(texts) for relation, texts in found.items()}


def plain(record: Mapping[str, Any], known: Mapping[Any, Sequence[str]]) -> dict[str, Any]:
    """A record in the fields of a probe file: asked of the weights, the new target as the rival
    that a text may say, and the true targets of the same relation as further alternatives.

    `known` are all `targets`. Raises `UserError` for a record that lacks a part.
    """
    try:
        asked = record["requested_rewrite"]
        question = asked["prompt"].replace("{}", asked["subject"])
        true, new = asked["target_true"]["str"], asked["target_new"]["str"]
        others = known.get(asked["relation_id"], [])
        alternatives = [text for text in others if text not in (true, new)]
        return {
            "fact": str(record["case_id"]),
            "class": "weights",
            "questions": [question, *record.get("paraphrase_prompts", [])],
            "answer": true,
            "subject": asked["subject"],
            "rival": new,
            "alternatives": alternatives[:MOST],
            "contradictions": {"near": f"{question} {new}."},
            "neighbours": [
                {"question": text, "answer": true}
                for text in record.get("neighborhood_prompts", [])
            ],
        }
    except (LookupError, TypeError, AttributeError) as error:
        raise UserError(
            f"this record of CounterFact lacks a part ({type(error).__name__}: {error}): copy it "
            "again from its source"
        ) from error
