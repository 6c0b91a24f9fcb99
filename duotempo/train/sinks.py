"""Other places for a run's numbers: TensorBoard and trackio, when they are installed."""

from collections.abc import Callable, Mapping
from pathlib import Path

from duotempo.core import UserError
from duotempo.train.log import Facts, Sink

INSTALL = "pip install 'duotempo[track]'"


def numbers(facts: Facts) -> dict[str, float]:
    """The facts that can be drawn; those within others by both names."""
    found = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            found |= {f"{name}/{inner}": number for inner, number in numbers(value).items()}
        elif isinstance(value, int | float) and name != "step":
            found[name] = float(value)
    return found


class TensorBoard:
    """Event files in the run folder's `tensorboard`. Raises `UserError` when not installed."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415, an optional extra
        except ModuleNotFoundError as error:
            raise UserError(
                f"--sink tensorboard needs TensorBoard: {INSTALL}, or leave it out"
            ) from error
        self._writer = SummaryWriter(str(folder / "tensorboard"))

    def write(self, facts: Facts) -> None:
        """One point for each number."""
        for name, value in numbers(facts).items():
            self._writer.add_scalar(name, value, facts["step"])

    def close(self) -> None:
        """Finish the event file."""
        self._writer.close()


class Trackio:
    """A trackio run of the project "duotempo". Raises `UserError` when not installed."""

    def __init__(self, folder: Path) -> None:
        try:
            import trackio  # noqa: PLC0415, an optional extra  # pyrefly: ignore[missing-import]
        except ModuleNotFoundError as error:
            raise UserError(f"--sink trackio needs trackio: {INSTALL}, or leave it out") from error
        self._run = trackio.init(project="duotempo", name=folder.name, resume="allow")

    def write(self, facts: Facts) -> None:
        """All numbers of a step."""
        self._run.log(numbers(facts), step=facts["step"])

    def close(self) -> None:
        """Send what is still waiting."""
        self._run.finish()


SINKS: Mapping[str, Callable[[Path], Sink]] = {"tensorboard": TensorBoard, "trackio": Trackio}
