"""From sigmas and options to a plan: all numbers of a run, as Python floats, before the first model call.

A method is written as the points of a step (fractions of its length in lambda) and, for each point after the first,
the weights of the predictions known by then. `step_stages` turns that into what the loop in solver.py does.
"""

import math
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count, pairwise

import numpy as np

from .brownian import Clock, path_clock
from .checks import choice, number
from .memory import Memory
from .prediction import lambda_step, polynomial_weights

LARGEST = 1e38  # float32 holds a little more
AMPLIFIED = 1e30  # x itself may be large
NEAR = 0.01  # to 2/3, see seeds_3
SHORTEST = 1e-4  # way to a second model call: float32 loses the difference of predictions that are closer
LOST = sys.float_info.min  # a product of two deviations


@dataclass(frozen=True)
class Pair:
    """Two correlated Gaussians, drawn at the step's first stage: one completes the next point, one the step's end.

    From a noise path, with I its increment over the step and J its integral (NoisePath.with_integral), the one for the
    next point is path[0] I + path[1] J, the one for the end `deviation` I. From unit normals of the step's two parts,
    independent, they are the sums with the weights `next_point` and `end`: the same covariance.
    """

    sigma_end: float
    deviation: float
    path: tuple[float, float]
    next_point: tuple[float, float]
    end: tuple[float, float]


@dataclass(frozen=True)
class Stage:
    """One model call, at `sigma`, and the move to `sigma_next` that follows it (both in the host's sigma).

    The call's input x and its result D are spent at once: state[k] * x + denoised[k] * D is added to the point that
    is reached k stages later, k = 0 being sigma_next. `noise` is the standard deviation of the Gaussian of the
    interval (sigma, sigma_next) that completes the point at sigma_next. `memory` says what a method that looks back on
    earlier calls adds to the next point. `pair` stands in place of the noise of this stage and the next.
    """

    sigma: float
    sigma_next: float
    state: tuple[float, ...]
    denoised: tuple[float, ...]
    noise: float = 0.0
    memory: Memory | None = None
    pair: Pair | None = None


def denoise(sigma):
    """The last step, from sigma to 0: what the model returns."""
    return (Stage(sigma, 0.0, (0.0,), (1.0,)),)


@dataclass(frozen=True)
class Plan:
    """The stages of every step."""

    steps: tuple[tuple[Stage, ...], ...]

    @property
    def model_calls(self):
        return sum(map(len, self.steps))

    @property
    def draws(self):
        """How many Gaussians of x's size the run needs."""
        return sum(2 if stage.pair else stage.noise != 0 for step in self.steps for stage in step)

    @cached_property
    def deviation(self):
        """The largest standard deviation of x on its way, from noise at first, where the model returns 0.

        x is a sum of independent Gaussians: what there is at first, and one for each that is drawn.
        """
        stages = [stage for step in self.steps for stage in step]
        now, sums, drawn = np.zeros(1 + self.draws), [], count(1)
        now[0] = most = stages[0].sigma if stages else 0.0
        for stage in stages:
            sums += [np.zeros_like(now) for _ in stage.state[len(sums) :]]
            sums = [total + factor * now for total, factor in zip(sums, stage.state, strict=True)]
            now = sums.pop(0)
            if stage.pair:
                for here, later in zip(stage.pair.next_point, stage.pair.end, strict=True):
                    k = next(drawn)
                    now[k], sums[0][k] = here, later
            elif stage.noise:
                now[next(drawn)] = stage.noise
            most = max(most, float(np.linalg.norm(now)))
        return most


@dataclass(frozen=True)
class Method:
    """A one-step method: `points` are fractions of the step in lambda, from 0 to 1; each but the first has a rule.

    A rule maps (form, t, s) to the weights of the predictions at points 0, 1, ... in the integral from s to t.
    two_noises: of the two rules' points the first has the noise whose effect on the second is right to first order.
    options: the names of those that say where the points are.
    """

    points: tuple[float, ...]
    rules: tuple
    two_noises: bool = False
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Through:
    """The rule of the polynomial through the predictions at points number `nodes` of `points`.

    points: fractions of the step up to the one that is reached, the last one.
    """

    nodes: tuple[int, ...]
    points: tuple[float, ...]

    def __call__(self, form, t, s):
        *known, target = self.points
        weights = [0.0] * len(known)
        fractions = [known[j] / target for j in self.nodes]
        for j, weight in zip(self.nodes, polynomial_weights(form, t, s, fractions), strict=True):
            weights[j] = weight
        return weights


@dataclass(frozen=True)
class Midpoint:
    """The rule of the paper's SEEDS-2: the prediction at r in place of the polynomial's."""

    r: float

    def __call__(self, form, t, s):
        (whole,) = polynomial_weights(form, t, s, [0.0])
        return [whole - whole / (2 * self.r), whole / (2 * self.r)]


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

    def __call__(self, form, t, s):
        first, second = self.through(form, t, s)
        _, r_1, r_2 = self.through.points
        middle = max(t, s * math.exp(-r_1 / r_2 * lambda_step(t, s)))
        more = self.share * polynomial_weights(form, middle, s, [0.0, 1.0])[1]
        return [first - more, second + more]


def seeds_1():
    """SEEDS-1 (arXiv 2305.14267, Algorithm 2): one model call a step."""
    return Method((0.0, 1.0), (Through((0,), (0.0, 1.0)),))


def seeds_2(r, variant):
    """SEEDS-2: "2a" is the paper's Algorithm 3, "2b" the polynomial through both predictions, "2s" with two noises.

    The noise of the stage of "2s", a multiple of the path's integral, has the right mean square too only if its point
    is at 3/4, as in Roessler's SRA1 (SIAM J. Numer. Anal. 48, 2010): r is not used.
    """

    r = number("r", r, least=SHORTEST, most=1)
    two_noises = choice("variant", variant, ("2a", "2b", "2s")) == "2s"
    r = 0.75 if two_noises else r
    last = Midpoint(r) if variant == "2a" else Through((0, 1), (0.0, r, 1.0))
    return Method((0.0, r, 1.0), (Through((0,), (0.0, r)), last), two_noises, ("r",))


def seeds_3(r_1, r_2, variant):
    """SEEDS-3: "3a" has the drift of the paper's Algorithm 4, "3b" the polynomial through all three predictions.

    "3a" is of order 3 without noise for r_2 = 2/3, else of order 2. "3b" is of order 3, its third point balancing the
    second, but where r_1 is closer to 2/3 than NEAR: there the weight of the third prediction vanishes with the step.
    """
    r_2 = number("r_2", r_2, above=0, most=1)
    r_1 = number("r_1", r_1, least=SHORTEST, below=1)
    if r_1 >= r_2:
        raise ValueError(f"r_2: {r_2}; expected more than r_1, {r_1}")
    points = (0.0, r_1, r_2, 1.0)
    rules = {"3a": Through((0, 2), points), "3b": Through((0, 1, 2), points)}
    last = rules[choice("variant", variant, rules)]
    third = Through((0, 1), points[:3])
    if variant == "3b" and r_2 != 2 / 3 and abs(r_1 - 2 / 3) > NEAR:
        third = Balancing(third, r_2 * (3 * r_2 - 2) / (r_1 * (2 - 3 * r_1)))
    return Method(points, (Through((0,), points[:2]), third, last), options=("r_1", "r_2"))


def step_stages(method, form, schedule, sigma, sigma_next, s_noise):
    """The stages of one step from sigma to sigma_next > 0, both in the host's sigma.

    From one point to the next, y_next = growth y + sum of d_j P_j + fresh noise, where d_j is what the weights of the
    point have beyond those, grown, of the point before. So the noise in y is carried along by y itself: the stages
    share one path for any points, and no running sum of the noise is kept.
    """
    s, t = schedule.level(sigma), schedule.level(sigma_next)
    h = lambda_step(t, s)
    levels = [s, *(t if c == 1 else max(t, s * math.exp(-c * h)) for c in method.points[1:-1]), t]
    sigmas = [sigma, *(schedule.sigma_of(level) for level in levels[1:-1]), sigma_next]
    alphas = [schedule.alpha(value) for value in sigmas]
    size = len(method.rules)
    state, denoised = [[[] for _ in range(size)] for _ in range(2)]
    noise, before = [], [0.0] * size
    for k, rule in enumerate(method.rules):
        start = 0 if method.two_noises else k
        u, previous, alpha = levels[k + 1], levels[start], alphas[k + 1]
        growth = form.growth(u, previous)
        weights = rule(form, u, s)
        for j, weight in enumerate(weights):
            of_state, of_denoised = form.from_model(levels[j])
            gain = weight - growth * before[j]
            state[j].append(alpha / alphas[j] * (gain * of_state + (growth if j == start else 0.0)))
            denoised[j].append(alpha * gain * of_denoised)
        if method.two_noises:
            noise.append(0.0)
        else:
            noise.append(alpha * s_noise * math.sqrt(form.variance(u, previous)))
            before[: k + 1] = weights
    stages = [Stage(sigmas[j], sigmas[j + 1], tuple(state[j]), tuple(denoised[j]), noise[j]) for j in range(size)]
    if method.two_noises and form.eta * s_noise:
        deviation = s_noise * math.sqrt(form.variance(t, s))
        stages[0] = replace(stages[0], pair=pair_of(form, levels, sigma_next, deviation, alphas, weights[1]))
    return tuple(stages)


def pair_of(form, levels, sigma_end, deviation, alphas, weight):
    """The two Gaussians of a step over VE noise levels s, m, t; `deviation` is the noise's of the whole step.

    The stage's noise N_u is such that weight N_u, weight being that of the prediction at m, is the integral over [s, t]
    of the kernel times the noise up to tau: 1 + eta times the deviation times J, for any form. alphas: at s, m and t.
    None where the noise is lost in any latent, and the squares of its numbers in floats.
    """
    s, m, t = levels
    first, second = form.growth(t, m) * math.sqrt(form.variance(m, s)), math.sqrt(form.variance(t, m))
    whole = math.hypot(first, second)
    if whole * deviation < LOST:
        return None
    first, second = first / whole, second / whole
    interval = -math.log(s), -math.log(t)
    slope, rest = Clock(form).integral_given_increment(*interval)
    of_path, rest_of_path = path_clock(form).integral_given_increment(*interval)
    integral, increment = alphas[1] * (1 + form.eta) * deviation / weight, alphas[2] * deviation
    share = rest / rest_of_path  # 1, but where the path runs in another clock, that of a smaller eta
    ahead = math.copysign(rest, slope)  # of two paths with one end, the integral is larger where the path rises first
    of_integral = slope * first + ahead * second, slope * second - ahead * first
    return Pair(
        sigma_end, increment, (integral * (slope - share * of_path), integral * share),
        (integral * of_integral[0], integral * of_integral[1]), (increment * first, increment * second),
    )  # fmt: skip


def amplification(plan):
    """What a run makes of x = 1, at most on its way, where the model returns 0 and there is no noise.

    That is what it does to structures finer than the noise. They shrink if the steps are short enough; in long ones
    explicit solvers enlarge them, some of them by more than a number can hold.
    """
    now, sums, most = 1.0, [], 0.0
    for stage in (stage for step in plan.steps for stage in step):
        sums += [0.0] * (len(stage.state) - len(sums))
        sums = [total + factor * now for total, factor in zip(sums, stage.state, strict=True)]
        now = sums.pop(0)
        most = max(most, abs(now))
    return most


def checked(plan, *names):
    """The plan, if float32 holds all of its numbers; ValueError if options (of these names) made one too extreme."""
    if not amplification(plan) <= AMPLIFIED:
        raise ValueError(f"{', '.join(names)}: with them x grows by a factor of more than {AMPLIFIED:.0e} on its way")
    for i, stage in enumerate(stage for step in plan.steps for stage in step):
        of_pair = (stage.pair.deviation, *stage.pair.path) if stage.pair else ()
        for value in (*stage.state, *stage.denoised, stage.noise, *of_pair):
            if not abs(value) <= LARGEST:
                reason = f"make a factor of {value} at model call {i}"
                raise ValueError(f"{', '.join(names)}: they {reason}; expected factors of at most {LARGEST:.0e}")
    return plan


def one_step_plan(method, form, schedule, sigmas, s_noise=1.0):
    """The plan of a one-step method over the host's sigmas, a list of checked floats; a last sigma of 0 returns D."""
    steps = []
    for sigma, sigma_next in pairwise(sigmas):
        if sigma_next == 0:
            steps.append(denoise(sigma))
        else:
            steps.append(step_stages(method, form, schedule, sigma, sigma_next, s_noise))
    return checked(Plan(tuple(steps)), "sigmas", "eta", "s_noise", *method.options)
