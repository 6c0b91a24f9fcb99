"""What is listed can be run: every recipe is called without arguments and gives a Run."""

import pytest

from duotempo.core import UserError
from duotempo.recipes import find, listing
from duotempo.recipes.sleep import rule110
from duotempo.train import Run


@pytest.mark.parametrize("name", listing())
def test_every_listed_recipe_runs_without_arguments(name):
    assert isinstance(find(name)(), Run)


def test_functions_that_ask_for_something_are_not_listed():
    assert not {"sleep:arm_run", "needle:model", "latent:recall_run", "latent:text_run"} & set(
        listing()
    )
    with pytest.raises(UserError, match="unknown"):
        find("sleep:arm_run")


def test_an_arm_of_rule_110_that_is_none_is_one_sentence():
    with pytest.raises(UserError, match="N=4, both ways"):
        rule110("N=5")
