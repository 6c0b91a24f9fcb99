"""`/v1/memory`: what is remembered of whoever asks, why, since when; sleep, go back, forget."""

from itertools import chain
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import StreamingResponse

from duotempo.archive import export
from duotempo.archive.forget import forget_person, forget_session, forget_turns
from duotempo.archive.memories import Memories
from duotempo.archive.people import Person
from duotempo.archive.turns import LONGEST_NAME
from duotempo.converse.conversation import Conversation
from duotempo.serve.errors import Refused, kept
from duotempo.serve.manners import ERRORS, MISSING, Caller, admitted
from duotempo.serve.memory_forms import (
    Forgotten,
    MemoryResponse,
    Sentence,
    SleepState,
    TurnList,
    TurnOf,
    VersionList,
    VersionOf,
)
from duotempo.serve.state import State, state_of
from duotempo.serve.verbs import unread

PATIENCE = 60.0
"""Seconds that forgetting waits for a reply or a sleep of the same person's to end."""
NUMBER = 2**31 - 1
routes = APIRouter(prefix="/v1/memory", responses=ERRORS)
Number = Annotated[int, Path(ge=1, le=NUMBER)]


def somebody(
    request: Request,
    caller: Caller,
    user: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=LONGEST_NAME,
            description="Whose, on a server without tokens; elsewhere the token says.",
        ),
    ] = None,
) -> tuple[State, Person]:
    """The person who asks: a token's user sees nobody else. Raises `Refused`."""
    state = state_of(request)
    if caller is not None and user not in (None, caller):
        raise Refused(403, "the token says who you are: leave out user")
    name = admitted(state, caller, user)
    with kept(403):
        return state, state.talking.talks.of(name)


Somebody = Annotated[tuple[State, Person], Depends(somebody)]


@routes.get("")
def memory(who: Somebody) -> MemoryResponse:
    """The sentences of the memory that stands, each with the turns that it rests on."""
    state, person = who
    with kept():
        version = Memories(person).version()
        pending = talk(state, person).pending()
    if version is None:
        return MemoryResponse(version=None, sentences=[], pending=pending)
    return MemoryResponse(
        version=version.number, sentences=Sentence.all(version.lines), pending=pending
    )


@routes.get("/sentences/{number}/evidence", responses=MISSING)
def evidence(who: Somebody, number: Number) -> TurnList:
    """The turns that a sentence of the memory that stands rests on."""
    _, person = who
    with kept():
        version = Memories(person).version()
        if version is None or number > len(version.lines):
            raise Refused(404, f"there is no sentence {number} in this memory")
        turns = person.turns(ids=version.lines[number - 1].turns)
    return TurnList(turns=[TurnOf.made(turn) for turn in turns])


@routes.get("/versions")
def versions(who: Somebody) -> VersionList:
    """Every version of the memory, kept or refused, and why."""
    _, person = who
    with kept():
        return VersionList(versions=[VersionOf.made_of(v) for v in Memories(person).versions()])


@routes.get("/versions/{number}", responses=MISSING)
def version(who: Somebody, number: Number) -> VersionOf:
    """A version with its sentences."""
    _, person = who
    with kept(404):
        found = Memories(person).version(number)
    assert found is not None
    return VersionOf.made_of(found, whole=True)


@routes.post("/versions/{number}/restore", responses=MISSING)
def restore(who: Somebody, number: Number) -> VersionOf:
    """Let an earlier version stand again, as a new one."""
    _, person = who
    with kept(404):
        found = Memories(person).roll_back(number)
    return VersionOf.made_of(found, whole=True)


@routes.post("/sleep", status_code=202)
def sleep(who: Somebody) -> SleepState:
    """End the open session and sleep soon: this returns at once."""
    state, person = who
    state.sleeper.ask(person.name)
    return asleep(state, person)


@routes.get("/sleep")
def sleeping(who: Somebody) -> SleepState:
    """Whether a sleep is asked for or under way, which sessions wait, and what went wrong."""
    return asleep(*who)


@routes.delete("/turns/{id}", responses=MISSING)
def forget_turn(who: Somebody, id: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> Forgotten:
    """Forget a turn and all that was made of it."""
    state, person = who
    with state.alone(person.name, PATIENCE), kept(404):
        return Forgotten(forgotten=forget_turns(person, [id]))


@routes.delete("/sessions/{number}", responses=MISSING)
def forget_a_session(who: Somebody, number: Number) -> Forgotten:
    """Forget all that was said in a session and all that was made of it."""
    state, person = who
    with state.alone(person.name, PATIENCE), kept(404):
        return Forgotten(forgotten=forget_session(person, number))


@routes.delete("", responses=MISSING)
def forget_all(who: Somebody) -> Forgotten:
    """Forget whoever asks wholly: no row is left."""
    state, person = who
    with state.alone(person.name, PATIENCE), kept(404):
        count = len(person.turns())
        forget_person(person)
    return Forgotten(forgotten=count)


@routes.get(
    "/export",
    responses={200: {"content": {"application/jsonl": {}, "text/markdown": {}}}},
)
def exported(who: Somebody, format: Literal["jsonl", "markdown"] = "jsonl") -> StreamingResponse:
    """All that is kept of whoever asks: JSON lines, or Markdown to read."""
    _, person = who
    with kept():
        if format == "markdown":
            return StreamingResponse(iter([export.markdown(person)]), media_type="text/markdown")
        pages = export.json_pages(person)
        first = next(pages, "")  # what is wrong with the database shows before a status is sent
    return StreamingResponse(chain((first,), pages), media_type="application/jsonl")


def asleep(state: State, person: Person) -> SleepState:
    """How somebody's sleep stands."""
    with kept():
        pending = talk(state, person).pending()
        faults = unread(person)
    now = state.sleeper.state(person.name)
    return SleepState(
        running=now.running, asked=now.asked, pending=pending, fault=now.fault or "; ".join(faults)
    )


def talk(state: State, person: Person) -> Conversation:
    """The conversation of a person."""
    return Conversation(person, state.talking.model, state.serving.settings)
