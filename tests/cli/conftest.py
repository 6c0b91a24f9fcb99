"""A reader that obeys at once: what the commands do with one, without a model."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest

from duotempo.archive.records import Sentence
from duotempo.cli.app import run
from duotempo.core import Candidate, Trial, UserError, Verdict


@dataclass(frozen=True)
class FakeReading:
    """What the fake says it read."""

    tokens: int
    seconds: float
    pending: int
    state_bytes: int


@dataclass
class FakeReader:
    """Keeps the text and every call; `trouble` maps a call to the error it shall raise."""

    settings: dict[str, Any]
    said: list[str] = field(default_factory=list)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    slept: int = 0
    trouble: ClassVar[dict[str, BaseException]] = {}
    last: ClassVar["FakeReader | None"] = None

    @classmethod
    def open(cls, model: str = "smollm2", *, tell: Any = None, **settings: Any) -> "FakeReader":
        """A fresh reader."""
        cls.last = cls({"model": model, **settings})
        return cls.last

    @classmethod
    def load(cls, folder: Path, *, tell: Any = None) -> "FakeReader":
        """A reader with the text that was saved in the folder."""
        if not (folder / "fake.json").exists():
            raise UserError(f"{folder} holds no saved reader: name a folder made with --save")
        cls.last = cls({"loaded": str(folder)})
        cls.last.said = json.loads((folder / "fake.json").read_text())
        return cls.last

    def _note(self, call: str, what: Any = None) -> None:
        self.calls.append((call, what))
        if call in self.trouble:
            raise self.trouble[call]

    def read(self, source: Any, *, name: str | None = None) -> FakeReading:
        """Keep the text; an error in `trouble` comes after the first half."""
        text = source.read_text() if isinstance(source, Path) else "".join(source)
        self.said.append(text[: len(text) // 2])
        self._note("read", name)
        self.said.append(text[len(text) // 2 :])
        return FakeReading(len(text.split()), 0.5, 0 if self.settings.get("every") else 7, 1500)

    @property
    def idle(self) -> bool:
        """Whether it sleeps on the way."""
        return bool(self.settings.get("every"))

    def sleep(self, passes: int | None = None) -> Verdict:
        """Keep two passes."""
        self._note("sleep", passes)
        self.slept += 1
        trials = (Trial(0, 2.5), Trial(1, 2.0))
        return Verdict(Candidate(1, "state"), "kept N=1: lowest held-out loss", trials)

    def ask(self, question: str, *, sentences: int = 4, tokens: int = 48) -> Any:
        """Answer with the first sentences."""
        self._note("ask", question)
        text = "".join(self.said)
        if question == "Zanzibar?":
            return SimpleNamespace(text="", sentences=())
        found = [Sentence(1, "diary.txt", text.index(s), 0, s) for s in text.split(". ")]
        return SimpleNamespace(text="Rex", sentences=found[:sentences])

    def generate(self, prompt: str = "", *, tokens: int = 64) -> str:
        """Say a number of tokens."""
        self._note("generate", prompt)
        return " and on" * tokens

    def score(self, words: str) -> Any:
        """Score anything."""
        self._note("score", words)
        return SimpleNamespace(tokens=3, none=5.0, alone=4.5, mixed=4.25)

    def save(self, folder: Path) -> None:
        """Write the text."""
        self._note("save", folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "fake.json").write_text(json.dumps(self.said))

    def summary(self) -> dict[str, Any]:
        """The facts that the commands show."""
        return {
            "model": "smollm2",
            "fast": "weights",
            "window": 512,
            "state_bytes": 1_500_000,
            "tokens_read": len("".join(self.said).split()),
            "verdict": "has not slept yet",
        }


@dataclass
class Ran:
    """How a command line ended."""

    code: int
    out: str
    err: str
    reader: FakeReader | None


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[FakeReader]:
    """The fake in the place of the reader, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(FakeReader, "trouble", {})
    monkeypatch.setattr(FakeReader, "last", None)
    room = ModuleType("duotempo.reader")
    monkeypatch.setattr(room, "Reader", FakeReader, raising=False)
    monkeypatch.setitem(sys.modules, "duotempo.reader", room)
    return FakeReader


@pytest.fixture
def cli(fake: type[FakeReader], capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command line against the fake reader."""

    def call(*argv: str) -> Ran:
        code = run(argv)
        out, err = capsys.readouterr()
        return Ran(code, out, err, fake.last)

    return call


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    """A text to read."""
    path = tmp_path / "diary.txt"
    path.write_text("Ann has a dog. The dog is Rex. It rained.")
    return path
