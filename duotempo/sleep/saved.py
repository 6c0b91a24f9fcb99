"""A model that sleeps, from its folder: a native model's, with sleep.json beside its config."""

from pathlib import Path

from duotempo.core import UserError
from duotempo.models.decoder import Decoder
from duotempo.models.saved import SLEEP, load_model, read_policy
from duotempo.sleep.policy import Policy
from duotempo.sleep.recurrent import Sleeper


def load_policy(folder: Path) -> Policy | None:
    """The policy that a model was trained with, None if it was trained without sleep.

    Raises `UserError` for a file that holds none.
    """
    values = read_policy(folder, SLEEP)
    return None if values is None else Policy.from_dict(values)


def asleep(model: Decoder, policy: Policy) -> Sleeper:
    """A decoder's weights in a model that sleeps; raises `UserError` if the two do not fit."""
    policy.check(model.config)
    sleeper = Sleeper(model.config, policy)
    sleeper.load_state_dict(model.state_dict(), assign=True)
    return sleeper.train(model.training)


def load_sleeper(folder: Path) -> Sleeper:
    """The model of a folder, in evaluation mode, with the policy it was trained with.

    Raises `UserError` for a model that was trained without sleep, or a folder that is not whole.
    """
    policy = load_policy(folder)
    if policy is None:
        raise UserError(
            f"the model in {folder} was trained without sleep (it has no {SLEEP}): give the folder "
            "of one that was, or a policy of your own"
        )
    return asleep(load_model(folder), policy)
