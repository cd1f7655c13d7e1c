"""SEEDS-2: a second model call within the step. "2s" draws two Gaussians a step (two_noises.py)."""

from dataclasses import dataclass
from typing import Any

from ..forms import polynomial_weights
from ..options import option
from ..plan import Stage
from .base import solver
from .one_step import SHORTEST, OneStep, Step, Through
from .two_noises import stages_with_two_noises

SRA1 = 0.75  # the one point at which the mean square of the stage's noise of "2s" is right, too


@dataclass(frozen=True)
class Midpoint:
    """The rule of the paper's SEEDS-2: the prediction at r in place of the polynomial's."""

    r: float

    def __call__(self, form: Any, t: float, s: float) -> list[float]:
        (whole,) = polynomial_weights(form, t, s, [0.0])
        return [whole - whole / (2 * self.r), whole / (2 * self.r)]


@solver("SEEDS-2", about="two model calls a step", calls_per_step=2, ode_order=2, weak_order=2)
class Seeds2(OneStep):
    """SEEDS-2: a second model call at the fraction r of the step in lambda, 0 < r <= 1 (arXiv 2305.14267, Algorithm 3).

    variant: "2b", the polynomial through both predictions; "2a", the paper's weights; or "2s", of strong order 1.5: the
    image of a seed settles with fewer steps. "2s" has its second call at 3/4 (as Roessler's SRA1, SIAM J. Numer. Anal.
    48, 2010) and does not use r.
    """

    r = option(
        0.5, "Where in the step, in lambda, the second model call lies. 2s does not use it.", least=SHORTEST, most=1
    )
    variant = option(
        "2b",
        "2b: the polynomial through both predictions. 2a: the paper's weights. 2s: the image of a seed settles with "
        "fewer steps.",
        choices=("2b", "2a", "2s"),
        everyday=True,
    )
    named = (*OneStep.named, "r")

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        r = SRA1 if self.variant == "2s" else self.r
        self.points = 0.0, r, 1.0
        last = Midpoint(r) if self.variant == "2a" else Through((0, 1), self.points)
        self.rules = Through((0,), self.points[:2]), last

    def stages(self, form: Any, step: Step) -> tuple[Stage, ...]:
        if self.variant != "2s":
            return super().stages(form, step)
        return stages_with_two_noises(form, step, self.rules, self.s_noise)
