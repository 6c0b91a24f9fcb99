"""Where a native model lies: told by config.json alone, and nothing odd in it does harm."""

import pytest

from duotempo.models.hf import DuotempoConfig
from duotempo.models.native_folder import MODEL_TYPE, native_folder


def test_the_name_of_the_type_is_the_one_that_is_saved():
    assert DuotempoConfig.model_type == MODEL_TYPE


def test_a_model_and_the_run_around_it_lead_to_the_model(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "duotempo"}')
    assert native_folder(model) == native_folder(tmp_path) == native_folder(str(model)) == model


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"model_type": "llama"}', b"\xff", b"[" * 100_000]
)
def test_another_folder_leads_to_none(content, tmp_path):
    (tmp_path / "config.json").write_bytes(content)
    assert native_folder(tmp_path) is None
    for name in ("", "smollm2", "org/name", "~nobody-at-all", "x\0", "\ud800", "x" * 5000):
        assert native_folder(name) is None
