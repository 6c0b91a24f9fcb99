"""Does consolidating again and again hurt? Memories rewritten, rebuilt, guarded, raw and none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from duotempo.archive.conversation_records import Line, Turn
from duotempo.archive.memories import Memories
from duotempo.archive.people import Conversations, Person
from duotempo.converse.conversation import Conversation
from duotempo.converse.invented import Invented, called, questions
from duotempo.converse.model import Dated, Model, Said, replies
from duotempo.converse.probes import right
from duotempo.converse.raw import recalled
from duotempo.converse.sleep import Rebuild, Settings
from duotempo.core import Tell
from duotempo.reader.memory_models import memory_model
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.inverted_u_claims import EVERY, all_claims, all_figures, named
from duotempo.study.memory_model import trained
from duotempo.study.talked import keep, truths
from duotempo.tasks import sessions_forms as forms
from duotempo.tasks.sessions import Life, Question

FIRST_REPORTED, SESSIONS, BUDGET = 100, 64, 200
LOOKED = (1, 2, 4, 8, 16, 32, 64)
WAYS = ("rewrite", "rebuild", "guarded")
CHAT, CHAT_SEEDS, CHAT_SESSIONS = "smollm2: ", (100,), 4
"""Arms in which a chat model of 135 M weights does the tasks by prompts: minutes a session."""
METRICS = {
    "right": "share of questions answered right, of all kinds; x: sessions so far. The guard's "
    "probes ask for the same facts in other words (for values before in the same)",
    "now": "the same of what is true now",
    "before": "the same of what was true before",
    "unknown": "the same of what was never told, where the right answer is to say so",
    "coverage": "share of true sentences, values and dates, that stand in the memory and cite the "
    "turns that said so (a rewritten one cites older turns too)",
    "wrong": "sentences of the memory that are not true as a whole, per sentence",
    "tokens": "words of memory beside a question",
    "refused": "sleeps that the guard refused, so far",
    "unread": "sleeps whose memory could not be read; the one before stands then, in every arm",
}


class Rewrite(Rebuild):
    """The consolidator that the trouble is about: the last memory and the notes since."""

    def sources(self) -> list[Dated]:
        """Sentences of the memory that stands, then the notes of later sessions."""
        version = Memories(self.person).version()
        if version is None:
            return super().sources()
        old = [Dated(line.text, 0, "", line.turns) for line in version.lines]
        return old + [note for note in super().sources() if note.session > version.until]


@dataclass(frozen=True)
class InvertedU:
    """Invented people, 64 sessions each; one trained model does all three tasks in every arm, and
    in some shorter ones SmolLM2-135M-Instruct."""

    name: str = "inverted-u"
    question: str = (
        "Does memory get worse the more often it is consolidated, and does a guard help?"
    )
    seeds: int = 5

    @property
    def metrics(self) -> Mapping[str, str]:
        """Answers, coverage, truth, tokens."""
        return METRICS

    def jobs(self, size: Size) -> Sequence[Job]:
        """Three ways of consolidating at four paces, raw sessions and no memory."""
        seeds = [0] if size == "smoke" else range(FIRST_REPORTED, FIRST_REPORTED + self.seeds)
        paces = EVERY[-1:] if size == "smoke" else EVERY
        arms = [named(way, every) for way in WAYS for every in paces]
        jobs = [Job(arm, seed) for seed in seeds for arm in (*arms, "raw", "none")]
        if size == "smoke":
            return jobs
        chat = [named("rewrite", 1), named("rebuild", 1), "raw", "none"]
        return jobs + [Job(CHAT + arm, seed) for seed in CHAT_SEEDS for arm in chat]

    def inputs(self, size: Size) -> Mapping[str, str]:
        """None: all is generated."""
        return {}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        """One life under one arm."""
        model: Model = Invented(forms.oracle)
        chat = job.arm.startswith(CHAT)
        if size == "full":
            model = memory_model("smollm2", tell=tell) if chat else trained(tell)
        life = Life(job.seed, 8 if size == "smoke" else CHAT_SESSIONS if chat else SESSIONS)
        with TemporaryDirectory() as folder:
            talks = Conversations(Path(folder) / "talks.db")
            found = lived(talks.of(f"{life.name}-{job.seed}"), life, model, job, tell)
            talks.close()
        return [  # a chat model's sentences are its own: only answers tell their worth
            Row(job.arm, job.seed, metric, x, value)
            for metric, x, value in found
            if not (chat and metric in ("coverage", "wrong"))
        ]

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """The inverted U, and what the guard makes of it."""
        return all_claims(rows)

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """Right answers by sessions, by pace."""
        return all_figures(rows)


def lived(
    person: Person, life: Life, model: Model, job: Job, tell: Tell
) -> list[tuple[str, float | None, float]]:
    """All sessions, asked about after some of them."""
    way, _, pace = job.arm.removeprefix(CHAT).partition(", every ")
    settings = Settings(every=int(pace or 1), budget=BUDGET, seed=job.seed)
    if way != "guarded":
        settings = replace(settings, probes=0)  # without evidence nothing is refused
    if isinstance(model, Invented):  # notes of a session are the same in every arm: all at once
        name = called(person.name)
        model.ahead([forms.remember(name, session.turns) for session in life.sessions])
    style = Rewrite if way == "rewrite" else Rebuild
    talk = Conversation(person, model, settings, questions, style)
    found: list[tuple[str, float | None, float]] = []
    for session in life.sessions:
        tell(f"{job.arm}: session", session.number, life.length)
        keep(person, session.turns)
        if pace:
            talk.sleep(now=False)
        if session.number in LOOKED:
            x = float(session.number)
            found += [(m, x, v) for m, v in looked(talk, life, session.number, way).items()]
    return found


def looked(talk: Conversation, life: Life, until: int, way: str) -> dict[str, float]:
    """What a memory is worth after so many sessions."""
    asked, turns = [other_words(q) for q in life.questions(until)], talk.person.turns()
    memory, hits = list(talk.memory), {}
    shown = [raw(talk, turns, question) if way == "raw" else memory for question in asked]
    tokens = sum(talk.model.size(line.text) for lines in shown for line in lines)
    said = replies(
        talk.model,
        talk.person.name,
        [(lines, [Said(1, "user", q.text)]) for lines, q in zip(shown, asked, strict=True)],
    )
    for text, question in zip(said, asked, strict=True):
        hits.setdefault(question.kind, []).append(right(text, question.answer))
    every = [hit for kind in hits.values() for hit in kind]
    found = {kind: sum(each) / len(each) for kind, each in hits.items()}
    found |= {"right": sum(every) / len(every), "tokens": tokens / len(asked)}
    refused = [v.reason for v in Memories(talk.person).versions() if not v.kept]
    unread = sum("could not be read" in reason for reason in refused)
    found |= {"refused": float(len(refused) - unread), "unread": float(unread)}
    return found | held(memory, life, until, turns)


def raw(talk: Conversation, turns: Sequence[Turn], question: Question) -> list[Line]:
    """Lines of earlier sessions, as much as a memory may have."""
    return recalled(
        turns, question.text, BUDGET, talk.model.size, lambda t: f"@{t.session} user {t.text}"
    )


def held(memory: Sequence[Line], life: Life, until: int, turns: Sequence[Turn]) -> dict[str, float]:
    """How much of what is true a memory holds with its evidence, and how much in it is not."""
    if not memory:
        return {}
    place = {turn.id: (turn.session, turn.number) for turn in turns}
    true = truths(life, until)
    said = {line.text: frozenset(place[turn] for turn in line.turns) for line in memory}
    covered = [rests <= said.get(text, frozenset()) for text, rests in true.items()]
    wrong = [line.text not in true for line in memory]
    return {"coverage": sum(covered) / len(covered), "wrong": sum(wrong) / len(wrong)}


def other_words(question: Question) -> Question:
    """The question in words that no probe has; for what was before there is one wording."""
    if question.kind == "before":
        return question
    return replace(question, text=question.slot.questions()[1])
