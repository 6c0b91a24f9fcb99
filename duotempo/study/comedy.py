"""One model for session memory, compression and reply, or three: what each task is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from duotempo.archive.conversation_records import Line
from duotempo.archive.people import Conversations
from duotempo.converse.conversation import Conversation
from duotempo.converse.invented import Invented, questions
from duotempo.converse.model import Dated, Finding, Said, Unreadable
from duotempo.converse.probes import right
from duotempo.converse.reading import within
from duotempo.converse.sleep import Settings
from duotempo.core import Tell
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.inverted_u import keep
from duotempo.study.memory_model import preferring, separate, trained
from duotempo.study.stats import by_seed, claim, mean, minus
from duotempo.tasks.sessions import Life, Question, Session
from duotempo.tasks.sessions_forms import compressed, oracle, remember
from duotempo.tasks.sessions_words import ATTRIBUTES, UNKNOWN

FIRST_REPORTED, PEOPLE, SESSIONS, BUDGET = 300, 12, 16, 200
MIXED, MIXED_DPO, APART, APART_DPO = "mixed", "mixed + DPO", "single-task", "single-task + DPO"
ARMS = (MIXED, MIXED_DPO, APART, APART_DPO)
METRICS = {
    "notes.found": "facts told in a session that its notes hold, share",
    "notes.invented": "notes that say what was not told, share of notes",
    "notes.cited": "found facts whose note cites the turn that told them, share",
    "memory.covered": "true values in a memory of the right notes, citing the last note of each",
    "memory.wrong": "sentences of that memory that are not true, share",
    "memory.unread": "memories that could not be read, share",
    "reply.right": "questions answered right with the right memory, share",
    "reply.contradicts": "replies that name another value, deny what is known or invent, share",
    "together": "questions answered right when the model does all three, after 16 sessions, share",
}
Found = dict[str, list[float]]


@dataclass(frozen=True)
class Comedy:
    """Twelve invented people a seed whom no training met, 16 sessions each; models trained once."""

    name: str = "comedy"
    question: str = (
        "Does one model learn the three tasks as well as three, and do preferences help?"
    )
    seeds: int = 5

    @property
    def metrics(self) -> Mapping[str, str]:
        """Notes, memories, replies, all together."""
        return METRICS

    def jobs(self, size: Size) -> Sequence[Job]:
        """Four ways of training; smoke: an oracle in place of the first."""
        if size == "smoke":
            return [Job(MIXED, 0)]
        seeds = range(FIRST_REPORTED, FIRST_REPORTED + self.seeds)
        return [Job(arm, seed) for arm in ARMS for seed in seeds]

    def inputs(self, size: Size) -> Mapping[str, str]:
        """None: all is generated."""
        return {}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        """All people of a seed."""
        model = Invented(oracle) if size == "smoke" else model_of(job.arm, tell)
        people = 2 if size == "smoke" else PEOPLE
        found: Found = {}
        for number in range(people):
            tell(f"{job.arm}: person", number, people)
            life = Life(job.seed * 1000 + number, SESSIONS)
            for part in (noted(model, life), remembered(model, life), replied(model, life)):
                joined(found, part)
            joined(found, {"together": together(model, life)})
        return [
            Row(job.arm, job.seed, name, None, mean(values))
            for name, values in found.items()
            if values
        ]

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """One against three, with preferences against without."""
        return all_claims(rows)

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """None: it is a table."""
        return []


def model_of(arm: str, tell: Tell) -> Invented:
    """The trained model of an arm."""
    if arm.startswith(APART):
        return separate(tell, preferred=arm == APART_DPO)
    return preferring(tell) if arm == MIXED_DPO else trained(tell)


def joined(found: Found, more: Found) -> None:
    """Add values to those found so far."""
    for name, values in more.items():
        found.setdefault(name, []).extend(values)


def noted(model: Invented, life: Life) -> Found:
    """Task 1 on every session."""
    found: Found = {"notes.found": [], "notes.invented": [], "notes.cited": []}
    model.ahead([remember(life.name, session.turns) for session in life.sessions])
    for session in life.sessions:
        notes = said_of(model, life, session)
        true = {fact.slot.note(life.name, fact.value): fact.turn for fact in session.facts}
        cited = {note.text: note.numbers for note in notes if note.text in true}
        found["notes.found"] += [float(text in cited) for text in true]
        found["notes.invented"] += [float(note.text not in true) for note in notes]
        found["notes.cited"] += [float(true[text] in numbers) for text, numbers in cited.items()]
    return found


def said_of(model: Invented, life: Life, session: Session) -> list[Finding]:
    """Notes of a session; none where they cannot be read."""
    turns = [Said(n, ("assistant", "user")[n % 2], t) for n, t in enumerate(session.turns, 1)]
    try:
        return model.remember(life.name, turns)
    except Unreadable:
        return []


def notes_of(life: Life) -> list[Dated]:
    """The right notes of a life, in order, as task 2 is given them."""
    facts = [fact for session in life.sessions for fact in session.facts]
    return [Dated(f.slot.note(life.name, f.value), f.session, "", (0,)) for f in facts]


def remembered(model: Invented, life: Life) -> Found:
    """Task 2 on the right notes of all sessions, within the budget."""
    notes = notes_of(life)
    try:
        sentences, _ = within(model.compress(life.name, notes, BUDGET), BUDGET, model.size)
    except Unreadable:
        known = len(life.known(SESSIONS))
        return {"memory.unread": [1.0], "memory.covered": [0.0] * known}
    last = {(note.text, note.session): n for n, note in enumerate(notes, 1)}
    true = {s.note(life.name, k.now.value): k.now for s, k in life.known(SESSIONS).items()}
    covered, wrong = [], []
    for sentence in sentences:
        fact = true.pop(sentence.text.partition(" @")[0], None)
        wrong.append(float(fact is None))
        if fact is not None:
            note = last[fact.slot.note(life.name, fact.value), fact.session]
            covered.append(float(note in sentence.numbers))
    covered += [0.0] * len(true)
    return {"memory.unread": [0.0], "memory.covered": covered, "memory.wrong": wrong}


def replied(model: Invented, life: Life) -> Found:
    """Task 3 with the right memory."""
    notes = [f"{note.text} @{note.session}" for note in notes_of(life)]
    lines = compressed(life.name, notes)
    memory = [Line(line.slot.part, line.text(life.name), (1,)) for line in lines]
    found: Found = {"reply.right": [], "reply.contradicts": []}
    asked = life.questions(SESSIONS)
    for question, said in zip(asked, answers(model, life, memory, asked), strict=True):
        found["reply.right"].append(float(right(said, question.answer)))
        found["reply.contradicts"].append(float(contradicts(said, question)))
    return found


def answers(
    model: Invented, life: Life, memory: Sequence[Line], asked: Sequence[Question]
) -> list[str]:
    """The replies to questions; nothing where one does not end."""
    return model.replies(life.name, [(memory, [Said(1, "user", q.text)]) for q in asked])


def contradicts(said: str, question: Question) -> bool:
    """Whether a reply says something else than is known, and not only nothing of use."""
    values = {v for v in ATTRIBUTES[question.slot.attribute].values if v in said.split()}
    if question.answer == UNKNOWN:
        return bool(values)
    return UNKNOWN in said or bool(values - {question.answer})


def together(model: Invented, life: Life) -> list[float]:
    """All three by the model: every session noted, one memory, all questions."""
    with TemporaryDirectory() as folder:
        talks = Conversations(Path(folder) / "talks.db")
        settings = Settings(every=SESSIONS, budget=BUDGET, probes=0)
        talk = Conversation(talks.of(f"{life.name}-{life.seed}"), model, settings, questions)
        for session in life.sessions:
            keep(talk.person, session.turns)
        talk.sleep()
        memory = list(talk.memory)
        talks.close()
    asked = life.questions(SESSIONS)
    said = answers(model, life, memory, asked)
    return [float(right(text, q.answer)) for text, q in zip(said, asked, strict=True)]


def all_claims(rows: Sequence[Row]) -> list[Claim]:
    """Differences by seed, and what the mixed model reaches."""
    said: list[tuple[str, list[float], str]] = []
    for metric in ("notes.found", "memory.covered", "reply.right", "together"):
        mixed, apart = (by_seed(rows, arm, metric) for arm in (MIXED, APART))
        said.append((f"mixed minus single-task: {metric}", minus(mixed, apart), ">= -0.02"))
    for plain, tuned in ((MIXED, MIXED_DPO), (APART, APART_DPO)):
        for metric, target in (("reply.right", ">= 0"), ("reply.contradicts", "< 0")):
            without, after = (by_seed(rows, arm, metric) for arm in (plain, tuned))
            said.append((f"{tuned} minus {plain}: {metric}", minus(after, without), target))
    for metric, target in (("notes.invented", "<= 0.02"), ("memory.wrong", "<= 0.02")):
        said.append((f"mixed: {metric}", list(by_seed(rows, MIXED, metric).values()), target))
    return [claim(text, values, target) for text, values, target in said if values]
