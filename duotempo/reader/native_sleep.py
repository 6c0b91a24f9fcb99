"""How the reader of a native model sleeps: on every full window, in passes that a guard keeps."""

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from duotempo.core import Event, Guard, HeldOut, Proposal, UserError, Verdict
from duotempo.models.decoder import Decoder, State
from duotempo.reader.byte_session import Forward, Heard
from duotempo.sleep.nights import All, Fixed, Full, Night, Rested, SliceLoss, Window, woke
from duotempo.sleep.policy import Policy
from duotempo.sleep.recurrent import OpenWindow, Sleeper
from duotempo.sleep.saved import asleep, load_policy

HELD_OUT = 0.25
"""The share of a window that the guard judges by."""
USUAL = 4
"""Passes for a model that was not trained to sleep."""
UNSAID = "the saved state does not say how its reader slept"


@dataclass(frozen=True)
class Sleeping:
    """Passes over each full window (None: as many as the model was trained with), all of them kept,
    or with `choose` as many as the end of the window speaks for."""

    passes: int | None = None
    choose: bool = False


@dataclass(frozen=True)
class Dozing(Forward):
    """The channel: a forward pass over bytes that the open window has room for."""

    model: Sleeper

    def after(self, state: Heard, verdict: Verdict) -> Heard:
        window = Window(self.model).after(cast(OpenWindow, state.state), verdict)
        counted = Counter(dict(state.slept))
        counted[max(1, verdict.passes)] += 1  # refused is as read
        return replace(state, state=window, slept=tuple(sorted(counted.items())))


@dataclass(frozen=True)
class Nights:
    """A model that sleeps, with the parts of the core's loop that do it."""

    model: Sleeper
    choose: bool

    def __post_init__(self) -> None:
        if self.choose:
            Night(self.model, self.model.policy.passes, HELD_OUT)  # says what cannot be chosen

    @property
    def window(self) -> int:
        """Bytes after which it sleeps."""
        return self.model.policy.window

    @property
    def channel(self) -> Dozing:
        """What reads."""
        return Dozing(self.model)

    def boundary(self, state: Heard, event: Event) -> bool:
        """The window is full."""
        return Full(self.window)(cast(OpenWindow, state.state), event)

    def sleep(self, slow: Rested | None, state: Heard) -> Proposal:
        """Passes over the window."""
        most, window = self.model.policy.passes, cast(OpenWindow, state.state)
        if self.choose:
            return Night(self.model, most, HELD_OUT)(slow, window)
        return Fixed(self.model)(slow, window)

    @property
    def guard(self) -> Guard:
        """Who keeps all or some of them."""
        most = self.model.policy.passes
        return HeldOut(SliceLoss(self.model), patience=most) if self.choose else All()

    @property
    def parts(self) -> dict[str, Any]:
        """What `live` needs beside the channel."""
        return {"boundary": self.boundary, "sleep": self.sleep, "guard": self.guard}

    def filled(self, heard: Heard) -> int:
        """Bytes that the open window holds."""
        return cast(OpenWindow, heard.state).time

    def slow(self, heard: Heard) -> Rested:
        """What the fast weights held when the open window began."""
        return woke(self.model, cast(OpenWindow, heard.state))

    def begun(self, heard: Heard) -> State:
        """The model's state when the open window began: what is saved."""
        window = cast(OpenWindow, heard.state)
        return State(window.position - window.time, window.before)

    def facts(self, heard: Heard) -> dict[str, Any]:
        """What is saved beside it: the policy, and the open window's bytes."""
        tokens = cast(OpenWindow, heard.state).tokens[0].tolist()
        return {
            "policy": self.model.policy.to_dict(),
            "choose": self.choose,
            "open": b64encode(bytes(tokens)).decode(),
            "slept": [list(pair) for pair in heard.slept],
        }

    def taken_up(self, heard: Heard, facts: Mapping[str, Any]) -> Heard:
        """The state as it was saved: the open window's bytes are read again.

        Raises `UserError` for facts that no reader wrote.
        """
        try:
            content = b64decode(facts["open"], validate=True)
            slept = tuple((int(n), int(windows)) for n, windows in facts["slept"])
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{UNSAID} ({error}): read the text again") from error
        if len(content) >= self.window:
            raise UserError(f"{UNSAID} (its window is overfull): read the text again")
        opened = replace(heard, state=self.model.opened(heard.state), slept=slept)
        return self.channel.listen(opened, content) if content else opened

    def summary(self, heard: Heard) -> dict[str, Any]:
        """What a person wants to know."""
        return {
            "window": self.window,
            "passes": self.model.policy.passes,
            "chosen": self.choose,
            "windows": {str(n): windows for n, windows in heard.slept},
        }


def nights(model: Decoder, folder: Path, sleeping: Sleeping | None) -> Nights | None:
    """How a model sleeps: as it was trained to, unless `sleeping` says otherwise; None: not at all.

    A model that was trained without sleep can be made to: it keeps what its attention holds, and
    its window is that of its attention. Raises `UserError` for a model without fast weights.
    """
    policy = load_policy(folder)
    if policy is None:
        if sleeping is None:
            return None
        if model.config.window is None:
            raise UserError(
                "the model attends to all it has read, and nothing is ever evicted: leave out "
                "--sleep-passes"
            )
        policy = Policy(model.config.window, sleeping.passes or USUAL, eviction="sliding")
    policy = replace(policy, sampled=False)
    if sleeping is not None and sleeping.passes is not None:
        policy = replace(policy, passes=sleeping.passes)
    return Nights(asleep(model, policy), sleeping is not None and sleeping.choose)


def nights_of(model: Decoder, facts: Mapping[str, Any]) -> Nights:
    """As they were saved; raises `UserError` for facts that describe none."""
    policy, choose = facts.get("policy"), facts.get("choose")
    if not isinstance(policy, dict) or not isinstance(choose, bool):
        raise UserError(f"{UNSAID}: read the text again")
    return Nights(asleep(model, Policy.from_dict(policy)), choose)
