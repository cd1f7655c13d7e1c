"""A step of two stages whose noise is right to first order in both: two correlated Gaussians for each step.

The stage's noise N_u is such that weight N_u, weight being that of the prediction there, is the integral over the step
of the kernel times the noise up to tau: (1 + eta) times the deviation of the step's noise times J, the path's integral
(NoisePath.integral), for any form. So the run is of strong order 1.5. (The idea is that of Roessler's SRA1, SIAM J.
Numer. Anal. 48, 2010.)
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from ..noise.clock import Clock, path_clock
from ..plan import Gaussian, Stage
from .one_step import Rule, Step, spent

LOST = sys.float_info.min  # a product of two deviations


def stages_with_two_noises(form: Any, step: Step, rules: Sequence[Rule], s_noise: float) -> tuple[Stage, ...]:
    """The two stages of a step; both Gaussians are drawn at the first."""
    moves = [rule(form, level, step.levels[0]) for rule, level in zip(rules, step.levels[1:], strict=True)]
    weights = spent(form, step, moves, starts=(0, 0))
    first, second = (Stage(*interval, *both) for interval, both in zip(pairwise(step.sigmas), weights, strict=True))
    if form.eta * s_noise:
        deviation = s_noise * math.sqrt(form.variance(step.levels[-1], step.levels[0]))
        noises, simple = pair(form, step, deviation, moves[1][1])
        first = replace(first, noises=noises, simple=simple)
    return first, second


def pair(
    form: Any, step: Step, deviation: float, weight: float
) -> tuple[tuple[Gaussian, ...], tuple[Gaussian, ...] | None]:
    """The Gaussians of a step over VE noise levels s, m, t: from a path's increment I and integral J, and from normals.

    deviation: of the noise of the whole step. weight: that of the prediction at m. From unit normals of the step's two
    parts, independent, the sums have the same covariance. None where the noise is lost in any latent, and the squares
    of its numbers in floats.
    """
    (s, m, t), (sigma, sigma_middle, sigma_end) = step.levels, step.sigmas
    first, second = form.growth(t, m) * math.sqrt(form.variance(m, s)), math.sqrt(form.variance(t, m))
    whole = math.hypot(first, second)
    if whole * deviation < LOST:
        return (), None
    first, second = first / whole, second / whole
    interval = -math.log(s), -math.log(t)
    slope, rest = Clock(form).integral_given_increment(*interval)
    of_path, rest_of_path = path_clock(form).integral_given_increment(*interval)
    integral, increment = step.alphas[1] * (1 + form.eta) * deviation / weight, step.alphas[2] * deviation
    share = rest / rest_of_path  # 1, but where the path runs in another clock, that of a smaller eta
    noises = (
        Gaussian(sigma, sigma_end, (integral * (slope - share * of_path), increment), 0.0),
        Gaussian(sigma, sigma_end, (integral * share, 0.0), 0.0, integral=True),
    )
    ahead = math.copysign(rest, slope)  # of two paths with one end, the integral is larger where the path rises first
    simple = (
        Gaussian(sigma, sigma_middle, (integral * (slope * first + ahead * second), increment * first), math.inf),
        Gaussian(sigma_middle, sigma_end, (integral * (slope * second - ahead * first), increment * second), math.inf),
    )
    return noises, simple
