"""SEEDS-M: one model call a step, and what the call before it has told. docs/seeds_m.md derives it."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..forms import DataForm, integral, lambda_step
from ..options import option
from ..plan import Plan, Stage, checked, denoise, fresh
from ..schedule import DROWNING, NoiseSchedule
from .base import ETA, Solver, solver
from .seeds_m_memory import Memory, Parts, Whole

ETA_CAP = 0.4  # in steps longer than 0.25 eta is less than 1
CAP_POWER = -2 / 3  # of the step's length: -1 is as good at 8 calls, and much worse from 20 on
DRAFT = 3.0  # far above this level, three times the deviation of latents, D hardly depends on y: no need of a cap
LONG = 0.6  # in lambda: in steps from here on the line has half of the weight
SCALE = 0.5  # a level about which data decide: EDM's sigma_data, half the deviation of latents
CERTAIN = 0.25  # a change of G is not put down to less noise than this share of what a step has added
PRIOR_POINTS = 160


class Balance:
    """c, the weight of d = D - D_p, for data whose variances v are spread evenly over log v (docs/seeds_m.md, 1).

    For Gaussian data of variance v, D is J y with J = v / (v + s^2), and a method's output is Gaussian too. c is the
    weight for which the variance that a step makes is right on average over v, each error counting as much as is left
    of it at the end. It needs the covariances of the method's own points, which are carried along here.
    """

    def __init__(self, first, last):
        low = 2 * math.log(last) - 6  # structures too fine to be seen at the last level
        high = max(2 * math.log(min(first, DROWNING)), low + 6)
        self.v = np.exp(np.linspace(low, high, PRIOR_POINTS))
        self.V = self.v + first**2  # the variance of y now
        self.before = None  # of the point before: its variance, its covariance with y, and its J

    def step(self, form, t, s):
        """c of the step from level s to t; the covariances move on to t."""
        v, V, eta = self.v, self.V, form.eta
        a, added, J = form.growth(t, s), form.variance(t, s), v / (v + s * s)
        A, c, E, F = a + (1 - a) * J, 0.0, 0.0, 0.0
        if self.before is not None:
            V_p, X, J_p = self.before
            E = J**2 * V + J_p**2 * V_p - 2 * J * J_p * X
            F = J * V - J_p * X
            R, f = v + t * t, (v + t * t) / (v + s * s)
            left = (v / R) ** eta / R
            rest = A**2 * V + added - f ** (1 + eta) * V - R * (1 - f**eta)
            c = self._root(*(float((left * term).sum()) for term in (E, A * F, rest)))
            c = min(c, (1 - a) / 2)  # that of short equal steps, Adams-Bashforth: more is for the start
        self.before = V, A * V + c * F, J
        self.V = A**2 * V + 2 * A * c * F + c**2 * E + added
        return c

    @staticmethod
    def _root(square, linear, rest):
        """The smaller positive c with square c^2 + 2 linear c + rest = 0; 0 where no variance is missing."""
        if rest >= 0:
            return 0.0
        inside = linear * linear - square * rest
        return -rest / (linear + math.sqrt(inside)) if inside >= 0 else math.inf


def capped(eta, eta_cap, t, s):
    """The eta of the step from level s to t: less in long steps, unless they end far above the data."""
    return min(eta, eta_cap * lambda_step(t, s) ** CAP_POWER * (1 + (t / DRAFT) ** 4))


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


def memory_of(form, t, levels, alphas, c, limit):
    """The Memory of the step to level t from levels[0]; levels and alphas of it and up to two steps before."""
    s, length = levels[0], (1 + form.eta) * lambda_step(t, levels[0])
    alpha_next, *alphas = alphas
    whole = parts = None
    shrinkage, before_to_frame, a = 1.0, 1.0, math.exp(-length)
    if len(levels) > 1:
        p = levels[1]
        c_0, turned = min(c, line_weight(form, t, s, p)), -(1 - a) / (3 + a)
        if c > 0:
            whole = Whole(*(alpha_next * weight for weight in (c, c_0, turned)))
        polynomials = [part_weights(form, t, s, levels[: known + 1]) for known in range(1, len(levels))]
        conditional = (mixed(polynomial, c, lambda_step(t, s))[1:] for polynomial in polynomials)
        variance = (s / p) ** 2 * (p - s) * (p + s)  # of the noise that the step to s has renewed, eta = 1
        parts = Parts(
            tuple(tuple(alpha_next * weight for weight in weights) for weights in conditional),
            -alpha_next * polynomials[0][1],
            p / s,
            1 / (CERTAIN * math.sqrt(variance)),
        )
        shrinkage, before_to_frame = (s / p) ** 2, 1 / alphas[1]
    return Memory(whole, parts, length, limit, shrinkage, 1 / alphas[0], before_to_frame, alpha_next * (1 - a))


def mixed(polynomial, c, h):
    """Weights between those of a polynomial and of a line, halfway in long steps, where each is better for some data.

    c: the line's weight of D_n - D_(n-1). docs/seeds_m.md, section 5.
    """
    share, total = min(1.0, (h / LONG) ** 2) / 2, math.fsum(polynomial)
    line = (total + c, -c, *(0.0 for _ in polynomial[2:]))
    return tuple((1 - share) * one + share * other for one, other in zip(polynomial, line, strict=True))


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

    order: 2, or 1, which uses no call before. eta_cap: eta is at most eta_cap / h^(2/3) (1 + (t / 3)^4) in a step of
    length h in lambda to the VE noise level t; left out: 0.4. guidance_limit: how strongly guidance is limited in steps
    too long for it, 0 is not at all; it acts where the model has an attribute `cond_denoised`: the conditional part,
    like x, of what it returned in its latest call (None where it does not know it; the same tensor as it returned where
    there is no guidance).
    """

    eta = ETA
    order = option(2, "2: uses the model call before, too. 1: does not.", least=1, most=2, whole=True, none=True)
    eta_cap = option(
        ETA_CAP,
        "Limits the noise in long steps: eta is at most this / h^(2/3) in a step of length h in lambda, and more in "
        "steps that end above the noise level 3.",
        above=0,
        none=True,
    )
    guidance_limit = option(1.0, "How strongly guidance is limited in steps too long for it. 0: not at all.", least=0)

    def plan(self, schedule: NoiseSchedule, sigmas: Sequence[float]) -> Plan:
        levels = [schedule.level(sigma) for sigma in sigmas if sigma > 0]
        alphas = [schedule.alpha(sigma) for sigma in sigmas]
        balance: Any = Balance(levels[0], levels[-1]) if levels else None
        steps: list[tuple[Stage, ...]] = []
        for n, interval in enumerate(pairwise(sigmas)):
            if interval[1] == 0:
                steps.append(denoise(interval[0]))
                break
            s, t = levels[n], levels[n + 1]
            form = DataForm(capped(self.eta, self.eta_cap, t, s), 1.0)
            memory = None
            if self.order == 2:
                past = slice(n, None if n < 3 else n - 3, -1)
                c, near = balance.step(form, t, s), [alphas[n + 1], *alphas[past]]
                memory = memory_of(form, t, levels[past], near, c, self.guidance_limit)
            deviation = alphas[n + 1] * self.s_noise * math.sqrt(form.variance(t, s))
            a, renewed = form.growth(t, s), -math.expm1(-(1 + form.eta) * lambda_step(t, s))
            weights = (alphas[n + 1] / alphas[n] * a,), (alphas[n + 1] * renewed,)
            noises = fresh(*interval, deviation, schedule.length(*interval))
            steps.append((Stage(*interval, *weights, noises, correction=memory),))
        return checked(Plan(tuple(steps)), "sigmas", "eta", "s_noise", "eta_cap")
