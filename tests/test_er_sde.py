"""ER-SDE-Solvers against the paper's equations, with the integrals by mpmath."""

import math
from itertools import pairwise

import mpmath
import pytest
import torch
from problems import SIGMAS, X, curved_denoiser, flow_model, mixture_denoiser, uniform_lambda

from seeds_samplers.sampling import sample_er_sde, sample_seeds_1
from seeds_samplers.sampling.schedule import NOISE_SCHEDULES
from seeds_samplers.sampling.solvers.er_sde import NOISE_SCALES, ErSde, er_sde_terms

PHI = {
    "ode": lambda x: x,
    "sde": lambda x: x**2,
    "sde1": lambda x: x * (mpmath.exp(-1 / x) + 10),
    "sde2": lambda x: x ** mpmath.mpf(1.5),
    "sde3": lambda x: x ** mpmath.mpf(2.5),
    "sde4": lambda x: x ** mpmath.mpf("0.9") * mpmath.log10(1 + 100 * x ** mpmath.mpf(1.5)),
    "sde5": lambda x: x * (mpmath.exp(x ** mpmath.mpf("0.3")) + 10),
}


@pytest.mark.parametrize("name", PHI)
@pytest.mark.parametrize("interval", [(2.0, 5.0), (0.03, 0.05), (0.002, 80.0), (4.999, 5.0), (50.0, 900.0)])
def test_the_terms_of_a_step(name, interval):
    assert set(PHI) == set(NOISE_SCALES)
    t, s = interval
    phi = PHI[name]
    with mpmath.workdps(30):
        at_t, at_s, ratio = phi(mpmath.mpf(t)), phi(mpmath.mpf(s)), phi(mpmath.mpf(t)) / phi(mpmath.mpf(s))
        places = [t * (s / t) ** (k / 8) for k in range(9)]
        first = t - s + at_t * mpmath.quad(lambda u: 1 / phi(u), places)
        second = mpmath.mpf(t - s) ** 2 / 2 + at_t * mpmath.quad(lambda u: (u - s) / phi(u), places)
        variance = mpmath.mpf(t) ** 2 - (at_t / at_s * s) ** 2
    found = er_sde_terms(NOISE_SCALES[name], t, s)
    for value, exact, size in zip(
        found, (ratio, first, second, variance), (1, s - t, (s - t) ** 2, t * t), strict=True
    ):
        assert abs(value - float(exact)) <= 1e-12 * size


def reference(model, x, sigmas, order, phi, noise):
    """The equations of arXiv 2309.06169 as they stand, in the VE frame."""
    before, slope_before = [], None
    for s, t in pairwise(sigmas):
        denoised = model(x, x.new_full((len(x),), s))
        if t == 0:
            return denoised
        ratio, first, second, variance = (float(term) for term in er_sde_terms(phi, t, s))
        x = ratio * x + (1 - ratio) * denoised
        slope = (denoised - before[-1][1]) / (s - before[-1][0]) if before else None
        if order >= 2 and before:
            x = x + first * slope
        if order >= 3 and len(before) >= 2:
            x = x + second * (slope - slope_before) / ((s - before[-2][0]) / 2)
        x = x + math.sqrt(variance) * next(noise)
        before, slope_before = [*before, (s, denoised)], slope
    return x


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("name", PHI)
@pytest.mark.parametrize("end", [[0.0], []])
def test_the_sampler_is_the_equations(order, name, end):
    sigmas = [*uniform_lambda(7, 20, 0.05).tolist(), *end]
    x = X.double()
    noise = torch.randn(8, *x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    draws = iter(noise)
    found = sample_er_sde(
        mixture_denoiser, x, sigmas, order=order, noise_scale=name, noise_sampler=lambda *_: next(draws), disable=True
    )
    expected = reference(mixture_denoiser, x, sigmas, order, NOISE_SCALES[name], iter(noise))
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("name", "eta"), [("ode", 0.0), ("sde", 1.0)])
def test_order_1_is_seeds_1(name, eta):
    given = dict(seed=3, disable=True)
    torch.testing.assert_close(
        sample_er_sde(curved_denoiser, X, SIGMAS, order=1, noise_scale=name, **given),
        sample_seeds_1(curved_denoiser, X, SIGMAS, eta=eta, **given),
    )


def test_a_function_of_ones_own_and_the_flow_frame():
    levels = uniform_lambda(7, 20, 0.05)
    x = torch.randn(2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(5)) * 20
    sigmas, given = (
        levels / (1 + levels),
        dict(seed=1, disable=True, noise_scale=lambda level: level * math.exp(level**0.3)),
    )
    flow = sample_er_sde(flow_model(mixture_denoiser), x * (1 - sigmas[0]), sigmas, noise_schedule="flow", **given)
    karras = sample_er_sde(mixture_denoiser, x, levels, **given)
    torch.testing.assert_close(flow / (1 - sigmas[-1]), karras, rtol=1e-9, atol=1e-9)


def test_a_scale_that_falls_is_refused():
    """math.md, section 9: the fourth breaks the condition above 1022."""
    with pytest.raises(
        ValueError, match=r"^noise_scale: phi\(s\)/s falls from .* at 2000.0 to .* at 3000.0; expected no fall"
    ):
        sample_er_sde(curved_denoiser, X, torch.tensor([3000.0, 2000.0, 0.0]), noise_scale="sde4", disable=True)


def test_orders_without_noise():
    """1, 2 and 2: the third, nearer by far, starts with a step of the first order, and that error is of the second."""
    x = torch.linspace(-12, 12, 7, dtype=torch.float64)[None]

    def end(steps, order):
        sigmas = uniform_lambda(steps, 10.0, 0.1)
        return sample_er_sde(curved_denoiser, x, sigmas, order=order, noise_scale="ode", disable=True)

    exact = end(4096, 3)
    errors = [[(end(steps, order) - exact).norm().item() for steps in (128, 256)] for order in (1, 2, 3)]
    slopes = [math.log2(coarse / fine) for coarse, fine in errors]
    assert all(slope > order - 0.15 for slope, order in zip(slopes, (1, 2, 2), strict=True)), slopes
    assert errors[0][1] > 10 * errors[1][1] and errors[1][1] > 1.5 * errors[2][1]


class TestSplit:
    """A run cut in two: the second has no history, and is the same run again two steps later but for that."""

    SIGMAS = uniform_lambda(12, 20, 0.05).tolist()

    @pytest.mark.parametrize("order", [1, 2, 3])
    def test_a_step_is_planned_from_the_levels_that_have_been(self, order):
        def stages(sigmas):
            return ErSde(order=order).plan(NOISE_SCHEDULES["karras"], sigmas).steps

        def move(steps, n):
            """What step n adds up: the factor of x and those of the results of the calls, the newest first."""
            calls = range(n, max(-1, n - order), -1)
            return steps[n][0].state[0], [steps[n - k][0].denoised[k] for k, _ in enumerate(calls)], steps[n][0].noise

        whole, first, second = stages(self.SIGMAS), stages(self.SIGMAS[:6]), stages(self.SIGMAS[5:])
        assert [move(first, n) for n in range(5)] == [move(whole, n) for n in range(5)]
        again = order - 1  # steps without the history that the whole run has
        assert [move(second, n) for n in range(again, 7)] == [move(whole, n + 5) for n in range(again, 7)]
        assert order == 1 or move(second, 0) != move(whole, 5)

    def test_without_noise_the_order_is_2_whatever_the_cut(self):
        x = torch.linspace(-12, 12, 7, dtype=torch.float64)[None]

        def end(steps, cut):
            given, sigmas = dict(noise_scale="ode", disable=True), uniform_lambda(steps, 10.0, 0.1)
            half = sample_er_sde(curved_denoiser, x, sigmas[: cut + 1], **given)
            return sample_er_sde(curved_denoiser, half, sigmas[cut:], **given)

        exact = end(4096, 0)
        coarse, fine = ((end(steps, steps // 2) - exact).norm().item() for steps in (128, 256))
        assert math.log2(coarse / fine) > 1.85
