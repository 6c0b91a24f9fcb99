"""Records of CounterFact's shape as facts of a probe file (Meng et al. 2022, arXiv 2202.05262)."""

from collections.abc import Mapping, Sequence
from typing import Any

from duotempo.core import UserError

MOST = 8
"""Alternatives taken from other records of the same relation."""


def is_counterfact(record: Any) -> bool:
    """Whether a record has what only CounterFact's have."""
    return isinstance(record, dict) and "requested_rewrite" in record


def plain(record: Mapping[str, Any], pool: Sequence[Any]) -> dict[str, Any]:
    """A record in the fields of a probe file: asked of the weights, the new target as the rival
    that a text may say, and the true targets of the same relation as further alternatives.

    Raises `UserError` for a record that lacks a part.
    """
    try:
        asked = record["requested_rewrite"]
        question = asked["prompt"].format(asked["subject"])
        true, new = asked["target_true"]["str"], asked["target_new"]["str"]
        others = [_target(other) for other in pool if _relation(other) == asked["relation_id"]]
        alternatives = [text for text in dict.fromkeys(others) if text not in ("", true, new)]
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


def _relation(record: Any) -> Any:
    """The relation of a record of CounterFact's shape; None of any other."""
    asked = record.get("requested_rewrite") if isinstance(record, dict) else None
    return asked.get("relation_id", "") if isinstance(asked, dict) else None


def _target(record: Mapping[str, Any]) -> str:
    """The true target of a record; nothing where it lacks one, which its own turn will say."""
    target = record["requested_rewrite"].get("target_true")
    return str(target.get("str", "")) if isinstance(target, dict) else ""
