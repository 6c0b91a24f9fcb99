"""One model for session memory, compression and reply, or three: what each task is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from duotempo.archive.conversation_records import Line
from duotempo.archive.people import Conversations
from duotempo.converse.conversation import Conversation
from duotempo.converse.invented import Invented, questions
from duotempo.converse.model import Dated, Finding, Said, Unreadable, replies
from duotempo.converse.probes import right
from duotempo.converse.reading import within
from duotempo.converse.sleep import Settings
from duotempo.core import Tell
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.memory_model import MORE, PREFERRING, preferring, separate, trained
from duotempo.study.stats import by_seed, claim, mean, minus
from duotempo.study.talked import contradicts, keep, truths
from duotempo.tasks.sessions import Life, Question, Session
from duotempo.tasks.sessions_forms import compressed, oracle, remember

FIRST_REPORTED, PEOPLE, SESSIONS, BUDGET = 300, 12, 16, 200
MIXED, MIXED_DPO, APART, APART_DPO = "mixed", "mixed + DPO", "single-task", "single-task + DPO"
MIXED_MORE = "mixed + as many supervised steps"
ARMS = (MIXED, MIXED_DPO, MIXED_MORE, APART, APART_DPO)
WHOLE = ("notes.found", "memory.covered", "reply.right", "together")
METRICS = {
    "notes.found": "facts told in a session that its notes hold, share",
    "notes.invented": "notes that say what was not told, share of notes",
    "notes.cited": "found facts whose note cites the turn that told them and no other, share",
    "memory.covered": "true sentences, values and dates, in a memory of the right notes within 200 "
    "words (which hold every right memory), citing just the notes they rest on, share",
    "memory.wrong": "sentences of that memory that are not true as a whole, share",
    "memory.unread": "memories that could not be read, share",
    "reply.right": "questions answered right with the right memory, share",
    "reply.contradicts": "replies that name another value, deny what is known or invent, share",
    "together": "questions answered right when the model does all three, after 16 sessions, share",
}
Found = dict[str, list[float]]


@dataclass(frozen=True)
class Comedy:
    """Twelve invented people a seed whom no training met, 16 sessions each. Every way of training
    was trained once: intervals are over people. Three single-task models have three times the
    weights, and as many batches of each task."""

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
    if arm in (MIXED_DPO, MIXED_MORE):
        return preferring(tell, how=PREFERRING if arm == MIXED_DPO else MORE)
    return trained(tell)


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
        found["notes.cited"] += [float(numbers == (true[text],)) for text, numbers in cited.items()]
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
    notes, true = notes_of(life), truths(life, SESSIONS)
    try:
        sentences, _ = within(model.compress(life.name, notes, BUDGET), BUDGET, model.size)
    except Unreadable:
        return {"memory.unread": [1.0], "memory.covered": [0.0] * len(true)}
    facts = [fact for session in life.sessions for fact in session.facts]
    places = [(fact.session, fact.turn) for fact in facts]
    said = {s.text: {places[n - 1] for n in s.numbers} for s in sentences}
    return {
        "memory.unread": [0.0],
        "memory.covered": [float(said.get(text) == rests) for text, rests in true.items()],
        "memory.wrong": [float(sentence.text not in true) for sentence in sentences],
    }


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
    return replies(model, life.name, [(memory, [Said(1, "user", q.text)]) for q in asked])


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

    def between(one: str, other: str, metric: str, target: str) -> None:
        gap = minus(*(by_seed(rows, arm, metric) for arm in (one, other)))
        said.append((f"{one} minus {other}, one training each: {metric}", gap, target))

    for metric in WHOLE:
        between(MIXED, APART, metric, ">= -0.02")
    for metric, target in (("reply.right", ">= 0"), ("reply.contradicts", "< 0")):
        for rival in (MIXED, MIXED_MORE):
            between(MIXED_DPO, rival, metric, target)
        between(APART_DPO, APART, metric, target)
    for metric in ("notes.found", "memory.covered", "together"):
        between(MIXED_DPO, MIXED, metric, ">= -0.02")
    for metric in ("notes.invented", "memory.wrong", "memory.unread"):
        said.append((f"mixed: {metric}", list(by_seed(rows, MIXED, metric).values()), "<= 0.02"))
    return [claim(text, values, target) for text, values, target in said if values]
