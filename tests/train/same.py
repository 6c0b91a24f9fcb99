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
    """The same lines of log, and the same model, byte for byte."""
    assert logged(one) == logged(other)
    names = sorted(path.name for path in (one / "model").iterdir())
    assert names == ["config.json", "model.safetensors"]
    for name in names:
        assert (one / "model" / name).read_bytes() == (other / "model" / name).read_bytes()
