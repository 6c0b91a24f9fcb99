"""What a run has spent so far: rollouts by channel, draws, and answers that could not be judged."""

from duotempo.tasks.verifiable import Grades, check_faults


class Tally:
    """Counts, not state: nothing decides by them but the seed of the next draw and when a
    verifier has failed too often. `plain` and `Tally.of` carry them over a resume."""

    def __init__(self, seed: int = 0) -> None:
        self.seed, self.draws = seed, 0
        self.fast_rollouts, self.slow_rollouts = 0, 0
        self.judged, self.faults, self.reused = 0, 0, 0
        self.fault = ""

    def drawn(self) -> int:
        """The seed of the next draw of answers."""
        self.draws += 1
        return self.seed * 1_000_003 + self.draws

    def fast(self, grades: Grades) -> None:
        """Count answers that prompts were judged by. Raises `UserError` for a broken verifier."""
        self.fast_rollouts += len(grades.scores)
        self._heard(grades)

    def slow(self, grades: Grades) -> None:
        """Count answers that weights learned from. Raises `UserError` for a broken verifier."""
        self.slow_rollouts += len(grades.scores)
        self._heard(grades)

    def tested(self, grades: Grades) -> None:
        """Count answers that the run was measured by, which cost no rollout. Raises `UserError` for
        a broken verifier."""
        self._heard(grades)

    def plain(self) -> dict[str, int | str]:
        """Plain values, for JSON."""
        return dict(vars(self))

    @staticmethod
    def of(values: dict[str, int | str]) -> "Tally":
        """The tally of plain values."""
        tally = Tally()
        vars(tally).update(values)
        return tally

    def _heard(self, grades: Grades) -> None:
        self.judged += len(grades.scores)
        self.faults += len(grades.faults)
        if grades.faults:
            self.fault = grades.faults[-1]
            check_faults(self.faults, self.judged, grades.faults[-1])
