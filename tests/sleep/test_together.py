"""Law of company: two processes that draw passes learn what one learns."""

import subprocess
import sys
from pathlib import Path

import pytest

from duotempo.sleep.saved import load_sleeper
from duotempo.train import train
from tests.sleep.together import RUN
from tests.train.same import logged

ROOT = Path(__file__).parents[2]


def test_one_process_and_two_draw_the_same_passes_and_have_the_same_losses(tmp_path):
    code = [sys.executable, "-m", "tests.sleep.together", str(tmp_path / "two")]
    done = subprocess.run(code, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    train(RUN, tmp_path / "one")
    one, two = logged(tmp_path / "one"), logged(tmp_path / "two")
    assert [line["loss"] for line in two] == pytest.approx([line["loss"] for line in one], rel=1e-5)
    assert load_sleeper(tmp_path / "two" / "model").policy == RUN.model.policy
