"""SEEDS-2 "2s": strong order 1.5 on a noise path, and the same law with anybody's noise."""

import math
import re
from itertools import pairwise

import mpmath
import pytest
import torch
from problems import (
    COUNT,
    FIVE_SIGMA,
    PREDICTIONS,
    SIGMAS,
    Recorder,
    curved_denoiser,
    draw,
    mixture_denoiser,
    uniform_lambda,
)

from seeds_samplers.sampling import NoisePath, sample_seeds_2
from seeds_samplers.sampling.forms import form_of
from seeds_samplers.sampling.noise.clock import Clock, path_clock
from seeds_samplers.sampling.schedule import noise_schedule_of
from seeds_samplers.sampling.solvers.seeds_2 import Seeds2

STEPS = (8, 16, 32, 64)


def image(steps, variant, **options):
    x = 10 * torch.randn(48, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    sigmas = uniform_lambda(steps, 10, 0.1)
    return sample_seeds_2(mixture_denoiser, x, sigmas, seed=1, disable=True, variant=variant, **options)


def distances(final, variant, **options):
    """Root-mean-square distances to the image `final`, for the numbers of steps of STEPS."""
    return [(image(steps, variant, **options) - final).square().mean().sqrt().item() for steps in STEPS]


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"prediction": "v", "sigma_data": 0.8}, {"prediction": "v"}, {"eta": 0.5}])
def test_strong_order(options):
    """The slope from 16 to 64 steps is 1.4 or more, where that of "2b" with the same second point is 1."""
    final = image(512, "2s", **options)
    ours, plain = distances(final, "2s", **options), distances(final, "2b", r=0.75, **options)
    assert math.log2(ours[1] / ours[3]) / 2 >= 1.4 and all(a / b >= 2.3 for a, b in pairwise(ours)), ours
    assert math.log2(plain[1] / plain[3]) / 2 < 1.1
    assert ours[0] < 0.6 * plain[0] and ours[2] < plain[2] / 3.5 and ours[3] < plain[3] / 5


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("eta", [0.7, 16.0, 40.0])
@pytest.mark.parametrize("noise_schedule, ends", [("karras", (5.0, 2.0)), ("flow", (0.9, 0.3))])
def test_the_law_is_one(prediction, eta, noise_schedule, ends):
    """Variances and covariance of what is added: with anybody's normals, with a path's, and as they ought to be."""
    form, schedule = form_of(prediction, eta, 0.8), noise_schedule_of(noise_schedule)
    solver = Seeds2(variant="2s", prediction=prediction, eta=eta, sigma_data=0.8, s_noise=1.1)
    stage = solver.plan(schedule, list(ends)).stages[0]
    (of_increment, deviation), (of_integral, nothing) = (one.deviations for one in stage.noises)
    assert [one.integral for one in stage.noises] == [False, True] and nothing == 0
    levels = [-math.log(schedule.level(end)) for end in ends]
    slope, rest = Clock(form).integral_given_increment(*levels)
    of_next, of_end = torch.tensor([one.deviations for one in stage.simple], dtype=torch.float64).T
    assert of_end.dot(of_end) == pytest.approx(deviation**2)
    correlation = of_next.dot(of_end) / (of_next.norm() * of_end.norm())
    assert abs(correlation) == pytest.approx(abs(slope) / math.hypot(slope, rest))
    of_path, rest_of_path = path_clock(form).integral_given_increment(*levels)
    onto_increment, onto_rest = of_increment + of_integral * of_path, of_integral * rest_of_path
    assert onto_increment * deviation == pytest.approx(of_next.dot(of_end).item())
    assert math.hypot(onto_increment, onto_rest) == pytest.approx(of_next.norm().item())
    assert of_increment == 0 or eta > 16


@pytest.mark.parametrize("h", [0.03, 1.0, 6.0])
@pytest.mark.parametrize("eta", [1e-3, 1.0, 16.0, 100.0, 1e4])
def test_the_integrals_law_in_closed_form(eta, h):
    """The data form: G is a Brownian motion in the clock exp(2 eta lambda), the weight 1."""
    slope, rest = Clock(form_of("data", eta, 1.0)).integral_given_increment(-h, 0.0)
    with mpmath.workdps(60):
        c = mpmath.mpf(2 * eta)
        whole = mpmath.expm1(c * h)
        mean = (whole / c - h) / whole
        square = 2 * ((whole / c**2 - h / c) - mpmath.mpf(h) ** 2 / 2) / whole
        assert slope == pytest.approx(float(mean), rel=1e-8)
        assert rest == pytest.approx(float(mpmath.sqrt(square - mean**2)), rel=1e-7)


def test_neighbouring_steps_have_nothing_in_common():
    path, ends = NoisePath(torch.zeros(1, COUNT), 3), (5.0, 4.0, 3.0, 2.99)
    rows = torch.cat([torch.cat(path.with_integral(*interval)) for interval in pairwise(ends)])
    table = torch.corrcoef(rows)
    for i in (0, 2):
        assert table[i : i + 2, i + 2 :].abs().max() < FIVE_SIGMA
        assert table[i, i + 1] > 0.7  # an integral and its increment


def test_the_two_normals_are_of_the_steps_two_parts():
    asked = []

    def noise_sampler(sigma, sigma_next):
        asked.append((sigma.item(), sigma_next.item()))
        return torch.zeros(1, 4, dtype=torch.float64)

    model = Recorder()
    sample_seeds_2(
        model, torch.ones(1, 4, dtype=torch.float64), SIGMAS, noise_sampler=noise_sampler, variant="2s", disable=True
    )
    levels = [sigma[0].item() for _, sigma, _ in model.calls]
    assert asked == [*pairwise(levels)]
    assert math.log(levels[0] / levels[1]) == pytest.approx(0.75 * math.log(levels[0] / levels[2]))


def test_the_path_at_the_end_of_a_step_is_that_of_other_variants():
    """With a model that ignores its input, all that is left of the noise is the increments of the steps."""
    model = lambda x, sigma: torch.zeros_like(x)  # noqa: E731
    ends = [draw("SEEDS-2b", model=model, variant=variant) for variant in ("2b", "2s")]
    torch.testing.assert_close(*ends, rtol=0, atol=0.02)  # the ends of the steps of "2b" are rounded to 2^-10


@pytest.mark.parametrize("eta", [0.0, 1e-12])
def test_without_noise_it_is_2b_with_that_point(eta):
    ours, theirs = (draw("SEEDS-2b", variant=variant, r=0.75, eta=eta) for variant in ("2s", "2b"))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert draw("SEEDS-2s", eta=eta, r=0.2).equal(ours)  # r is its own


@pytest.mark.parametrize("shorter", [1e-3, 1e-7, 1e-11])
def test_steps_however_short(shorter):
    x = torch.randn(3, 8, dtype=torch.float64)
    sigmas = torch.tensor([1.0, 1 / (1 + shorter)], dtype=torch.float64)
    moved = draw("SEEDS-2s", x=x, sigmas=sigmas) - x
    assert moved.std() == pytest.approx((2 * shorter) ** 0.5, rel=0.5)  # the noise of eta 1; the drift is smaller


@pytest.mark.parametrize("shape", [(1, 2, 4, 4), (2, 2, 4, 4), (3, 2, 4, 1), (3, 2, 8, 8)])
@pytest.mark.parametrize("method", ["SEEDS-1", "SEEDS-2s"])
def test_a_path_of_another_shape_is_named(method, shape):
    message = rf"noise_sampler: returned shape {re.escape(str(shape))}; expected a tensor of x's shape, \(3, 2, 4, 4\)"
    with pytest.raises(ValueError, match=message):
        draw(method, noise_sampler=NoisePath(torch.zeros(shape), 1))


def test_a_bad_noise_sampler_is_named():
    with pytest.raises(ValueError, match=r"noise_sampler: returned shape \(2,\); expected a tensor of x's shape"):
        draw("SEEDS-2s", noise_sampler=lambda *_: torch.zeros(2), model=curved_denoiser)


def test_in_a_given_path_and_alone():
    """A NoisePath that is handed in is the one of its seed."""
    path = NoisePath(torch.zeros(3, 2, 4, 4), 5)
    torch.testing.assert_close(draw("SEEDS-2s", noise_sampler=path), draw("SEEDS-2s", seed=5))


def test_an_eta_that_is_hardly_a_number():
    """Found by a random search: variances below the smallest normal number must not become negative."""
    given = dict(eta=5e-324, variant="2s", prediction="noise", seed=1, disable=True)
    sigmas = torch.tensor([1.0, math.exp(-1)])
    assert sample_seeds_2(mixture_denoiser, torch.ones(1, 4), sigmas, **given).isfinite().all()
