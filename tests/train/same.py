"""What two runs must share to be called the same, to the last bit."""

from duotempo.train.log import lines

CLOCKS = ("seconds", "tokens_per_second")


def logged(folder):
    """The log without what clocks say."""
    return [
        {name: value for name, value in line.items() if name not in CLOCKS}
        for line in lines(folder / "log.jsonl")
    ]


def assert_same_run(one, other):
    """The same lines of log, and the same model, file by file and byte for byte."""
    assert logged(one) == logged(other)
    ours, theirs = (
        {path.name: path.read_bytes() for path in (folder / "model").iterdir()}
        for folder in (one, other)
    )
    assert ours.keys() >= {"config.json", "model.safetensors"}
    assert ours == theirs
