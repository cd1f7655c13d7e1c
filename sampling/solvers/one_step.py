"""What SEEDS-1, -2 and -3 share: a step is made of points in lambda, each with weights of the predictions before it.

A step goes from the VE noise level s to t. Its points are fractions of its length in lambda; a rule gives the weights
w_0, w_1, ... of the predictions at the points known by then in the integral from s to its own point. From one point to
the next

    y_next = growth y + sum of d_j P_j + fresh noise,

where d_j is what the weights of the point have beyond those, grown, of the point before. So the noise in y is carried
along by y itself: the stages share one noise path for any points, and no running sum of the noise is kept. (SEEDS,
arXiv 2305.14267, section 4, where the same sums are written out for each solver.)
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from ..forms import FORMS, lambda_step, polynomial_weights
from ..plan import Plan, Stage, checked, denoise, fresh
from ..schedule import NoiseSchedule
from .base import ETA, PREDICTION, SIGMA_DATA, Solver

SHORTEST = 1e-4  # way to a second model call: float32 loses the difference of predictions that are closer

Rule = Callable[[Any, float, float], list[float]]  # (form, t, s) -> the weights of the predictions in the integral


@dataclass(frozen=True)
class Through:
    """The rule of the polynomial through the predictions at points number `nodes` of `points`.

    points: fractions of the step up to the one that is reached, the last one.
    """

    nodes: tuple[int, ...]
    points: tuple[float, ...]

    def __call__(self, form: Any, t: float, s: float) -> list[float]:
        *known, target = self.points
        weights = [0.0] * len(known)
        fractions = [known[j] / target for j in self.nodes]
        for j, weight in zip(self.nodes, polynomial_weights(form, t, s, fractions), strict=True):
            weights[j] = weight
        return weights


class Step(NamedTuple):
    """The points of a step: VE noise levels, the host's sigmas, the schedule's alphas; lengths in lambda between."""

    levels: list[float]
    sigmas: list[float]
    alphas: list[float]
    lengths: list[float]

    @classmethod
    def of(cls, schedule: NoiseSchedule, sigma: float, sigma_next: float, points: Sequence[float]) -> "Step":
        """points: fractions of the step in lambda, from 0 to 1."""
        s, t = schedule.level(sigma), schedule.level(sigma_next)
        h = lambda_step(t, s)
        levels = [s, *(t if c == 1 else max(t, s * math.exp(-c * h)) for c in points[1:-1]), t]
        sigmas = [sigma, *(schedule.sigma_of(level) for level in levels[1:-1]), sigma_next]
        lengths = [schedule.length(*interval) for interval in pairwise(sigmas)]
        return cls(levels, sigmas, [schedule.alpha(value) for value in sigmas], lengths)


class OneStep(Solver):
    """A one-step solver: `points` are fractions of the step in lambda, from 0 to 1; each but the first has a rule."""

    eta, prediction, sigma_data = ETA, PREDICTION, SIGMA_DATA
    named: tuple[str, ...] = ("eta", "s_noise")  # the options that an error names where they make a number too large

    points: tuple[float, ...]
    rules: tuple[Rule, ...]

    @property
    def form(self) -> Any:
        return FORMS[self.prediction](self.eta, self.sigma_data)

    def plan(self, schedule: NoiseSchedule, sigmas: Sequence[float]) -> Plan:
        steps: list[tuple[Stage, ...]] = []
        for sigma, sigma_next in pairwise(sigmas):
            if sigma_next == 0:
                steps.append(denoise(sigma))
            else:
                steps.append(self.stages(self.form, Step.of(schedule, sigma, sigma_next, self.points)))
        return checked(Plan(tuple(steps)), "sigmas", *self.named)

    def stages(self, form: Any, step: Step) -> tuple[Stage, ...]:
        """The stages of one step."""
        moves, before = [], [0.0] * len(self.rules)
        for k, rule in enumerate(self.rules):
            growth = form.growth(step.levels[k + 1], step.levels[k])
            weights = rule(form, step.levels[k + 1], step.levels[0])
            moves.append([weight - growth * old for weight, old in zip(weights, before, strict=False)])
            before[: k + 1] = weights
        deviations = [
            alpha * self.s_noise * math.sqrt(form.variance(t, s))
            for alpha, (s, t) in zip(step.alphas[1:], pairwise(step.levels), strict=True)
        ]
        # One lattice for all intervals of a step: they are independent then.
        shortest = min((one for one, size in zip(step.lengths, deviations, strict=True) if size), default=math.inf)
        return tuple(
            Stage(*interval, *weights, fresh(*interval, deviation, shortest))
            for interval, weights, deviation in zip(
                pairwise(step.sigmas), spent(form, step, moves), deviations, strict=True
            )
        )


def spent(
    form: Any, step: Step, moves: Sequence[Sequence[float]], starts: Sequence[int] | None = None
) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    """For each stage, the weights of x and of the denoised in the points to come (Stage.state and Stage.denoised).

    moves[k][j]: d_j of point k + 1, the weight of the prediction at point j. starts[k]: which point's y it starts from;
    left out: from the one before.
    """
    size = len(moves)
    state: list[list[float]] = [[] for _ in range(size)]
    denoised: list[list[float]] = [[] for _ in range(size)]
    for k, move in enumerate(moves):
        start, alpha = k if starts is None else starts[k], step.alphas[k + 1]
        growth = form.growth(step.levels[k + 1], step.levels[start])
        for j, weight in enumerate(move):
            of_state, of_denoised = form.from_model(step.levels[j])
            state[j].append(alpha / step.alphas[j] * (weight * of_state + (growth if j == start else 0.0)))
            denoised[j].append(alpha * weight * of_denoised)
    return [(tuple(state[j]), tuple(denoised[j])) for j in range(size)]
