"""The guard of conversations: a memory stands only if questions about what was said allow it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

from duotempo.archive.conversation_records import Version
from duotempo.converse.model import Model
from duotempo.converse.probes import Probe, answered
from duotempo.core import Candidate, Proposal, Trial, Verdict

UNPROVED = "kept unproved: no probe could be made of what was said"


@dataclass(frozen=True)
class Probed:
    """The guard: a memory must not answer worse than none and than the one that stands.

    Worse: more probes lost than won, by more than `noise` standard deviations of the probes that
    the two answer differently. A memory of another model's, or of none, is judged alike.
    """

    model: Model
    name: str
    noise: float = 1.0

    def __call__(self, slow: Version | None, proposal: Proposal) -> Verdict:
        probes: Sequence[Probe] = proposal.evidence
        for candidate in proposal.candidates:
            if not isinstance(candidate.value, Version):
                return Verdict(None, f"refused: {candidate.value}")
            return self.judged(slow, candidate, probes)
        return Verdict(None, "nothing to judge: the sleep offered no candidate")

    def judged(
        self, slow: Version | None, candidate: Candidate, probes: Sequence[Probe]
    ) -> Verdict:
        """The verdict on one candidate; without a probe there is nothing to hold against it, and
        the reason says so."""
        made: Version = candidate.value
        if not probes:
            return _kept(made, UNPROVED + made.reason)
        rivals = {"no memory": (), "the memory before": slow.lines if slow else ()}
        mine = answered(self.model, self.name, made.lines, probes)
        trials = [Trial(1, _lost(mine))]
        for rival, lines in rivals.items():
            theirs = answered(self.model, self.name, lines, probes)
            trials.append(Trial(0, _lost(theirs)))
            if worse(mine, theirs, self.noise):
                said = f"{sum(mine)} of {len(probes)} probes right, {sum(theirs)} with {rival}"
                return Verdict(None, f"refused: {said}", tuple(trials))
        said = f"kept: {sum(mine)} of {len(probes)} probes right{made.reason}"
        return _kept(made, said, trials)


def _kept(made: Version, said: str, trials: Sequence[Trial] = ()) -> Verdict:
    return Verdict(Candidate(1, replace(made, reason=said)), said, tuple(trials))


def worse(mine: Sequence[bool], theirs: Sequence[bool], noise: float) -> bool:
    """Whether one lost beyond noise: losses minus wins over the root of both (a sign test)."""
    losses = sum(b and not a for a, b in zip(mine, theirs, strict=True))
    wins = sum(a and not b for a, b in zip(mine, theirs, strict=True))
    return losses > wins and losses - wins > noise * sqrt(losses + wins)


def _lost(right: Sequence[bool]) -> float:
    return 1 - sum(right) / len(right) if right else 0.0
