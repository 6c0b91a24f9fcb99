"""A life moved on by events: the loop of the core, with a reader's channel, boundary and nights."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from duotempo.core import (
    Consolidator,
    Event,
    FixedShare,
    Guard,
    HeldOut,
    Tell,
    Trial,
    Verdict,
    live,
    silent,
)
from duotempo.models.body import Body
from duotempo.reader.session import Awake, Eviction, MixedLoss, Refuse, Sleeper, Window, no_sleep
from duotempo.reader.settings import AT_MOST, SEGMENT, Settings
from duotempo.reader.sources import Place
from duotempo.sleep.lessons import LEAST, Lessons
from duotempo.sleep.passes import KINDS, FastState, Passes

NOT_ASKED = Refuse("no sleep was asked for: passes=0")
NO_STATE = Refuse("there is no fast state to write into: the reader has fast='none'")


@dataclass(frozen=True)
class Life:
    """All that a reader lives through and keeps, but for the archive."""

    awake: Awake
    memory: FastState | None = None
    unfinished: Place | None = None


@dataclass(frozen=True)
class Living:
    """How one body lives: settings, the mixture's share; `tell` hears of sleeps and trials."""

    settings: Settings
    body: Body
    share: FixedShare
    tell: Tell = silent

    @property
    def channel(self) -> Window:
        """The window with what waits for sleep."""
        size = self.settings.window
        segment = min(SEGMENT, size // 2)  # a lesson's teacher needs room for what stood before
        return Window(size, segment, seed=self.settings.seed)

    def after(self, life: Life, events: Iterable[Event], most: int) -> Life:
        """The life after some events, with at most so many passes a sleep; `life` stays."""
        sleep, guard = self._night(most)
        lived = live(
            events,
            life.memory,
            channel=self.channel,
            boundary=Eviction(self.settings.every or AT_MOST),
            sleep=sleep,
            guard=guard,
            state=life.awake,
        )
        for _, awake, memory in lived:
            life = replace(life, awake=awake, memory=memory)
        return life

    def rested(self, life: Life, most: int) -> tuple[Life, Verdict]:
        """The life after a sleep on what waits, and why; with no passes, `life` as it was."""
        if not most:
            return life, Verdict(None, NOT_ASKED.reason)
        life = self.after(life, [Event(None)], most)
        assert life.awake.verdict is not None, "a rest with text waiting is a boundary"
        return life, life.awake.verdict

    def _night(self, most: int) -> tuple[Consolidator, Guard]:
        """Who proposes and who judges."""
        if self.settings.fast == "none" or not most:
            return no_sleep, NO_STATE if self.settings.fast == "none" else NOT_ASKED
        judge = MixedLoss(self.body, self.share)
        sleeper = Sleeper(
            self.body,
            KINDS[self.settings.fast](),
            Lessons(self.channel.segment, self.settings.window),
            Passes(most, seed=self.settings.seed),
            judge,
            self.tell,
        )
        return sleeper, HeldOut(judge, self.settings.mode, heard=self._heard)

    def _heard(self, trial: Trial) -> None:
        self.tell(f"guard: N={trial.passes} {trial.loss:.3f} bits", 0, 0)


def why_no_sleep(awake: Awake, window: int) -> str | None:
    """A sentence if too little waits for a sleep, else None."""
    waiting = len(awake.pending)
    if waiting >= LEAST:
        return None
    if awake.read > window:
        said = "only one token has" if waiting else "nothing has"
        return f"{said} left the window since the last sleep: read on before sleeping again"
    return (
        f"nothing has left the window yet ({awake.read} tokens read, it holds {window}): "
        "ask and generate see it all; sleep needs a smaller window"
    )
