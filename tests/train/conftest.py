"""One training that nobody disturbed, to compare the others with."""

import pytest

from duotempo.train import train
from tests.train.tiny import a_run


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The folder of an undisturbed run."""
    folder = tmp_path_factory.mktemp("undisturbed")
    train(a_run(), folder, save_every=2)
    return folder
