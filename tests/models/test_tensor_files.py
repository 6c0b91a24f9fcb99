"""Laws of a file of tensors: each comes back with numbers of its own, wherever they lay."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from duotempo.models.tensor_files import read_tensors, write_tensors

VIEWS = {
    "itself": lambda x: x,
    "rows": lambda x: x[1:3],
    "one row": lambda x: x[:1],
    "columns": lambda x: x[:, ::2],
    "turned": lambda x: x.T,
    "one row for all": lambda x: x[:1].expand(5, -1),
    "a number for all": lambda x: x[0, 0].expand(2, 3),
    "nothing": lambda x: x[:0],
    "other bits": lambda x: x.view(torch.int32),
    "a parameter": torch.nn.Parameter,
    "a copy": torch.clone,
}


@given(st.lists(st.sampled_from(list(VIEWS)), max_size=6))
@settings(deadline=None, max_examples=60)
def test_views_and_twins_come_back_with_their_own_numbers(tmp_path_factory, views):
    path, base = tmp_path_factory.getbasetemp() / "views", torch.arange(24.0).view(4, 6)
    tensors = {f"{n} {view}": VIEWS[view](base) for n, view in enumerate(views)}
    write_tensors(path, tensors)
    found = read_tensors(path)
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor), name
    assert torch.equal(base, torch.arange(24.0).view(4, 6))


def test_where_nothing_can_be_written_it_is_an_error_of_the_disk(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        write_tensors(tmp_path / "missing" / "x", {"x": torch.ones(2)})
