"""SEEDS-M on problems where its memory acts, against the formulas of docs/seeds_m.md written out once more."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from problems import Guided, uniform_lambda

from seeds_samplers.sampling import NoisePath, sample_seeds_2, sample_seeds_m
from seeds_samplers.sampling.schedule import NOISE_SCHEDULES
from seeds_samplers.sampling.solvers.seeds_m import SeedsM


def trace(model, x, levels, eta, draws, **options):
    """The run by SEEDS-M, VE frame, and what the model said: (result, [(x, D, C or None)])."""
    seen, noise = [], iter(draws)

    def traced(x, sigma):
        denoised = model(x, sigma)
        traced.cond_denoised = getattr(model, "cond_denoised", None)
        cond = traced.cond_denoised
        seen.append([one if one is None else one.double().numpy() for one in (x, denoised, cond)])
        return denoised

    end = sample_seeds_m(traced, x, levels, eta=eta, noise_sampler=lambda *_: next(noise), disable=True, **options)
    return end.numpy(), seen


class Changing(Guided):
    """Counts its calls, from 1; `change` writes to what it has said."""

    calls = 0

    def __call__(self, x, sigma):
        denoised = super().__call__(x, sigma)
        self.calls += 1
        self.change(denoised)
        return denoised


class Late(Changing):
    """The first image's result does not change before the fourth call."""

    def change(self, denoised):
        if self.calls < 4:
            denoised[0] = 3.0
            if self.tells:
                self.cond_denoised[0] = 2.0


class Sometimes(Changing):
    """Does not tell the conditional part of its fourth result."""

    def change(self, denoised):
        if self.calls == 4:
            self.cond_denoised = None


class Interval(Changing):
    """The first image has guidance from the third call to the sixth, the second image in all but the fifth."""

    def change(self, denoised):
        for image, without in enumerate((self.calls not in range(3, 7), self.calls == 5)):
            if self.tells and without:
                denoised[image] = self.cond_denoised[image]


def quotient(a, b):
    """0 for 0 / 0."""
    return np.divide(a, b, out=np.zeros_like(a), where=b != 0)


def inner(a, b):
    return (a * b).reshape(len(a), -1).sum(1).reshape(-1, *[1] * (a.ndim - 1))


def weights(levels, t, eta):
    """By Simpson's rule over lambda, of the polynomial through asinh(2 level)."""
    nodes = np.arcsinh(2 * np.array(levels))
    tau = np.exp(np.linspace(math.log(levels[0]), math.log(t), 4001))
    simpson = np.ones(4001)
    simpson[1:-1:2], simpson[2:-1:2] = 4, 2
    measure = simpson * math.log(levels[0] / t) / 4000 / 3 * (1 + eta) * (t / tau) ** (1 + eta)
    rows = [
        np.prod([(np.arcsinh(2 * tau) - other) / (node - other) for other in nodes if other != node], axis=0)
        * np.ones_like(tau)
        for node in nodes
    ]
    return [float((row * measure).sum()) for row in rows]


def by_hand(seen, levels, n, eta, cap, most):
    """y at levels[n + 1] less its noise, from what the model said up to step n."""
    s, t = levels[n], levels[n + 1]
    h = math.log(s / t)
    eta = min(eta, cap / h ** (2 / 3) * (1 + (t / 3) ** 4))
    a = math.exp(-(1 + eta) * h)
    y, d_now, cond = seen[n]
    start = n  # of the calls that told as much as this one
    while start and (seen[start - 1][2] is None) == (cond is None):
        start -= 1
    if n == start:
        return a * y + (1 - a) * d_now
    p = levels[n - 1]
    y_p, d_p, cond_p = seen[n - 1]
    rho_level = (s / p) ** 2
    if cond is None:
        d, e = d_now - d_p, y - d_p - rho_level * (y_p - d_p)
        theta = np.minimum(1, abs(quotient(inner(d, e), inner(d, d))) / min(1, (1 + eta) * h))
        # the weight of a line in s^2: an exact integral of (1 + eta) (t / tau)^(1 + eta) (s^2 - tau^2) over lambda
        least = ((1 - a) * s * s - (1 + eta) / (1 - eta) * (a * s * s - t * t)) / (p * p - s * s) if eta != 1 else None
        if least is None:
            least = ((1 - a) * s * s - 2 * t * t * h) / (p * p - s * s)
        share = np.maximum(min(most, least), theta * most)
        if n > start + 1:
            d_before = d_p - seen[n - 2][1]
            back = (1 - theta) * np.clip(-quotient(inner(d, d_before), inner(d_before, d_before)), 0, 1)
            share = (1 - back) * share - back * (1 - a) / (3 + a)
        return a * y + (1 - a) * d_now + share * d
    g, g_p = d_now - cond, d_p - cond_p
    e, change = y - cond_p - rho_level * (y_p - cond_p), g - g_p
    size = inner(change, change)
    root_mean_square = np.sqrt(size / y[0].size)
    renewed = s * math.sqrt(1 - rho_level)
    stiffness = np.minimum(quotient(size, abs(inner(change, e))), 4 * root_mean_square / renewed)
    along = (1 + ((1 + eta) * h * p / s * stiffness) ** 4) ** -0.25
    past = [seen[k][2] for k in range(n, max(start - 1, n - 3), -1)]
    parabola = weights(levels[n::-1][: len(past)], t, eta)
    line = [1 - a + most, -most, 0.0][: len(past)]
    share = min(1, (h / 0.6) ** 2) / 2
    conditional = sum(((1 - share) * w + share * v) * c for w, v, c in zip(parabola, line, past, strict=True))
    two = weights([s, p], t, eta)
    guidance = two[0] * g + two[1] * g_p
    stiff = quotient(inner(guidance, change), size) * change
    extrapolated = along * stiff + np.sqrt(along) * (guidance - stiff)
    goes_on = (inner(g, g) > 0) & (inner(g_p, g_p) > 0)
    return a * y + conditional + np.where(goes_on, extrapolated, (1 - a) * g)


@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize(
    "model, weight, slope",
    [(Guided, 1, 0.0), (Guided, 3, 0.0), (Guided, 6, 0.5), (Late, 3, 0.0), (Sometimes, 3, 0.0), (Interval, 3, 0.0)],
)
@pytest.mark.parametrize("eta, cap", [(0.0, 0.2), (0.6, 0.2), (1.0, 1e9)])
def test_each_step_is_the_formula(tells, model, weight, slope, eta, cap):
    levels = uniform_lambda(9, 12, 0.2).double()
    generator = torch.Generator().manual_seed(1)
    draws = torch.randn(9, 3, 2, 4, dtype=torch.float64, generator=generator)
    x = 12 * torch.randn(3, 2, 4, dtype=torch.float64, generator=generator)
    end, seen = trace(model(weight, tells, slope), x, levels, eta, draws, eta_cap=cap)
    plan = SeedsM(eta=eta, eta_cap=cap).plan(NOISE_SCHEDULES["karras"], levels.tolist())
    points = [y for y, _, _ in seen[1:]] + [end]
    for n, point in enumerate(points):
        (stage,) = plan.steps[n]
        most = stage.correction.whole.c if stage.correction.whole else 0.0  # the balance, tested in test_seeds_m.py
        noise = stage.noise * draws[n].numpy() if eta else 0.0
        expected = by_hand(seen, levels.tolist(), n, eta, cap, most) + noise
        np.testing.assert_allclose(point, expected, rtol=1e-7, atol=1e-7, err_msg=f"step {n}")


def test_the_weight_is_at_most_that_of_adams_and_bashforth():
    """The start would take more; no step does."""
    steps = SeedsM(eta_cap=1e9).plan(NOISE_SCHEDULES["karras"], uniform_lambda(8, 80, 0.002).tolist()).steps
    shares = [stage.correction.whole.c / (1 - stage.state[0]) for (stage,) in steps if stage.correction.whole]
    assert max(shares) == pytest.approx(0.5) and min(shares) < 0.49


def bimodal(x, sigma):
    """The denoiser of data at -1 and 1 with standard deviation 0.2."""
    level = sigma.view(-1, 1) ** 2
    return (0.04 * x + level * torch.tanh(x / (0.04 + level))) / (0.04 + level)


class Bimodal:
    def __init__(self, tells):
        self.tells = tells

    def __call__(self, x, sigma):
        denoised = bimodal(x, sigma)
        self.cond_denoised = denoised if self.tells else None
        return denoised


@pytest.mark.slow
@pytest.mark.parametrize("tells", [True, False])
def test_weak_order_2_on_a_nonlinear_problem(tells):
    """E x^2, which is 1.0425 in truth, with everything switched on; the standard error is 0.0004."""
    images = 1 << 18

    def error(steps):
        total = 0.0
        for seed in range(4):
            generator = torch.Generator().manual_seed(seed)
            normal = lambda: torch.randn(images, 1, generator=generator, dtype=torch.float64)  # noqa: E731, B023
            data = torch.randint(0, 2, (images, 1), generator=generator) * 2 - 1 + 0.2 * normal()
            x, sigmas = data + 5 * normal(), uniform_lambda(steps, 5, 0.05)
            end = sample_seeds_m(Bimodal(tells), x, sigmas, noise_sampler=lambda *_: normal(), disable=True)  # noqa: B023
            total += end.square().mean().item() / 4
        return abs(total - 1.0425)

    errors = [error(steps) for steps in (8, 16, 32)]
    assert errors[0] < 0.03  # measured: 0.025 and less
    assert all(fine < max(coarse / 3, 0.0012) for coarse, fine in pairwise(errors)), errors


class Tilted:
    """Guidance 3 from a Gaussian towards the two modes of the same variance."""

    def __call__(self, x, sigma):
        self.cond_denoised = bimodal(x, sigma)
        return 3 * self.cond_denoised - 2 * x * 1.04 / (1.04 + sigma.view(-1, 1) ** 2)


@pytest.mark.slow
def test_weak_order_2_with_guidance_on_a_nonlinear_problem():
    """E x^2 less that of a converged run on the same paths; the standard error is 0.0002."""
    x = 5 * torch.randn(1 << 17, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    noise = NoisePath(x, 1)

    def square(function, steps, **options):
        sigmas = uniform_lambda(steps, 5, 0.05)
        return function(Tilted(), x, sigmas, noise_sampler=noise, disable=True, **options).square().mean().item()

    exact = square(sample_seeds_2, 384, variant="2s")
    errors = [abs(square(sample_seeds_m, steps) - exact) for steps in (16, 32, 64)]
    assert all(fine < max(coarse / 3, 0.0006) for coarse, fine in pairwise(errors)), errors
