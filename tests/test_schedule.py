"""Noise schedules and step schedules."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from problems import METHODS, PREDICTIONS, curved_denoiser, flow_model, uniform_lambda

from seeds_samplers.sampling import (
    SAMPLERS,
    sigmas_flow,
    sigmas_karras,
    sigmas_seeds,
    sigmas_uniform_lambda,
    steps_for_model_calls,
)
from seeds_samplers.sampling.calls import model_calls_for_steps
from seeds_samplers.sampling.schedule import NOISE_SCHEDULES, falling


@given(st.floats(1e-9, 1 - 1e-9))
def test_the_flow_schedule_and_its_inverse(sigma):
    flow = NOISE_SCHEDULES["flow"]
    assert flow.sigma_of(flow.level(sigma)) == pytest.approx(sigma, rel=1e-12)
    assert flow.level(sigma) == sigma / (1 - sigma)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("eta", [0, 0.6, 1])
@pytest.mark.parametrize("method", METHODS)
def test_the_flow_frame_is_the_ve_frame(method, eta, prediction):
    """x_flow = alpha x_VE at every noise level: the same run, seen through another schedule."""
    sampler, variant = METHODS[method]
    options = {**variant, "eta": eta, "prediction": prediction, "sigma_data": 0.7, "seed": 4, "disable": True}
    levels = uniform_lambda(5, 30.0, 0.05)
    x = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 30
    expected = sampler(curved_denoiser, x, levels, **options)
    sigmas = levels / (1 + levels)
    start, stop = (1 - sigmas[0]), (1 - sigmas[-1])
    result = sampler(flow_model(curved_denoiser), x * start, sigmas, noise_schedule="flow", **options)
    torch.testing.assert_close(result / stop, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("sigmas, first", [([1.0, 0.5, 0.0], 1 - 1e-4), ([1.0, 0.99999, 0.0], 0.999995)])
def test_a_first_flow_sigma_of_one_stands_for_a_little_less(sigmas, first):
    seen = []

    def model(x, sigma):
        seen.append(sigma[0].item())
        return x * 0

    SAMPLERS["SEEDS-1"](
        model, torch.ones(1, 2).double(), torch.tensor(sigmas, dtype=torch.float64), noise_schedule="flow"
    )
    assert seen == pytest.approx([first, sigmas[1]], abs=1e-9)


def test_the_karras_schedule_follows_equation_5():
    sigmas = sigmas_karras(5, 0.02, 80, rho=7, dtype=torch.float64).tolist()
    expected = [(80 ** (1 / 7) + i / 4 * (0.02 ** (1 / 7) - 80 ** (1 / 7))) ** 7 for i in range(5)]
    assert sigmas == pytest.approx([*expected, 0], rel=1e-12)


@pytest.mark.parametrize("noise_schedule, low, high", [("karras", 0.01, 80), ("flow", 0.02, 0.97)])
def test_uniform_in_lambda_has_equal_steps_in_lambda(noise_schedule, low, high):
    schedule = NOISE_SCHEDULES[noise_schedule]
    sigmas = sigmas_uniform_lambda(9, low, high, noise_schedule, dtype=torch.float64).tolist()
    lambdas = [-math.log(schedule.level(sigma)) for sigma in sigmas[:-1]]
    steps = [b - a for a, b in pairwise(lambdas)]
    assert steps == pytest.approx([steps[0]] * 8, rel=1e-9)
    assert (sigmas[0], sigmas[8], sigmas[9]) == pytest.approx((high, low, 0))


def test_uniform_in_lambda_starts_below_the_flow_sigma_where_lambda_is_infinite():
    assert sigmas_uniform_lambda(4, 0.01, 1.0, "flow", dtype=torch.float64)[0].item() == pytest.approx(1 - 1e-4)


def test_the_flow_schedule_is_shifted_uniform():
    assert sigmas_flow(4, dtype=torch.float64).tolist() == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    expected = [3 * u / (1 + 2 * u) for u in (1, 0.75, 0.5, 0.25, 0)]
    assert sigmas_flow(4, shift=3, dtype=torch.float64).tolist() == pytest.approx(expected)
    assert sigmas_flow(2, shift=3, sigma_max=0.6, dtype=torch.float64)[0].item() == pytest.approx(0.6)


@pytest.mark.parametrize("make", [sigmas_karras, sigmas_uniform_lambda])
def test_one_step_goes_from_the_top_to_zero(make):
    assert make(1, 0.1, 10).tolist() == [10, 0]


@given(st.sampled_from(sorted(SAMPLERS)), st.integers(1, 500))
def test_steps_for_model_calls_is_the_largest_number_that_fits(name, budget):
    steps = steps_for_model_calls(name, budget)
    assert model_calls_for_steps(name, steps) <= budget < model_calls_for_steps(name, steps + 1)
    assert steps_for_model_calls(SAMPLERS[name], budget) == steps


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: sigmas_karras(0, 0.1, 10), "steps: 0; expected a whole number >= 1"),
        (lambda: sigmas_karras(2.5, 0.1, 10), "steps: 2.5"),
        (lambda: sigmas_karras(5, 10, 10), "sigma_min: 10.0; expected less than sigma_max"),
        (lambda: sigmas_karras(5, 0, 10), "sigma_min: 0; expected a finite number and > 0"),
        (lambda: sigmas_karras(5, 1, 10, rho=0), "rho: 0"),
        (lambda: sigmas_uniform_lambda(5, 0.1, 1.5, "flow"), "sigma_max: 1.5"),
        (
            lambda: sigmas_uniform_lambda(5, 0.1, 1.5, "cosine"),
            "noise_schedule: 'cosine'; expected one of 'karras', 'f",
        ),
        (lambda: sigmas_flow(5, shift=-1), "shift: -1"),
        (lambda: steps_for_model_calls("SEEDS-9", 10), "sampler: 'SEEDS-9'; expected one of 'SEEDS-1'"),
        (lambda: steps_for_model_calls(print, 10), "sampler: <built-in function print>; expected a name in SAMPLERS"),
        (lambda: steps_for_model_calls("SEEDS-2", 0), "budget: 0"),
    ],
)
def test_bad_input_names_the_argument_the_value_and_what_is_allowed(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("levels", "left"),
    [
        ([], []),
        ([3], [3]),
        ([3, 3, 3], [3]),
        ([5, 5, 2, 2, 1, 0, 0], [5, 2, 1, 0]),
        ([5, 7, 6, 4, 4.5, 1], [5, 4, 1]),
    ],
)
def test_levels_that_do_not_fall_are_left_out(levels, left):
    assert falling(torch.tensor(levels, dtype=torch.float64)).tolist() == left
    with_nan = falling(torch.tensor([5.0, math.nan, 1.0]))
    assert with_nan.isnan().any()  # the sampler is to refuse it


@pytest.mark.parametrize("noise_schedule", ["karras", "flow"])
def test_the_last_of_the_growing_steps_is_3_5_times_the_first(noise_schedule):
    sigmas = sigmas_seeds(1001, 0.03, 0.9, noise_schedule, dtype=torch.float64)
    level = NOISE_SCHEDULES[noise_schedule].level
    steps = [math.log(level(s) / level(t)) for s, t in pairwise(sigmas[:-1].tolist())]
    assert len(sigmas) == 1002 and sigmas[0] == pytest.approx(0.9) and sigmas[-2] == pytest.approx(0.03)
    assert steps == sorted(steps) and steps[-1] / steps[0] == pytest.approx(3.5, rel=0.005)
    assert sigmas_seeds(1, 0.02, 0.9, noise_schedule).tolist() == pytest.approx([0.9, 0])


@pytest.mark.parametrize(
    ("noise_schedule", "low", "high", "last"),
    [
        ("flow", 0.003, 60.0, 0.029), ("flow", 0.0292, 14.6, 0.0292), ("flow", 0.003, 1.0, 0.029),
        ("flow", 0.003, 0.5, 0.0145), ("flow", 0.003, 0.01, 0.003), ("karras", 0.003, 60.0, 0.003),
    ],
)  # fmt: skip
def test_growing_steps_of_flow_models_do_not_dwell_where_nothing_is_left_to_decide(noise_schedule, low, high, last):
    """VE levels: the last one before 0; a run that starts low may end lower. Other models end at their own."""
    schedule = NOISE_SCHEDULES[noise_schedule]
    ends = schedule.sigma_of(low), schedule.sigma_of(high)
    sigmas = sigmas_seeds(9, *ends, noise_schedule, dtype=torch.float64)
    assert [schedule.level(sigmas[i].item()) for i in (0, -2)] == pytest.approx([high, last])
    assert (sigmas.diff() < 0).all()


def test_growing_steps_do_not_dwell_above_all_data():
    """From a flow model's 1 - 1e-4, the VE level 9999, the second level is as if from 80, from where EDM starts."""
    for steps in (20, 8, 2):
        sigmas = sigmas_seeds(steps, 0.03, 1.0, "flow", dtype=torch.float64)
        again = sigmas_seeds(steps, 0.03, 80 / 81, "flow", dtype=torch.float64)
        levels = sigmas_seeds(steps, 0.03 / 0.97, 80, dtype=torch.float64)
        assert sigmas[0] == 1 - 1e-4 and (sigmas.diff() < 0).all()
        torch.testing.assert_close(sigmas[1:], again[1:])
        torch.testing.assert_close(levels[1:], sigmas[1:] / (1 - sigmas[1:]))
    assert sigmas_seeds(3, 90, 100).diff().lt(0).all()


def test_growing_steps_are_twice_as_long_above_level_15():
    sigmas = sigmas_seeds(2001, 0.03, 80, dtype=torch.float64)[:-1]
    steps, above = -sigmas.log().diff(), int((sigmas > 15).sum())
    assert steps[above - 2] / steps[above] == pytest.approx(2, rel=0.01)
    assert steps[-1] / steps[0] == pytest.approx(3.5 / 2, rel=0.01)
