"""SEEDS-M: one model call a step, and what the call before it has told. docs/seeds_m.md derives it."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..options import option
from ..plan import Plan, Stage, checked, denoise, fresh
from ..prediction import Data, integral, lambda_step
from ..schedule import DROWNING, NoiseSchedule
from .base import ETA, Solver, solver
from .seeds_m_memory import Memory, Parts, Whole

ETA_CAP = math.log(2) / 2  # of eta h: a step renews no more than half of the noise's variance
SCALE = 0.5  # a level about which data decide: EDM's sigma_data, half the deviation of latents
CERTAIN = 2.0  # deviations: a change of the guidance is not put down to less noise than would be an accident
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


def part_weights(form, t, s, levels):
    """The weights of values at `levels` (s first) in the step from s to t, by the polynomial in asinh(level / SCALE).

    In that variable denoisers are smooth on both sides of the data's scale: it goes like lambda above and like the
    level below, and ends at 0 where sampling ends.
    """
    nodes = [math.asinh(level / SCALE) for level in levels]
    if len(set(nodes)) < len(nodes):  # levels that differ by rounding only
        return (*part_weights(form, t, s, levels[:-1]), 0.0)

    def basis(j, tau):
        value = np.ones_like(tau)
        for k, node in enumerate(nodes):
            if k != j:
                value = value * (np.arcsinh(tau / SCALE) - node) / (nodes[j] - node)
        return value

    return tuple(integral(form, t, s, lambda tau, j=j: basis(j, tau)) for j in range(len(levels)))


def memory_of(form, t, levels, alphas, most, limit):
    """The Memory of the step to level t from levels[0]; levels and alphas of it and up to two steps before."""
    s, length = levels[0], (1 + form.eta) * lambda_step(t, levels[0])
    alpha_next, *alphas = alphas
    whole = parts = None
    shrinkage, before_to_frame, kept = 1.0, 1.0, math.exp(-length)
    if len(levels) > 1:
        p = levels[1]
        least, turned = min(most, line_weight(form, t, s, p)), -(1 - kept) / (3 + kept)
        if most > 0:
            whole = Whole(*(alpha_next * weight for weight in (most, least, turned)))
        variance = (s / p) ** 2 * (p - s) * (p + s)  # of the noise that the step to s has renewed, eta = 1
        three, two = (
            tuple(alpha_next * weight for weight in part_weights(form, t, s, levels[:count])) for count in (3, 2)
        )
        parts = Parts(three, two, math.sqrt(p / s), CERTAIN / math.sqrt(variance))
        shrinkage, before_to_frame = (s / p) ** 2, 1 / alphas[1]
    return Memory(whole, parts, length, limit, shrinkage, 1 / alphas[0], before_to_frame, alpha_next * (1 - kept))


@solver(
    "SEEDS-M",
    about="one model call a step; looks back on earlier ones; for 8 to 30 model calls",
    calls_per_step=1,
    ode_order=2,
    weak_order=2,
    reads_cond=True,
)
class SeedsM(Solver):
    """SEEDS-M: one model call a step, and what the call before it has told (docs/seeds_m.md).

    order: 2, or 1, which uses no call before. eta_cap: eta is at most eta_cap / h in a step of length h in lambda; left
    out: log(2) / 2. guidance_limit: how strongly guidance is limited in steps too long for it, 0 is not at all; it acts
    where the model has an attribute `cond_denoised`: the conditional part, like x, of what it returned in its latest
    call (None where it does not know it; the same tensor as it returned where there is no guidance).
    """

    eta = ETA
    order = option(2, "2: uses the model call before, too. 1: does not.", least=1, most=2, whole=True, none=True)
    eta_cap = option(
        ETA_CAP,
        "Limits the noise in long steps: eta is at most this, divided by the length of the step in lambda.",
        above=0,
        none=True,
    )
    guidance_limit = option(1.0, "How strongly guidance is limited in steps too long for it. 0: not at all.", least=0)

    def plan(self, schedule: NoiseSchedule, sigmas: Sequence[float]) -> Plan:
        levels = [schedule.level(sigma) for sigma in sigmas if sigma > 0]
        alphas = [schedule.alpha(sigma) for sigma in sigmas]
        balance = Balance(levels[0], levels[-1]) if levels else None
        steps: list[tuple[Stage, ...]] = []
        for n, interval in enumerate(pairwise(sigmas)):
            if interval[1] == 0:
                steps.append(denoise(interval[0]))
                break
            s, t = levels[n], levels[n + 1]
            form = Data(min(self.eta, self.eta_cap / lambda_step(t, s)), 1.0)
            memory = None
            if self.order == 2:
                past = slice(n, None if n < 3 else n - 3, -1)
                most, near = balance.step(form, t, s), [alphas[n + 1], *alphas[past]]
                memory = memory_of(form, t, levels[past], near, most, self.guidance_limit)
            deviation = alphas[n + 1] * self.s_noise * math.sqrt(form.variance(t, s))
            kept, renewed = form.growth(t, s), -math.expm1(-(1 + form.eta) * lambda_step(t, s))
            weights = (alphas[n + 1] / alphas[n] * kept,), (alphas[n + 1] * renewed,)
            noises = fresh(*interval, deviation, schedule.length(*interval))
            steps.append((Stage(*interval, *weights, noises, correction=memory),))
        return checked(Plan(tuple(steps)), "sigmas", "eta", "s_noise", "eta_cap")
