"""SEEDS-M: one model call a step, and what the call before it has told. docs/seeds_m.md derives it."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np

from .plan import Extrapolation, Plan, Stage, checked, denoise
from .prediction import Data, integral, lambda_step
from .schedule import DROWNING

HALF_RENEWED = math.log(2) / 2  # eta h: a step renews no more than half of the noise's variance
PRIOR_POINTS = 160


class Balance:
    """The weight of the extrapolation, for data whose variances v are spread evenly over log v.

    For Gaussian data of variance v, D is J y with J = v / (v + s^2), and a method's output is Gaussian too. The weight
    is the one for which the variance that a step makes is right on average over v, each error counting as much as is
    left of it at the end. It needs the covariances of the method's own points, which are carried along here.
    """

    def __init__(self, first, last):
        low = 2 * math.log(last) - 6  # structures too fine to be seen at the last level
        high = max(2 * math.log(min(first, DROWNING)), low + 6)
        self.v = np.exp(np.linspace(low, high, PRIOR_POINTS))
        self.variance = self.v + first**2  # of y now; then those of the point before: its own, with y, and its J
        self.before = None

    def step(self, form, t, s):
        """The weight of D_n - D_(n-1) in the step from level s to t; the covariances move on to t."""
        v, now, eta = self.v, self.variance, form.eta
        kept, added = form.growth(t, s), form.variance(t, s)
        gain = v / (v + s * s)
        slope, weight, spread, shared = kept + (1 - kept) * gain, 0.0, 0.0, 0.0
        if self.before is not None:
            of_before, with_now, gain_before = self.before
            spread = gain**2 * now + gain_before**2 * of_before - 2 * gain * gain_before * with_now
            shared = gain * now - gain_before * with_now
            total, shrinkage = v + t * t, (v + t * t) / (v + s * s)
            left = (v / total) ** eta / total
            missing = slope**2 * now + added - shrinkage ** (1 + eta) * now - total * (1 - shrinkage**eta)
            weight = self._root(*(float((left * term).sum()) for term in (spread, slope * shared, missing)))
            weight = min(weight, (1 - kept) / 2)  # that of short equal steps, Adams-Bashforth: more is for the start
        self.before = now, slope * now + weight * shared, gain
        self.variance = slope**2 * now + 2 * slope * weight * shared + weight**2 * spread + added
        return weight

    @staticmethod
    def _root(square, linear, missing):
        """The smaller positive c with square c^2 + 2 linear c + missing = 0; 0 where nothing is missing."""
        if missing >= 0:
            return 0.0
        inside = linear * linear - square * missing
        return -missing / (linear + math.sqrt(inside)) if inside >= 0 else math.inf


def line_weight(form, t, s, p):
    """The weight of D_n - D_(n-1) for the line in the squared level through those at p > s: never far beyond D_n.

    D is analytic in s^2 at 0, and a line in s^2 reaches no farther than 0, however long the step in lambda is.
    """
    return integral(form, t, s, lambda tau: (s - tau) * (s + tau) / ((p - s) * (p + s)))


def seeds_m_plan(schedule, sigmas, s_noise, eta, order, eta_cap):
    """SEEDS-M over the host's sigmas, a list of checked floats."""
    levels = [schedule.level(sigma) for sigma in sigmas if sigma > 0]
    balance = Balance(levels[0], levels[-1]) if levels else None
    steps, before, alpha_before = [], None, None
    for n, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        if sigma_next == 0:
            steps.append(denoise(sigma))
            break
        s, t = levels[n], levels[n + 1]
        form = Data(min(eta, eta_cap / lambda_step(t, s)), 1.0)
        alpha, alpha_next, kept = schedule.alpha(sigma), schedule.alpha(sigma_next), form.growth(t, s)
        extrapolation, most = None, balance.step(form, t, s) if order == 2 else 0.0
        if most > 0:
            least, shrinkage = min(most, line_weight(form, t, s, before)), (s / before) ** 2
            turned = -(1 - kept) / (3 + kept)  # stable for the steepest denoisers of all weights
            extrapolation = Extrapolation(*(alpha_next * weight for weight in (most, least, turned)), 1 / alpha)
            steps[-1] = (replace(steps[-1][0], expectation=(shrinkage / alpha_before, 1 - shrinkage)),)
        deviation = alpha_next * s_noise * math.sqrt(form.variance(t, s))
        renewed = -math.expm1(-(1 + form.eta) * lambda_step(t, s))
        weights = (alpha_next / alpha * kept,), (alpha_next * renewed,)
        steps.append((Stage(sigma, sigma_next, *weights, deviation, extrapolation),))
        before, alpha_before = s, alpha
    return checked(Plan(tuple(steps)))
