"""Measured orders, on Gaussian data: there everything is affine, so impulse responses replace Monte Carlo."""

import math
from functools import cache

import pytest
import torch
from problems import (
    METHODS,
    PREDICTIONS,
    curved_denoiser,
    final_variance,
    gaussian_denoiser,
    mixture_denoiser,
    quick_first,
    responses,
    uniform_lambda,
)

from seeds_samplers.sampling import sample_seeds_3

VARIANCE, START, STOP = 0.25, 10.0, 0.1


def variance_error(method, steps, variances=(VARIANCE,), **options):
    """The mean relative error of the final variance over data of several variances."""
    sampler, variant = METHODS[method]
    end = final_variance(sampler, uniform_lambda(steps, START, STOP), variances, **variant, **options)
    return (end / (torch.tensor(variances, dtype=torch.float64) + STOP**2) - 1).abs().mean().item()


@pytest.mark.parametrize(
    "eta, method, slope, error",
    [
        (0, "SEEDS-1", 0.95, 6.7e-2),
        (0, "SEEDS-2a", 1.96, 2.4e-3),
        (0, "SEEDS-2b", 1.99, 8.2e-4),
        (0, "SEEDS-3a", 2.79, 6.1e-6),
        (1, "SEEDS-1", 0.88, 1.3e-1),
        (1, "SEEDS-2a", 1.88, 9.3e-3),
        (1, "SEEDS-2b", 1.94, 3.2e-3),
        (1, "SEEDS-3a", 1.40, 7.1e-4),
    ],
)
def test_the_data_forms_errors_are_those_of_the_table(eta, method, slope, error):
    coarse, fine = (variance_error(method, steps, eta=eta) for steps in (16, 32))
    assert (f"{fine:.1e}", f"{math.log2(coarse / fine):.2f}") == (f"{error:.1e}", f"{slope:.2f}")


def test_other_stage_points_keep_the_order():
    """math.md, section 7: with the coefficients that the paper prints, r = (0.2, 0.7) would not."""
    coarse, fine = (variance_error("SEEDS-3a", steps, eta=1, r_1=0.2, r_2=0.7) for steps in (16, 32))
    assert (f"{fine:.1e}", f"{math.log2(coarse / fine):.2f}") == ("6.0e-04", "1.84")


SPREAD = tuple(10 ** (k / 8) for k in range(-16, 9))


@pytest.mark.parametrize("prediction", quick_first(PREDICTIONS))
@pytest.mark.parametrize("eta", quick_first([0, 1, 0.4, 2], 2))
@pytest.mark.parametrize("method", METHODS)
def test_weak_order(method, eta, prediction):
    """The slope of the variance's error reaches the order that the solver declares.

    The mean error over many data variances: that of a single one changes its sign at some number of steps.
    """
    sampler, _ = METHODS[method]
    order = sampler.weak_order if eta else sampler.ode_order
    options = {"eta": eta, "prediction": prediction, "sigma_data": 0.8}
    coarse, fine = (variance_error(method, steps, SPREAD, **options) for steps in (128, 256))
    assert math.log2(coarse / fine) > order - 0.2


@cache
def curved_end(method, steps, prediction):
    """Where the ODE of the curved denoiser ends."""
    sampler, variant = METHODS[method]
    x = torch.linspace(-12, 12, 7, dtype=torch.float64)[None]
    options = {**variant, "eta": 0, "prediction": prediction, "sigma_data": 0.8, "disable": True}
    return sampler(curved_denoiser, x, uniform_lambda(steps, START, STOP), **options)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("method", METHODS)
def test_order_of_the_ode_on_a_nonlinear_model(method, prediction):
    exact = curved_end("SEEDS-3a", 1024, "data")
    coarse, fine = ((curved_end(method, steps, prediction) - exact).norm().item() for steps in (64, 128))
    assert math.log2(coarse / fine) > METHODS[method][0].ode_order - 0.25


STAGES = [(1 / 3, 2 / 3), (0.5, 2 / 3), (0.3, 0.5), (0.1, 0.9), (0.2, 0.7), (0.25, 0.75), (0.05, 0.2), (0.4, 0.6)]
STAGES += [(0.5, 1), (0.6, 1), (0.7, 0.9), (0.8, 1), (2 / 3, 0.9)]


def way(steps, **options):
    """Where SEEDS-3 without noise is at 16 levels on its way, (16, 7)."""
    x, seen = torch.linspace(-12, 12, 7, dtype=torch.float64)[None], []
    options = dict(eta=0, sigma_data=0.8, disable=True, callback=lambda step: seen.append(step["x"])) | options
    end = sample_seeds_3(mixture_denoiser, x, uniform_lambda(steps, START, STOP), **options)
    return torch.cat([*seen, end])[:: steps // 16][1:]


EXACT = way(1024)


@pytest.mark.parametrize("prediction", quick_first(PREDICTIONS))
@pytest.mark.parametrize("variant", ["3a", "3b"])
@pytest.mark.parametrize(("r_1", "r_2"), quick_first(STAGES, 6))
def test_the_order_of_seeds_3_without_noise(r_1, r_2, variant, prediction):
    """3a: 3 for r_2 = 2/3, else 2. 3b: 3, but for r_1 = 2/3, where no weights with these points have that order."""
    given = dict(r_1=r_1, r_2=r_2, variant=variant, prediction=prediction)
    coarse, fine = ((way(steps, **given) - EXACT).norm().item() for steps in (64, 128))
    order = 3 if r_2 == 2 / 3 or (variant == "3b" and r_1 != 2 / 3) else 2
    assert math.log2(coarse / fine) == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize("prediction", quick_first(PREDICTIONS))
@pytest.mark.parametrize("eta", [0.5, 1])
@pytest.mark.parametrize(("r_1", "r_2"), quick_first([(0.3, 0.5), (0.1, 0.9), (0.5, 1)]))
def test_other_stage_points_keep_the_weak_order_of_3b(r_1, r_2, eta, prediction):
    options = dict(r_1=r_1, r_2=r_2, eta=eta, prediction=prediction, sigma_data=0.8)
    coarse, fine = (variance_error("SEEDS-3b", steps, SPREAD, **options) for steps in (128, 256))
    assert math.log2(coarse / fine) > 1.8


@pytest.mark.parametrize("sign", [-1, 1])
def test_where_3b_is_of_order_3_it_gains_by_it(sign):
    """The weight for it grows without bound towards r_1 = 2/3: so it is left out within 0.01, where 32 steps lose."""
    beyond, within, there = (
        (way(32, r_1=2 / 3 + sign * distance, r_2=0.9, variant="3b") - EXACT).norm() for distance in (0.0101, 0.0099, 0)
    )
    assert 0.6 * there < beyond < 0.9 * there < within < 1.1 * there


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("eta", [0, 0.5, 1, 3])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_v_form_is_exact_on_gaussian_data(method, eta, steps):
    """Its prediction is zero there: any number of steps gives the exact final variance."""
    sampler, variant = METHODS[method]
    options = {**variant, "eta": eta, "prediction": "v", "sigma_data": math.sqrt(VARIANCE)}
    sigmas = uniform_lambda(steps, 80.0, 0.02)
    end = final_variance(sampler, sigmas, [VARIANCE], **options).item()
    assert end == pytest.approx(VARIANCE + 0.02**2, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("s_noise", [0, 0.5, 1.1])
def test_s_noise_scales_the_response_to_noise_and_nothing_else(method, s_noise):
    sampler, variant = METHODS[method]
    sigmas, model = uniform_lambda(4, START, STOP), gaussian_denoiser(VARIANCE)
    to_x, to_noise = responses(sampler, model, sigmas, **variant)
    scaled_x, scaled_noise = responses(sampler, model, sigmas, s_noise=s_noise, **variant)
    assert torch.equal(scaled_x, to_x)
    assert len(scaled_noise) == (len(to_noise) if s_noise else 0)
    if s_noise:
        torch.testing.assert_close(scaled_noise, s_noise * to_noise, rtol=1e-13, atol=0)
