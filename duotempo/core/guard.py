"""The guard of held-out evidence: keeps the passes that a text not slept on speaks for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from duotempo.core.errors import UserError
from duotempo.core.records import Candidate, Proposal, Trial, Verdict

MODES = ("generate", "remember")


@dataclass(frozen=True)
class HeldOut:
    """Judge candidates by `loss(value, evidence)`, lower is better; value None means no memory.

    *generate* keeps the candidate with the lowest loss, if it is below that of the memory there
    is. *remember* keeps the one with the most passes whose loss is not above that of no memory.
    Both stop after `patience` passes in a row that brought their own aim nothing. Raises
    `UserError` for an unknown mode. Source: the attached-tier measurements, "The guard".
    """

    loss: Callable[[Any, Any], float]
    mode: str = "generate"
    patience: int = 2
    heard: Callable[[Trial], None] = lambda trial: None

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UserError(f"guard mode {self.mode!r} is unknown: use one of {', '.join(MODES)}")

    def __call__(self, slow: Any, proposal: Proposal) -> Verdict:
        bar = self.loss(slow if self.mode == "generate" else None, proposal.evidence)
        trials = [Trial(0, bar)]
        self.heard(trials[0])
        best, kept, idle = bar, None, 0
        for candidate in proposal.candidates:
            loss = self.loss(candidate.value, proposal.evidence)
            trials.append(Trial(candidate.passes, loss))
            self.heard(trials[-1])
            good = loss < best if self.mode == "generate" else loss <= bar
            if good:
                best, kept, idle = min(best, loss), candidate, 0
                continue
            idle += 1
            if idle >= self.patience:
                break
        return Verdict(kept, self._reason(kept, tuple(trials)), tuple(trials))

    def _reason(self, kept: Candidate | None, trials: tuple[Trial, ...]) -> str:
        bar, tried = trials[0].loss, trials[1:]
        if not tried:
            return "nothing to judge: the sleep offered no candidate"
        if kept is None:
            least = min(tried, key=lambda t: t.loss)
            return (
                f"refused: the best of {len(tried)} tried, N={least.passes}, has a held-out loss "
                f"of {least.loss:.3f} against {bar:.3f} without it"
            )
        loss = next(t.loss for t in tried if t.passes == kept.passes)
        if self.mode == "generate":
            return (
                f"kept N={kept.passes}: lowest held-out loss, {loss:.3f} against {bar:.3f} before"
            )
        return (
            f"kept N={kept.passes}: most passes not above no memory, {loss:.3f} against {bar:.3f}"
        )
