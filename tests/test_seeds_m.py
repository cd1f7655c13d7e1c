"""SEEDS-M: what its three principles promise, measured."""

import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from problems import (
    SIGMAS,
    X,
    curved_denoiser,
    final_variance,
    flow_model,
    gaussian_denoiser,
    mixture_denoiser,
    quick_first,
    responses,
    uniform_lambda,
)

from seeds_samplers.sampling import sample_seeds_1, sample_seeds_m
from seeds_samplers.sampling.schedule import NOISE_SCHEDULES
from seeds_samplers.sampling.solvers.seeds_m import ETA_CAP, SeedsM

OCTAVES = [2.0**k for k in range(-8, 9)]
UNCAPPED = 1e9


def plan(sigmas, eta=1.0, order=2, eta_cap=ETA_CAP, schedule="karras"):
    solver = SeedsM(eta=eta, order=order, eta_cap=eta_cap)
    return solver.plan(NOISE_SCHEDULES[schedule], [float(sigma) for sigma in sigmas])


def deviation_errors(sampler, sigmas, **options):
    """Relative errors of the final standard deviation on Gaussian data of each octave's variance."""
    variances = torch.tensor(OCTAVES, dtype=torch.float64)
    end = final_variance(sampler, sigmas, OCTAVES, **options)
    return (end / (variances + float(sigmas[-1]) ** 2)).sqrt() - 1


def test_one_condition_is_right_for_every_scale():
    """Steps of 0.88 in lambda, EDM's range, 17 octaves of variance, against order 1."""
    sigmas = uniform_lambda(12, 80, 0.002)
    ours = deviation_errors(sample_seeds_m, sigmas, eta_cap=UNCAPPED)
    order_1 = deviation_errors(sample_seeds_1, sigmas)
    assert ours.square().mean().sqrt() < 0.015 and order_1.square().mean().sqrt() > 0.3


@pytest.mark.parametrize("eta", [0, 0.5, 1])
def test_the_balance_holds_for_the_methods_own_points(eta):
    """The mean over log v of what is missing in each step's variance is zero, where the start does not cap it."""
    sigmas = uniform_lambda(8, 10, 0.1)
    steps = plan(sigmas, eta, eta_cap=UNCAPPED).steps
    v = np.exp(np.linspace(2 * math.log(0.1) - 6, 2 * math.log(10), 160))
    points, model = [], gaussian_denoiser(torch.from_numpy(v))
    options = dict(eta=eta, eta_cap=UNCAPPED, callback=lambda told: points.append(told["x"]))
    to_x, to_noise = responses(sample_seeds_m, model, sigmas, len(v), **options)
    points.append(torch.cat([to_x[None], to_noise]))
    variances = [point[0].numpy() ** 2 * (v + 100) + (point[1:] ** 2).sum(0).numpy() for point in points]
    for n in range(1, 8):
        (stage,), s, t = steps[n], float(sigmas[n]), float(sigmas[n + 1])
        kept = stage.state[0]
        total, shrinkage = v + t * t, (v + t * t) / (v + s * s)
        exact = shrinkage ** (1 + eta) * variances[n] + total * (1 - shrinkage**eta)
        missing = ((v / total) ** eta / total * (variances[n + 1] - exact)).sum()
        capped = stage.correction.whole.c == pytest.approx((1 - kept) / 2)
        assert (capped and missing < 0) or abs(missing) < 1e-9


@pytest.mark.parametrize("eta", [0, 0.4, 1])
@pytest.mark.parametrize("eta_cap", quick_first([None, UNCAPPED]))
def test_weak_order_2(eta, eta_cap):
    variances = [10 ** (k / 8) for k in range(-16, 9)]

    def error(steps):
        end = final_variance(sample_seeds_m, uniform_lambda(steps, 10.0, 0.1), variances, eta=eta, eta_cap=eta_cap)
        return (end / (torch.tensor(variances) + 0.01) - 1).abs().mean().item()

    errors = [error(steps) for steps in (64, 128, 256)]
    assert all(math.log2(coarse / fine) > 1.85 for coarse, fine in pairwise(errors)), errors


def test_order_2_of_the_ode_on_a_nonlinear_model():
    x = torch.linspace(-12, 12, 7, dtype=torch.float64)[None]

    def end(steps):
        return sample_seeds_m(curved_denoiser, x, uniform_lambda(steps, 10.0, 0.1), eta=0, disable=True)

    exact = end(2048)
    coarse, fine = ((end(steps) - exact).norm().item() for steps in (128, 256))
    assert math.log2(coarse / fine) > 1.75


def test_the_damping_never_acts_on_gaussian_data():
    """There d = J e exactly, 0 <= J <= 1: the run is affine, whatever mixture of variances an image has."""
    variances = torch.tensor(OCTAVES, dtype=torch.float64)
    model, sigmas = gaussian_denoiser(variances), uniform_lambda(10, 20, 0.05)
    to_x, to_noise = responses(sample_seeds_m, model, sigmas, len(OCTAVES))
    x = torch.randn(3, len(OCTAVES), dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * 20
    noise = torch.randn(len(to_noise), 3, len(OCTAVES), dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    draws = iter(noise)
    result = sample_seeds_m(model, x, sigmas, noise_sampler=lambda *_: next(draws), disable=True)
    torch.testing.assert_close(result, to_x * x + (to_noise[:, None] * noise).sum(0), rtol=1e-12, atol=1e-12)


def guided(weight):
    """Guidance between a mixture and one of its classes: a denoiser that no data have."""

    def model(x, sigma):
        level = sigma.view(-1, 1) ** 2
        one = (x + 4 * level) / (1 + level)
        return mixture_denoiser(x, sigma) * (1 - weight) + one * weight

    return model


@cache
def guided_end(weight, steps, **options):
    x = 14.6 * torch.randn(64, 16, generator=torch.Generator().manual_seed(4))
    sigmas = torch.cat([uniform_lambda(steps - 1, 14.6, 0.03), torch.zeros(1)])
    return sample_seeds_m(guided(weight), x, sigmas, seed=1, disable=True, **options)


@pytest.mark.parametrize("weight", [1, 3, 7, 12])
@pytest.mark.parametrize("steps", [4, 6, 8, 12, 20])
def test_guidance_does_not_make_it_blow_up(weight, steps):
    """The result stays as near to the converged one as that of order 1, which extrapolates nothing."""
    exact = guided_end(weight, 400)
    ours, order_1 = ((guided_end(weight, steps, order=order) - exact).square().mean().sqrt() for order in (2, 1))
    assert ours < 1.25 * order_1


def test_damping_is_for_each_image():
    """An image of a batch is the image alone, also where its neighbour is damped."""

    def model(x, sigma):
        calm = gaussian_denoiser(0.25)(x, sigma)
        return torch.where(torch.arange(len(x)).view(-1, 1, 1, 1) == len(x) - 1, calm, 8 * mixture_denoiser(x, sigma))

    whole = sample_seeds_m(model, X, SIGMAS, seed=[1, 2, 3], disable=True)
    torch.testing.assert_close(sample_seeds_m(model, X[2:], SIGMAS, seed=[3], disable=True), whole[2:])


def test_order_1_without_the_cap_is_seeds_1():
    given = dict(seed=3, disable=True)
    torch.testing.assert_close(
        sample_seeds_m(curved_denoiser, X, SIGMAS, order=1, eta_cap=UNCAPPED, **given),
        sample_seeds_1(curved_denoiser, X, SIGMAS, **given),
    )


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_the_flow_frame_is_the_same_method(eta):
    levels = uniform_lambda(7, 20, 0.05)
    x = torch.randn(2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(5)) * 20
    sigmas, given = levels / (1 + levels), dict(eta=eta, seed=1, disable=True)
    flow = sample_seeds_m(flow_model(mixture_denoiser), x * (1 - sigmas[0]), sigmas, noise_schedule="flow", **given)
    karras = sample_seeds_m(mixture_denoiser, x, levels, **given)
    torch.testing.assert_close(flow / (1 - sigmas[-1]), karras, rtol=1e-9, atol=1e-9)


def test_long_steps_renew_less_of_the_noise():
    for steps in (3, 8, 30):
        sigmas = uniform_lambda(steps, 80, 0.002)
        for (stage,), (s, t) in zip(plan(sigmas).steps, pairwise(sigmas.tolist()), strict=True):
            h = math.log(s / t)
            eta = min(1, ETA_CAP / h ** (2 / 3) * (1 + (t / 3) ** 4))
            assert stage.noise**2 == pytest.approx(-t * t * math.expm1(-2 * eta * h))
            assert stage.state[0] == pytest.approx((t / s) ** (1 + eta))


def test_results_that_do_not_change_and_half_precision():
    constant = lambda x, sigma: torch.ones_like(x)  # noqa: E731
    assert sample_seeds_m(constant, X, SIGMAS, disable=True).equal(torch.ones_like(X))
    half = sample_seeds_m(curved_denoiser, X.bfloat16(), SIGMAS, seed=1, disable=True)
    assert half.dtype == torch.bfloat16 and half.isfinite().all()


def test_autocast_changes_nothing():
    """The web UI samples under autocast; large latents would overflow in half precision."""
    x, given = 100 * torch.ones(2, 4, 64, 64), dict(seed=1, disable=True)
    plain = sample_seeds_m(mixture_denoiser, x, SIGMAS, **given)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(sample_seeds_m(mixture_denoiser, x, SIGMAS, **given), plain)
