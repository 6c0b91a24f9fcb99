"""Laws of the log: a line is written once, goes to every sink, and outlives a kill."""

import sys
from types import ModuleType

import pytest

from duotempo.core import UserError
from duotempo.train import train
from duotempo.train.log import Log, lines
from duotempo.train.sinks import SINKS, numbers
from tests.train.tiny import Echo, a_run


class Kept:
    """A sink that keeps what it gets."""

    def __init__(self):
        self.got, self.closed = [], False

    def write(self, facts):
        """Keep one line."""
        self.got.append(dict(facts))

    def close(self):
        """Remember that this was called."""
        self.closed = True


def test_lines_after_a_step_that_was_not_saved_are_written_anew(tmp_path):
    path = tmp_path / "log.jsonl"
    with Log(path, 0) as log:
        for step in (1, 2, 3):
            log.write({"step": step, "loss": 0.1 * step})
    with path.open("a") as file:
        file.write('{"step": 4, "lo')
    assert [line["step"] for line in lines(path)] == [1, 2, 3]
    with Log(path, 2) as log:
        log.write({"step": 3, "loss": 0.5})
    assert lines(path) == [
        {"step": 1, "loss": 0.1},
        {"step": 2, "loss": 0.2},
        {"step": 3, "loss": 0.5},
    ]


def test_every_sink_gets_every_line_and_is_closed(tmp_path):
    sinks = [Kept(), Kept()]
    train(a_run(held_out=Echo()), tmp_path, sinks=sinks)
    for sink in sinks:
        assert sink.got == lines(tmp_path / "log.jsonl")
        assert sink.closed
    names = {"step", "stage", "seconds", "loss", "penalty", "right", "exact", "rate", "norm"}
    assert set(sinks[0].got[0]) == names | {"tokens_per_second"}
    ends = [line for line in sinks[0].got if "held_out" in line]
    assert [line["step"] for line in ends] == [3, 6]


def test_only_numbers_are_drawn():
    facts = {"step": 3, "loss": 0.5, "exact": None, "held_out": {"bits": 1.5, "exact": None}}
    assert numbers(facts) == {"loss": 0.5, "held_out/bits": 1.5}


class Planted(ModuleType):
    """A planted module that notes what is called."""

    def __init__(self, name):
        super().__init__(name)
        self.calls = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*words, **named):
            self.calls.append((name, *words, named))
            return self

        return call


TRACK = r"pip install 'duotempo\[track\]'"
FACTS = {"step": 3, "loss": 0.5, "exact": None}


def test_tensorboard_gets_a_point_for_each_number(tmp_path, monkeypatch):
    planted = Planted("torch.utils.tensorboard")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", planted)
    sink = SINKS["tensorboard"](tmp_path)
    sink.write(FACTS)
    sink.close()
    assert planted.calls == [
        ("SummaryWriter", str(tmp_path / "tensorboard"), {}),
        ("add_scalar", "loss", 0.5, 3, {}),
        ("close", {}),
    ]


def test_trackio_gets_all_numbers_of_a_step(tmp_path, monkeypatch):
    planted = Planted("trackio")
    monkeypatch.setitem(sys.modules, "trackio", planted)
    sink = SINKS["trackio"](tmp_path)
    sink.write(FACTS)
    sink.close()
    assert planted.calls == [
        ("init", {"project": "duotempo", "name": tmp_path.name, "resume": "allow"}),
        ("log", {"loss": 0.5}, {"step": 3}),
        ("finish", {}),
    ]


@pytest.mark.parametrize("name", SINKS)
def test_a_sink_that_is_not_installed_is_one_sentence(name, tmp_path, monkeypatch):
    for module in ("tensorboard", "trackio", "torch.utils.tensorboard"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"--sink {name} needs .*: {TRACK}"):
        SINKS[name](tmp_path)
