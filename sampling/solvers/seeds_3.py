"""SEEDS-3: three model calls a step."""

import math
from dataclasses import dataclass
from typing import Any

from ..forms import lambda_step, polynomial_weights
from ..options import option
from .base import solver
from .one_step import SHORTEST, OneStep, Through

NEAR = 0.01  # to 2/3, where the weight of the third prediction vanishes with the step


@dataclass(frozen=True)
class Balancing:
    """The rule of the third of four points, r_2, whose error cancels that of the second, r_1, in the last one.

    `through` is the rule of the polynomial, of order 2 at r_2. The first order at r_1 leaves an error of the slope of P
    times a moment. With the weights b_1, b_2 of a polynomial through all three predictions the step is of order 3 where
    b_1 times that error and b_2 times this point's are opposite: `share` is b_1 / b_2 for short steps, and this point
    takes that much of the moment more of P(r_1) and less of P(0). (The order conditions of exponential Runge-Kutta
    methods: Hochbruck and Ostermann, SIAM J. Numer. Anal. 43, 2005.)
    """

    through: Through
    share: float

    def __call__(self, form: Any, t: float, s: float) -> list[float]:
        first, second = self.through(form, t, s)
        _, r_1, r_2 = self.through.points
        middle = max(t, s * math.exp(-r_1 / r_2 * lambda_step(t, s)))
        more = self.share * polynomial_weights(form, middle, s, [0.0, 1.0])[1]
        return [first - more, second + more]


@solver("SEEDS-3", about="three model calls a step", calls_per_step=3, ode_order=3, weak_order=2)
class Seeds3(OneStep):
    """SEEDS-3: model calls at the fractions 0 < r_1 < r_2 <= 1 of the step too (arXiv 2305.14267, Algorithm 4).

    variant: "3a", the paper's drift, or "3b", whose last stage uses all three predictions. Without noise "3a" is of
    order 3 where r_2 is 2/3 and of order 2 elsewhere; "3b" of order 3, but of order 2 where r_1 is within 0.01 of 2/3.
    The stages share one noise path for any r_1 and r_2; the coefficients that the paper prints do so only for 1/3 and
    2/3.
    """

    r_1 = option(
        1 / 3, "Where in the step, in lambda, the second model call lies. Less than r_2.", least=SHORTEST, below=1
    )
    r_2 = option(2 / 3, "Where in the step, in lambda, the third model call lies. More than r_1.", above=0, most=1)
    variant = option(
        "3a",
        "3a: the paper's drift, of order 3 without noise where r_2 is 2/3, else 2. 3b: the last stage uses all three "
        "predictions, of order 3 but where r_1 is 2/3.",
        choices=("3a", "3b"),
        everyday=True,
    )
    named = (*OneStep.named, "r_1", "r_2")

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        r_1, r_2 = self.r_1, self.r_2
        if r_1 >= r_2:
            raise ValueError(f"r_2: {r_2}; expected more than r_1, {r_1}")
        self.points = points = 0.0, r_1, r_2, 1.0
        third, last = Through((0, 1), points[:3]), Through((0, 2) if self.variant == "3a" else (0, 1, 2), points)
        if self.variant == "3b" and r_2 != 2 / 3 and abs(r_1 - 2 / 3) > NEAR:
            third = Balancing(third, r_2 * (3 * r_2 - 2) / (r_1 * (2 - 3 * r_1)))
        self.rules = Through((0,), points[:2]), third, last
