"""The sharp mixtures of benchmarks/sharp_mixtures.py: their denoiser, their frames, and the distance to them."""

import math
import sys

import pytest
import torch
from frames import EPS, flow
from hosting import hosted, same_path, sample
from sharp_mixtures import Denoiser, Sharp, Target

from seeds_samplers.sampling import sample_seeds_2, sample_seeds_m, sigmas_uniform_lambda

LEVELS = (0.05, 0.4, 3.0)
SPREAD = 0.3


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def mixture():
    return Sharp(random(9, 1, 2, 2), torch.arange(9) % 3, 1, SPREAD)


def log_density(x, means, alpha, sigma):
    """Of x = alpha x0 + sigma eps, up to a constant: one picture and one number after another."""
    total = alpha**2 * SPREAD**2 + sigma**2
    logs = [-sum((x[k] - alpha * mean[k]) ** 2 for k in range(len(x))) / (2 * total) for mean in means]
    return torch.logsumexp(torch.stack(logs), 0)


def posterior_mean(x, means, alpha, sigma):
    """By Bayes' rule, one picture after another, in Python's numbers."""
    variance = SPREAD**2
    total = alpha**2 * variance + sigma**2
    squares = [sum((a - alpha * m) ** 2 for a, m in zip(x, mean, strict=True)) / (2 * total) for mean in means]
    weights = [math.exp(min(squares) - square) for square in squares]
    found = [0.0] * len(x)
    for weight, mean in zip(weights, means, strict=True):
        for k, (a, m) in enumerate(zip(x, mean, strict=True)):
            found[k] += weight / sum(weights) * (m + alpha * variance / total * (a - alpha * m))
    return found


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("alpha, sigma", [(1.0, 0.05), (1.0, 3.0), (0.8, 0.2), (0.0, 1.0)])
def test_the_posterior_is_bayes_rule(mixture, conditional, alpha, sigma):
    x = random(5, 4, seed=1)
    means = mixture.means[conditional]
    assert len(means) == (3 if conditional else 9)
    expected = [posterior_mean(row, means.tolist(), alpha, sigma) for row in x.tolist()]
    torch.testing.assert_close(mixture.posterior(x, alpha, sigma, conditional), torch.tensor(expected).double())


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("alpha, sigma", [(1.0, 0.2), (0.6, 0.4)])
def test_tweedie(mixture, conditional, alpha, sigma):
    """alpha D = x + sigma^2 times the gradient of the log density."""
    x = random(4, seed=2).requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(log_density(x, mixture.means[conditional], alpha, sigma), x)
    found = mixture.posterior(x.detach()[None], alpha, sigma, conditional)[0]
    torch.testing.assert_close(alpha * found, x.detach() + sigma**2 * gradient)


def test_more_rows_than_at_once(mixture, monkeypatch):
    x = random(7, 4, seed=3)
    expected = mixture.posterior(x, 1.0, 0.3, False)
    monkeypatch.setattr(sys.modules[Sharp.__module__], "ROWS", 3)
    torch.testing.assert_close(mixture.posterior(x, 1.0, 0.3, False), expected)


@pytest.mark.parametrize("guidance", [1.0, 4.0])
@pytest.mark.parametrize("level", LEVELS)
def test_the_flow_frame_is_the_other_scaled(mixture, guidance, level):
    """x of level s is (1 - t) x with t = s / (1 + s): the same data, the same prediction."""
    x, t = random(5, 1, 2, 2, seed=4), level / (1 + level)
    one, other = (Denoiser(mixture, frame, guidance) for frame in (EPS, flow(3.0)))
    torch.testing.assert_close(one(x, x.new_full((5,), level)), other((1 - t) * x, x.new_full((5,), t)))
    torch.testing.assert_close(one.cond_denoised, other.cond_denoised)


def test_the_parts_make_up_the_guided_prediction(mixture):
    x, sigma = random(5, 1, 2, 2, seed=5), torch.full((5,), 0.4)
    plain, guided = Denoiser(mixture, EPS, 1.0), Denoiser(mixture, EPS, 4.0)
    without, denoised = plain(x, sigma), guided(x, sigma)
    assert plain.cond_denoised is without
    torch.testing.assert_close(denoised, without + 4 * (guided.cond_denoised - without))
    torch.testing.assert_close(guided.cond_denoised.flatten(1), mixture.posterior(x.flatten(1), 1.0, 0.4, True))


@pytest.mark.parametrize("frame", [EPS, flow(3.0)])
def test_a_host_passes_the_conditional_part_on(mixture, frame):
    """SEEDS-M makes the same of the denoiser itself and of what a host makes of it, and something else without."""
    x = frame.sigma_max * random(3, 1, 2, 2, seed=6)
    sigmas, model = frame.sigmas("seeds", 8), Denoiser(mixture, frame, 4.0)
    given = dict(noise_schedule=frame.noise_schedule, disable=True)
    expected = sample_seeds_m(model, x, sigmas, noise_sampler=same_path(x, 0, frame), **given)
    found = sample(sample_seeds_m, model, x, sigmas, same_path(x, 0, frame), frame=frame)
    assert torch.equal(found, expected)
    blind = sample(sample_seeds_m, lambda *given: model(*given), x, sigmas, same_path(x, 0, frame), frame=frame)
    assert not torch.allclose(blind, expected)


def test_a_model_without_parts_has_none_in_a_host():
    call = hosted(lambda x, sigma: x, EPS, "cpu")
    call(torch.zeros(1, 2), torch.ones(1))
    assert call.cond_denoised is None


@pytest.mark.parametrize("frame", [EPS, flow(3.0), flow(1.15)])
def test_converging_begins_and_ends_where_the_frame_does(frame):
    sigmas = frame.converged(20)
    assert sigmas[0].item() == pytest.approx(frame.sigma_max)
    assert sigmas[-2].item() == pytest.approx(frame.sigma_min)
    assert sigmas[-1] == 0 and (sigmas.diff() < 0).all()


def test_the_levels_of_flow_are_those_of_a_table_of_1000():
    assert flow(1.0).sigma_min == pytest.approx(0.001)
    t = 0.001
    assert flow(3.0).sigma_min == pytest.approx(3 * t / (1 + 2 * t))


@pytest.mark.parametrize("frame", [EPS, flow(3.0)])
def test_the_converged_samples_are_those_of_the_mixture(mixture, frame):
    """Unguided, the reverse SDE ends with the data, as exact samples of the mixture show."""
    count = 4000
    means = mixture.means[False]

    def exact(seed):
        chosen = torch.randint(0, len(means), (count,), generator=torch.Generator().manual_seed(seed))
        return means[chosen] + SPREAD * random(count, 4, seed=seed + 100)

    x = frame.sigma_max * random(count, 1, 2, 2, seed=7)
    model, noise = Denoiser(mixture, frame, 1.0), same_path(x, 0, frame)
    found = sample(sample_seeds_2, model, x, frame.converged(60), noise, frame=frame).flatten(1)
    target = Target(exact(10), torch.cat([exact(seed) for seed in range(10)]))
    assert abs(target.excess(found)) < 2 * target.floor
    assert target.excess(found * 1.1) > 5 * target.floor


AXES = torch.linalg.qr(random(3, 3, seed=8))[0]
DEVIATIONS = torch.tensor([1.0, 2.0, 3.0]).double()


def gaussian(count, seed, deviations=DEVIATIONS):
    return random(count, 3, seed=seed) * deviations @ AXES.T


def test_the_excess_is_that_of_gaussians_with_the_same_axes():
    other, shift = torch.tensor([2.0, 2.0, 0.5]).double(), 0.25
    target = Target(gaussian(20000, 1), gaussian(60000, 2))
    expected = 3 * shift**2 + (DEVIATIONS - other).square().sum().item()
    assert target.excess(gaussian(20000, 3, other) + shift) == pytest.approx(expected, rel=0.03)  # without common noise
    assert target.excess(gaussian(20000, 1, other) + shift) == pytest.approx(expected, rel=0.01)  # with it
    assert target.excess(gaussian(20000, 1) * math.nan) == math.inf


def test_true_samples_have_no_excess_on_average_and_less_noise_on_the_same_paths():
    """A sampler whose samples are true but differ a little on each path."""
    own, common, floors = [], [], []
    for seed in range(0, 400, 4):
        first = gaussian(200, seed)
        target = Target(first, gaussian(600, seed + 1))
        other = gaussian(200, seed + 2)
        own.append(target.excess(other) / target.floor)
        common.append(target.excess(0.9 * first + math.sqrt(1 - 0.9**2) * other) / target.floor)
        floors.append(target.floor)
    own, common = torch.tensor(own), torch.tensor(common)
    for found in (own, common):
        assert abs(found.mean()) < 3 * found.std() / math.sqrt(len(found))
    assert common.std() < own.std() / 2
    expected = 1.5 * DEVIATIONS.square().sum().item() / 200  # the means' errors and half as much for the deviations'
    assert sum(floors) / len(floors) == pytest.approx(expected, rel=0.05)


def test_uniform_lambda_is_what_eps_converges_on():
    assert torch.equal(EPS.converged(7), sigmas_uniform_lambda(7, EPS.sigma_min, EPS.sigma_max))
