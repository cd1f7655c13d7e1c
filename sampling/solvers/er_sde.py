"""ER-SDE-Solvers (Cui et al., arXiv 2309.06169): one model call a step, for a noise-scale function phi."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..forms import quadrature
from ..options import option
from ..plan import Plan, Stage, checked, denoise, fresh
from ..schedule import NoiseSchedule
from .base import Solver, solver

ROUNDING = 2.0**-48  # of a variance: noise of a deviation so small is lost in float32

NOISE_SCALES = {
    "ode": lambda x: x,
    "sde": lambda x: x * x,
    "sde1": lambda x: x * (np.exp(-1 / x) + 10),
    "sde2": lambda x: x**1.5,
    "sde3": lambda x: x**2.5,
    "sde4": lambda x: x**0.9 * np.log10(1 + 100 * x**1.5),
    "sde5": lambda x: x * (np.exp(x**0.3) + 10),
}


def _positive(phi, levels):
    with np.errstate(all="ignore"):  # what is no number is refused
        values = np.asarray(phi(np.asarray(levels)), dtype=float)
    if not np.all(np.isfinite(values) & (values > 0)):
        raise ValueError(f"noise_scale: phi is {values.min()} between {min(levels)} and {max(levels)}; expected > 0")
    return values


def er_sde_terms(phi, t, s):
    """r, the factors of D' and D'', and the variance of a step's noise from level s to t (arXiv 2309.06169).

    ValueError where phi(s)/s decreases, which would make the variance negative.
    """
    of_t, of_s = _positive(phi, [t, s]).tolist()
    ratio = of_t / of_s
    variance = (t - ratio * s) * (t + ratio * s)
    if abs(variance) < ROUNDING * t * t:  # phi is a multiple of s here, as for the ODE
        variance = 0.0
    if variance < -1e-12 * t * t:
        raise ValueError(f"noise_scale: phi(s)/s falls from {of_t / t} at {t} to {of_s / s} at {s}; expected no fall")
    tau, measure = quadrature(t, s)
    inverse = of_t * measure * tau / _positive(phi, tau)
    first = (t - s) + float(inverse.sum())
    return ratio, first, (t - s) ** 2 / 2 + float((inverse * (tau - s)).sum()), max(0.0, variance)


def er_sde_weights(levels, n, order, terms):
    """{j: weight of D_j} in the step from levels[n]: Newton's differences in the level, as far as there is a past."""
    ratio, first, second, _ = terms
    weights = {n: 1 - ratio}
    slope = {}
    if order >= 2 and n >= 1:
        slope = _slope(levels, n)
    if order >= 3 and n >= 2:
        width = (levels[n] - levels[n - 2]) / 2
        for j, value in [*slope.items(), *((j, -value) for j, value in _slope(levels, n - 1).items())]:
            weights[j] = weights.get(j, 0.0) + second * value / width
    for j, value in slope.items():
        weights[j] = weights.get(j, 0.0) + first * value
    return weights


def _slope(levels, n):
    return {n: 1 / (levels[n] - levels[n - 1]), n - 1: -1 / (levels[n] - levels[n - 1])}


@solver(
    "ER-SDE",
    about="one model call a step, the solvers of arXiv 2309.06169",
    calls_per_step=1,
    ode_order=2,
    weak_order=1,
)
class ErSde(Solver):
    """ER-SDE-Solver-1, -2 and -3 (arXiv 2309.06169, equations of order 1 to 3): one model call a step.

    order: 1, 2 or 3. noise_scale: the function phi of the VE noise level, which says how stochastic the solver is: the
    authors' "ode", "sde", "sde1" to "sde5", or a function of a float with phi > 0 and phi(s)/s not decreasing.
    """

    order = option(
        3, "How many model calls a step looks back on, with its own.", least=1, most=3, whole=True, everyday=True
    )
    noise_scale = option(
        "sde5",
        "How stochastic: ode is not, sde is the reverse SDE.",
        choices=tuple(reversed(NOISE_SCALES)),
        also=callable,
        everyday=True,
    )

    @property
    def repeats(self) -> bool:
        return isinstance(self.noise_scale, str)  # a function may have changed

    def phi(self, levels: Any) -> Any:
        """phi at an array of levels."""
        if isinstance(self.noise_scale, str):
            return NOISE_SCALES[self.noise_scale](levels)
        return np.array([float(self.noise_scale(float(level))) for level in np.atleast_1d(levels)])

    def plan(self, schedule: NoiseSchedule, sigmas: Sequence[float]) -> Plan:
        levels = [schedule.level(sigma) for sigma in sigmas if sigma > 0]
        alphas = [schedule.alpha(sigma) for sigma in sigmas]
        terms = [er_sde_terms(self.phi, t, s) for s, t in pairwise(levels)]
        weights = [er_sde_weights(levels, n, self.order, of_step) for n, of_step in enumerate(terms)]
        steps: list[tuple[Stage, ...]] = []
        for n, ((ratio, _, _, variance), interval) in enumerate(zip(terms, pairwise(sigmas), strict=False)):
            ahead = [k for k in range(self.order) if n + k < len(terms)]
            denoised = tuple(alphas[n + k + 1] * weights[n + k].get(n, 0.0) for k in ahead)
            state = (alphas[n + 1] / alphas[n] * float(ratio), *[0.0] * (len(denoised) - 1))
            deviation = alphas[n + 1] * self.s_noise * math.sqrt(variance)
            steps.append((Stage(*interval, state, denoised, fresh(*interval, deviation, schedule.length(*interval))),))
        if len(sigmas) > 1 and sigmas[-1] == 0:
            steps.append(denoise(sigmas[-2]))
        return checked(Plan(tuple(steps)), "sigmas", "s_noise", "noise_scale")
