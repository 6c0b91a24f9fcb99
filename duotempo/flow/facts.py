"""Facts as text and the probe files they stand in: JSON lines, or CounterFact's records."""

import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch

from duotempo.core import UserError
from duotempo.core.files import write_text
from duotempo.flow.counterfact import is_counterfact, plain, targets
from duotempo.flow.probe import KINDS, Probe, Question
from duotempo.flow.subject import Ids

Encode = Callable[[str], Sequence[int]]
"""Token ids of a text, without tokens of the tokenizer's own at either end."""
SPACELESS = (
    "CJK", "HIRAGANA", "KATAKANA", "BOPOMOFO", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN",
    "FULLWIDTH", "IDEOGRAPHIC",
)  # fmt: skip
"""How the names of signs begin whose scripts put no space between words."""


@dataclass(frozen=True)
class Asked:
    """Another question and its answer."""

    question: str
    answer: str


@dataclass(frozen=True)
class Fact:
    """One fact in words: what a line of a probe file holds.

    `kind` is its class ("class" in the file): near, far, store, weights. A question is the
    beginning of a sentence that the answer goes on with. `donor` is the document with other answers
    in it, `rival` the one it has here; `old` is what the weights said before. Both count among the
    alternatives. `neighbours` ask the same of other subjects, `same_subject` something else of this
    one, and `subject` is its name.
    """

    fact: str
    kind: str
    questions: tuple[str, ...]
    answer: str
    alternatives: tuple[str, ...] = ()
    rival: str = ""
    old: str = ""
    document: str = ""
    donor: str = ""
    contexts: tuple[str, ...] = ()
    contradictions: Mapping[str, str] = field(default_factory=dict)
    neighbours: tuple[Asked, ...] = ()
    same_subject: tuple[Asked, ...] = ()
    subject: str = ""

    def line(self) -> str:
        """This fact as a line of a probe file, without what is empty."""
        values = {name: value for name, value in asdict(self).items() if value}
        return json.dumps({"fact": self.fact, "class": values.pop("kind"), **values})


def read_facts(path: Path) -> tuple[Fact, ...]:
    """The facts of a probe file, one JSON object a line, or of a JSON list of them.

    Records of CounterFact's shape may stand anywhere; they become facts of the class `weights`.
    Raises `UserError`, which names the line, for a file that holds anything else.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path} ({error}): give a file of JSON lines") from error
    records = list(_records(path, text))
    if not records:
        raise UserError(f"{path} holds no facts: write one JSON object a line")
    known = targets(record for _, record in records)
    facts = []
    for where, record in records:
        try:
            facts.append(_fact(plain(record, known) if is_counterfact(record) else record))
        except UserError as error:
            raise UserError(f"{path}, {where}: {error}") from error
    return tuple(facts)


def write_facts(path: Path, facts: Iterable[Fact]) -> None:
    """A probe file of these facts."""
    write_text(path, "".join(fact.line() + "\n" for fact in facts))


def _records(path: Path, text: str) -> Iterable[tuple[str, Any]]:
    """(where it stands, record) of each."""
    if text.lstrip().startswith("["):
        try:
            items = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path} is no JSON list ({error}): mend it") from error
        yield from ((f"record {number}", item) for number, item in enumerate(items, 1))
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield f"line {number}", json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UserError(
                    f"{path}, line {number} is no JSON ({error}): write one object a line"
                ) from error


def _fact(record: Any) -> Fact:
    """A record as a fact; raises `UserError` that names the field."""
    if not isinstance(record, dict):
        raise UserError('this is no JSON object: write {"fact": ..., "class": ...}')
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise UserError("a text of it ends in half a character: write it whole") from error
    values = dict(record)
    if "question" in values:
        first, more = values.pop("question"), values.get("questions", [])
        values["questions"] = [first, *more] if isinstance(more, list) else more
    values["kind"] = values.pop("class", None)
    known = {f.name for f in fields(Fact)}
    if unknown := values.keys() - known:
        raise UserError(f"{min(unknown)!r} is no field of a fact: drop it or spell it otherwise")
    found = {name: _value(name, value) for name, value in values.items()}
    for name in ("fact", "kind", "questions", "answer"):
        if not found.get(name):
            raise UserError(f"{'class' if name == 'kind' else name!r} is missing: say it")
    if found["kind"] not in KINDS:
        raise UserError(f"class {found['kind']!r}: one of {', '.join(KINDS)}")
    if bool(found.get("donor")) != bool(found.get("rival")) and found["kind"] != "weights":
        raise UserError("donor and rival belong together: give both or none")
    return Fact(**found)


def _value(name: str, value: Any) -> Any:
    """A field's value in the types of `Fact`."""
    if name in ("questions", "alternatives", "contexts"):
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise UserError(f'{name!r} is no list of texts: write ["...", "..."]')
    if name in ("neighbours", "same_subject"):
        keys = {"question", "answer"}
        if isinstance(value, list) and all(_texts(i) and i.keys() == keys for i in value):
            return tuple(Asked(**item) for item in value)
        raise UserError(f"{name!r} is no list of objects with a question and an answer each")
    if name == "contradictions":
        if _texts(value) and value.keys() <= {"near", "far", "store"}:
            return value
        raise UserError("'contradictions' are texts by place, near, far or store")
    if isinstance(value, str):
        return value
    raise UserError(f"{'class' if name == 'kind' else name!r} is no text: write it in quotes")


def _texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def encoded(fact: Fact, encode: Encode) -> Probe:
    """A fact in tokens. Raises `UserError`, which names the fact, for one that cannot be asked.

    Answers are taken as they go on from the question (`joined`). What all of them begin with
    belongs to the question. Of answers that begin with the same token, which cannot be told apart,
    the first is kept: the answer, then the rival, then the alternatives.
    """
    if not fact.answer.strip():
        raise UserError(f"fact {fact.fact!r} has an empty answer: give one with letters in it")
    if not all(text.strip() for text in fact.questions):
        raise UserError(f"fact {fact.fact!r} has an empty question: begin a sentence with it")
    if fact.rival and fact.rival.strip() in ("", fact.answer.strip()):
        raise UserError(
            f"fact {fact.fact!r}: the rival {fact.rival!r} is empty or the answer itself: give "
            "another one"
        )
    wanted = [fact.answer, *([fact.rival] if fact.rival else [])]
    wanted += [fact.old, *fact.alternatives]
    answers = list(dict.fromkeys(text for text in wanted if text.strip()))
    try:
        questions = _alike(
            [_question(text, answers, bool(fact.rival), encode) for text in fact.questions]
        )
        return Probe(
            fact.fact,
            fact.kind,
            questions,
            document=document(fact.document, encode),
            twin=document(fact.donor, encode) if fact.donor else None,
            has_rival=bool(fact.rival),
            contexts=tuple(document(text, encode) for text in fact.contexts),
            contradictions={w: document(t, encode) for w, t in fact.contradictions.items()},
        )
    except UserError as error:
        raise UserError(f"fact {fact.fact!r}: {error}") from error


def joined(question: str, answer: str) -> str:
    """An answer behind its question: after a space, but in scripts that have none between words."""
    left, right = question.rstrip(), answer.strip()
    return left + ("" if _spaceless(left[-1:]) and _spaceless(right[:1]) else " ") + right


def _spaceless(sign: str) -> bool:
    return bool(sign) and unicodedata.name(sign, "").startswith(SPACELESS)


def document(text: str, encode: Encode) -> Ids:
    """A text to be read before a question, which begins on a new line."""
    return _ids(encode(text + "\n")) if text else _ids([])


def _ids(tokens: Sequence[int]) -> Ids:
    return torch.tensor(list(tokens), dtype=torch.long)


def _question(text: str, answers: Sequence[str], rival: bool, encode: Encode) -> dict[str, Any]:
    """Tokens of one wording and of the answers that can be told from the right one, by text."""
    full = {answer: list(encode(joined(text, answer))) for answer in answers}
    base = list(encode(joined(text, "")))
    spaced = {answer: ids for answer, ids in full.items() if ids[: len(base)] == base}
    if rival and set(answers[:2]) <= spaced.keys():
        full = spaced  # a space that is a token by itself tells nothing apart
    alone = [list(encode(text.rstrip()))] if len(full) == 1 else []
    shared = _shared([*alone, *full.values()])
    tokens = next(iter(full.values()))[:shared]
    rest = {answer: ids[shared:] for answer, ids in full.items()}
    right = rest[answers[0]]
    if not right:
        raise UserError(
            f"the answer {answers[0]!r} becomes no tokens of its own behind its question (the "
            "tokenizer drops it, or the others all begin with it): give another one"
        )
    kept: dict[str, list[int]] = {}
    for answer, ids in rest.items():
        if ids and ids[0] not in [begun[0] for begun in kept.values()]:
            kept[answer] = ids
    if rival and answers[1] not in kept:
        raise UserError(
            f"the rival {answers[1]!r} begins with the same token as the answer {answers[0]!r}: "
            "give one that begins otherwise"
        )
    return {"tokens": tokens, "kept": kept}


def _shared(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens all rows begin with."""
    return len(list(takewhile(lambda at: len(set(at)) == 1, zip(*rows, strict=False))))


def _alike(found: Sequence[dict[str, Any]]) -> tuple[Question, ...]:
    """Questions with the candidates that all wordings have, in one order."""
    names = [a for a in found[0]["kept"] if all(a in one["kept"] for one in found)]
    return tuple(
        Question(_ids(one["tokens"]), tuple(_ids(one["kept"][name]) for name in names))
        for one in found
    )
