"""ER-SDE-Solvers (Cui et al., arXiv 2309.06169): one model call a step, for a noise-scale function phi."""

import math
from itertools import pairwise

import numpy as np

from .checks import choice
from .plan import Plan, Stage, checked, denoise
from .prediction import quadrature

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


def noise_scale_of(noise_scale):
    """phi as a function of arrays; ValueError for an unknown name or what is no function."""
    if not callable(noise_scale):
        return NOISE_SCALES[choice("noise_scale", noise_scale, NOISE_SCALES)]
    return lambda levels: np.array([float(noise_scale(float(level))) for level in np.atleast_1d(levels)])


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


def er_sde_plan(schedule, sigmas, s_noise, order, phi):
    """ER-SDE over the host's sigmas, a list of checked floats."""
    levels = [schedule.level(sigma) for sigma in sigmas if sigma > 0]
    alphas = [schedule.alpha(sigma) for sigma in sigmas]
    terms = [er_sde_terms(phi, t, s) for s, t in pairwise(levels)]
    weights = [er_sde_weights(levels, n, order, of_step) for n, of_step in enumerate(terms)]
    steps = []
    for n, (ratio, _, _, variance) in enumerate(terms):
        ahead = [k for k in range(order) if n + k < len(terms)]
        denoised = tuple(alphas[n + k + 1] * weights[n + k].get(n, 0.0) for k in ahead)
        state = (alphas[n + 1] / alphas[n] * float(ratio), *[0.0] * (len(denoised) - 1))
        noise = alphas[n + 1] * s_noise * math.sqrt(variance)
        steps.append((Stage(sigmas[n], sigmas[n + 1], state, denoised, noise),))
    if len(sigmas) > 1 and sigmas[-1] == 0:
        steps.append(denoise(sigmas[-2]))
    return checked(Plan(tuple(steps)), "sigmas", "s_noise", "noise_scale")
