"""Probes for planted models: twelve facts a class, with twins and strangers."""

from duotempo.flow import Probe, Question
from tests.flow.planted import ANSWERS, SUBJECTS, answer, filler, ids


def question(subject: int, right: int, rival: int, *before: int) -> Question:
    """A subject is asked; the answer comes first, then the rival, then the others."""
    others = [a for a in range(ANSWERS) if a not in (right, rival)]
    candidates = tuple(ids(answer(a)) for a in (right, rival, *others))
    return Question(ids(*before, subject), candidates)


def document(kind: str, subject: int, said: int) -> tuple[int, ...]:
    """A text that says it where a class of facts stands."""
    fact, quiet = (subject, answer(said)), (filler(),) * 7
    return {
        "near": (*quiet, *fact),
        "far": (*fact, *quiet),
        "store": (*fact, *quiet),
        "weights": (filler(1), *quiet, *((subject + 1) % SUBJECTS, answer(said))),
    }[kind]


def probe(kind: str, subject: int, right: int, before: tuple[int, ...] = ()) -> Probe:
    """One fact; the twin says the next answer."""
    rival = (right + 1) % ANSWERS
    return Probe(
        f"{kind} {subject} {right}",
        kind,
        (question(subject, right, rival, *before),),
        ids(*document(kind, subject, right)),
        twin=ids(*document(kind, subject, rival)),
        has_rival=True,
    )


def probes(*kinds: str) -> list[Probe]:
    """Twelve of each class; what weights know is s mod 4."""
    found = []
    for kind in kinds:
        for subject in range(SUBJECTS):
            for more in (0, 2):
                right = (subject + (0 if kind == "weights" else more)) % ANSWERS
                found.append(probe(kind, subject, right, (filler(more),)))
    return found
