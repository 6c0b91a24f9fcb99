"""Small lives of prompts and weights that the tests of the room share."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import torch

from duotempo.adapt.cycle import Life, Plan, Settings, World, adapted
from duotempo.adapt.learn import Lesson
from duotempo.adapt.native import WordPolicy
from duotempo.adapt.policy import Asked, Weights
from duotempo.adapt.prompts import Search, Trial
from duotempo.adapt.tally import Tally
from duotempo.models.config import Config
from duotempo.tasks.rulebook import RuleTask
from duotempo.tasks.rulebook_words import WORDS
from duotempo.tasks.verifiable import Problem, Score, Task

PLAN = Plan(cycles=2, steps=2, problems=3, prompts=2, anchors=4, budget=None)
SMALL = Search(proposals=2, first=24, minibatch=2)
EAGER = Lesson(group=4, rate=1e-2, least=0.0)


@dataclass(frozen=True)
class Lucky:
    """A task whose score is the share of even digits, which random weights get in part."""

    seed_prompt: str = "solve - -"
    worth: float = 1.0

    def problems(self, split: str, seed: int) -> Sequence[Problem]:
        """Digits."""
        return RuleTask("jump").problems(split, seed)[:50]

    def score(self, problem: Problem, answer: str) -> Score:
        """The share of even digits."""
        even = sum(word in "02468" for word in answer.split()) / 4
        return Score(self.worth * even)


def reword(prompt: str, trials: Sequence[Trial], random: Random) -> str | None:
    """Another word."""
    return f"{random.choice(WORDS[14:])} - -"


def small(vocab: int = len(WORDS)) -> WordPolicy:
    """A policy of words whose weights are random."""
    torch.manual_seed(3)  # weights under which some prompts earn more than others
    config = Config(
        vocab=vocab, width=16, heads=2, window=None, layout=("attention",), ff=16, persistent=0
    )
    return WordPolicy(config.build())


def world(task: Task | None = None, seed: int = 0) -> World:
    """Random weights and a task."""
    problems = RuleTask("jump").problems("train", 9)[:6]
    broad = [Asked("reverse - -", p) for p in problems]
    return World(small(), task or Lucky(), reword, broad, Tally(seed))


def lived(method: str, plan: Plan = PLAN, here: World | None = None) -> tuple[Life, World]:
    """The last life of a plan."""
    here = here or world()
    return list(adapted(here, plan, Settings(SMALL, EAGER, method)))[-1], here


def same(left: Weights, right: Weights) -> bool:
    """Whether weights are alike bit for bit."""
    return all(tensor.equal(right[name]) for name, tensor in left.items())
