"""How a model thinks: rule, steps and start of a fit as one preset, and the policy of fits."""

import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, cast

import torch

from duotempo.core import UserError
from duotempo.models.inference import Adam, Amortised, Langevin, NaturalGradient, Rule
from duotempo.models.posterior import STANDARD, Noise, Posterior, fresh

WARN, MOST = 0.05, 0.1
"""Nats a token that a preset may cost before the latents carry anything."""

AMORTISED = "amortised"
BEGUN = 7.389
"""The curvature that a model begins with: e^2."""
RULES: dict[str, Rule] = {
    "natural": NaturalGradient(),
    "adam": Adam(),
    "adam-released": Adam(0.34, 0.034, cosine=True, decay=0.01),
    "langevin": Langevin(),
}
"""Rules by the name that a preset uses; `amortised` is one more, whose curvature a model holds."""


@dataclass(frozen=True)
class Preset:
    """A rule, its steps and the log-variance it starts from, which only mean something together.

    With a start below the prior (log-variance 0) the rule must have time to come back, or latents
    that say nothing cost KL all the same. Raises `UserError` for a rule that is none.
    """

    rule: str = "natural"
    steps: int = 4
    log_var: float = 0.0

    def __post_init__(self) -> None:
        if self.rule not in (*RULES, AMORTISED):
            raise UserError(f"rule={self.rule!r}: one of {', '.join((*RULES, AMORTISED))}")
        if self.steps < 0:
            raise UserError(f"steps={self.steps}: give 0, for no fit, or more")

    def at(self, steps: int) -> "Preset":
        """The same with other steps."""
        return replace(self, steps=steps)

    def start(self, like: torch.Tensor, noise: Noise) -> Posterior:
        """Where a fit begins: the prior, or the paper's start if `log_var` says so: means of 0.01
        and log-variances of `log_var` with noise of 0.1."""
        if self.log_var == 0:
            return STANDARD.posterior(torch.zeros_like(like))
        return Posterior(0.01 * noise(like), self.log_var + 0.1 * noise(like))

    def floor(self, learned: Amortised | None = None) -> float:
        """Nats of KL that a latent dimension costs at the end of a fit to nothing: the dynamics of
        the KL alone, simulated. A learned curvature is the model's to give; else as it begins."""
        like, noise = torch.zeros(1, 8, 32), fresh(0)
        rule: Rule = learned or RULES.get(self.rule) or Amortised(like[0] + BEGUN)
        if learned is not None:
            like = torch.zeros_like(learned.curvature)[None]
        fitted = rule.fit(self.start(like, noise), STANDARD, torch.zeros_like, self.steps, noise)
        return float(STANDARD.kl(fitted)) / like.numel()

    def check(self, dimensions: int, tokens: int, learned: Amortised | None = None) -> str | None:
        """What to warn of, with the mend (None: nothing). Raises `UserError` where the floor is
        more than 0.1 nats a token, for `dimensions` latent dimensions over so many tokens."""
        cost = self.floor(learned) * dimensions / tokens
        said = (
            f"rule={self.rule!r}, steps={self.steps}, log_var={self.log_var} leave {cost:.2g} nats "
            f"a token of KL in {dimensions} latent dimensions over {tokens} tokens though they "
            "carry nothing: use rule='natural' from log_var=0, more steps or fewer latents"
        )
        if cost > MOST:
            raise UserError(said)
        return said if cost > WARN else None


OBJECTIVES = ("own", "next")


@dataclass(frozen=True)
class Thinking:
    """When latents are fitted again, by what, and what the slow weights learn from.

    After every `segment` tokens the posterior is fitted to them, held to a prior that the posterior
    before has decayed to (`carry` 1: all of it stays, 0: every segment begins at N(0, 1)). It
    speaks to the tokens that follow, never to those it was fitted to.

    In training, `learn` "own" is the paper: each segment is foretold with latents fitted to itself,
    and no gradient goes through the fit. "next": each segment is foretold with latents fitted to
    the segments before, and with `through` gradients flow through the fits. Raises `UserError`
    for values that mean nothing.
    """

    segment: int = 128
    preset: Preset = Preset()
    carry: float = 1.0
    learn: str = "next"
    through: bool = True

    def __post_init__(self) -> None:
        if self.segment < 2:
            raise UserError(f"segment={self.segment}: one token is read and one foretold, so 2")
        if not 0 <= self.carry <= 1:
            raise UserError(f"carry={self.carry}: from 0, which forgets all, to 1")
        if self.learn not in OBJECTIVES:
            raise UserError(f"learn={self.learn!r}: one of {', '.join(OBJECTIVES)}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> "Thinking":
        """The policy of plain values; raises `UserError` for what is none."""
        preset = values.get("preset")
        rest = {name: value for name, value in values.items() if name != "preset"}
        if not isinstance(preset, Mapping) or not (_fits(Preset(), preset) and _fits(USUAL, rest)):
            said = textwrap.shorten(repr(dict(values)), 200, placeholder=" ...")
            raise UserError(f"this is no policy of thinking ({said}): give one that Thinking wrote")
        return Thinking(preset=Preset(**preset), **rest)


USUAL = Thinking()


def _fits(usual: object, values: Mapping[str, Any]) -> bool:
    """Whether plain values are fields of a dataclass, each of the kind that it has by default."""
    known = {f.name: type(getattr(usual, f.name)) for f in fields(cast(Any, usual))}
    kinds = {name: type(value) for name, value in values.items()}
    return all(kind in (known.get(n), WHOLE.get(known.get(n))) for n, kind in kinds.items())


WHOLE: dict[type | None, type] = {float: int}
"""A whole number may stand where a number is asked for."""
