"""The speed study without its peer: one sentence, and a smoke run that does not need it."""

import subprocess
import sys

import pytest
import torch

from duotempo.core import UserError, silent
from duotempo.study import Job
from duotempo.study.titans_alone import alone
from duotempo.study.titans_speed import TitansSpeed
from duotempo.study.titans_systems import OURS, Sizes, limit, settings


def test_without_the_peer_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "titans_pytorch", None)
    with pytest.raises(UserError, match=r"pip install 'duotempo\[bench\]'"):
        TitansSpeed().inputs("full")
    assert TitansSpeed().inputs("smoke") == {}


def test_smoke_rows_become_claims_without_the_peer(monkeypatch):
    monkeypatch.setitem(sys.modules, "titans_pytorch", None)
    study = TitansSpeed()
    rows = study.measure(Job("fp32, 1 thread", 0), "smoke", silent)
    assert {row.metric for row in rows} <= set(study.metrics)
    assert {row.arm for row in rows} == {*OURS, "matrix products"}
    assert len(study.claims(rows)) == 2 * len(OURS)


def test_settings_are_put_back():
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    with settings("bf16", 1):
        assert torch.get_float32_matmul_precision() == "medium"
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == before


def test_the_limit_is_a_speed_and_the_work_is_counted():
    sizes = Sizes(32, 16)
    assert limit(64, sizes) > 1e6
    assert sizes.flops("linear") < sizes.flops("deep by chunk") < sizes.flops("deep")


def test_growth_is_not_hidden_by_the_process_that_asks():
    """A child that reports its parent's peak would say nothing grew."""
    heavy = torch.zeros(64 * 2**20)  # 256 MiB in this process
    heavy += 1
    assert alone("growth", "deep", "both", 64, 16, 2048)["growth"] > 1


def test_work_that_fails_alone_says_why():
    with pytest.raises(RuntimeError, match="no such memory"):
        alone("growth", "no such memory", "both", 32, 16, 64)


def test_the_study_loads_without_the_peer():
    code = "import sys; sys.modules['titans_pytorch'] = None; import duotempo.study.titans_speed"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
