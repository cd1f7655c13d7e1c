"""The noise of SEEDSScheduler: one path for each image, from the generators or the latents that a pipeline has."""

import copy

import pytest
import torch

diffusers = pytest.importorskip("diffusers")

from seeds_samplers.schedulers import SEEDSScheduler  # noqa: E402

SD = dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
SHAPE = (4, 6, 6)


def generator(seed):
    return torch.Generator().manual_seed(seed)


def run(scheduler, x, generators=None, steps=6):
    scheduler.set_timesteps(steps)
    for t in scheduler.timesteps:
        x = scheduler.step(0.1 * x, t, x, generator=generators, return_dict=False)[0]
    return x


def noise_of(scheduler, x, generators=None):
    """What the noise adds to a run, whatever x is."""
    silent = SEEDSScheduler.from_config(scheduler.config, options={"s_noise": 0.0})
    return run(scheduler, x, generators) - run(silent, x, generators)


@pytest.fixture
def scheduler():
    return SEEDSScheduler(solver="SEEDS-1", **SD)


X = torch.randn(3, *SHAPE, generator=generator(0))


def test_an_image_alone_is_that_of_the_batch(scheduler):
    together = run(scheduler, X, [generator(seed) for seed in (1, 2, 3)])
    for i, seed in enumerate((1, 2, 3)):
        assert torch.equal(run(scheduler, X[i : i + 1], [generator(seed)])[0], together[i])
        assert torch.equal(run(scheduler, X[i : i + 1], generator(seed))[0], together[i])


def test_a_pipeline_that_passes_no_generator_gets_the_same(scheduler):
    together = run(scheduler, X)
    assert torch.equal(run(scheduler, X), together)
    for i in range(3):
        assert torch.equal(run(scheduler, X[i : i + 1])[0], together[i])
    other = noise_of(scheduler, X + 1e-6)
    assert abs(correlation(other, noise_of(scheduler, X))) < 0.15  # other latents, another path


def correlation(a, b):
    return torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].item()


def test_equal_latents_have_different_noise(scheduler):
    noise = noise_of(scheduler, X[:1].repeat(2, 1, 1, 1))
    assert abs(correlation(noise[0], noise[1])) < 0.25
    assert torch.equal(noise[0], noise_of(scheduler, X[:1])[0])


def test_images_of_one_generator_have_different_noise(scheduler):
    noise = noise_of(scheduler, X, generator(7))
    assert max(abs(correlation(noise[i], noise[j])) for i, j in ((0, 1), (0, 2), (1, 2))) < 0.25
    assert noise.std() > 0.01


def test_a_generator_is_read_and_not_drawn_from(scheduler):
    mine, global_state = generator(7), torch.get_rng_state()
    before = mine.get_state()
    run(scheduler, X, mine)
    run(scheduler, X)
    assert torch.equal(mine.get_state(), before) and torch.equal(torch.get_rng_state(), global_state)


def test_a_generator_used_again_gives_other_noise(scheduler):
    """As pipe(generator=g) twice: g has gone on, since the first latents were drawn from it."""
    mine = generator(7)
    torch.randn(1, generator=mine)
    first = noise_of(scheduler, X, mine)
    torch.randn(1, generator=mine)
    second = noise_of(scheduler, X, mine)
    assert abs(correlation(first, second)) < 0.15


def test_the_seed_that_is_set_comes_first(scheduler):
    ours = run(scheduler, X, generator(7))
    scheduler.noise_sampler_seed = [4, 5, 6]
    seeded = run(scheduler, X, generator(7))
    assert not torch.equal(ours, seeded)
    assert torch.equal(run(scheduler, X), seeded)
    scheduler.noise_sampler_seed = 5
    assert torch.equal(run(scheduler, X[1:2])[0], seeded[1])
    again = SEEDSScheduler.from_config(scheduler.config, noise_sampler_seed=5)
    assert torch.equal(run(again, X[1:2])[0], seeded[1])


def test_seeds_for_another_batch_are_refused(scheduler):
    scheduler.noise_sampler_seed = [1, 2]
    with pytest.raises(ValueError, match="a sequence of 2; expected one for each of the 3 images"):
        run(scheduler, X)


def test_more_steps_refine_the_image():
    """The noise of many steps adds up to that of few: the image settles. Noise of its own would not let it."""

    def result(steps, seed):
        scheduler = SEEDSScheduler(solver="SEEDS-1", noise_sampler_seed=seed, use_karras_sigmas=True, **SD)
        scheduler.set_timesteps(steps)
        x = X * scheduler.init_noise_sigma
        for i, t in enumerate(scheduler.timesteps):
            sigma = scheduler.sigmas[i]
            x = scheduler.step(x * sigma / (1 + sigma**2), t, x, return_dict=False)[0]
        return x

    fine = result(200, 3)
    assert correlation(result(40, 3), fine) > 0.95
    assert abs(correlation(result(200, 4), fine)) < 0.2


def test_the_scheduler_can_be_copied_and_is_independent(scheduler):
    """As pipelines do that draw sound with a copy of the picture's scheduler."""
    scheduler.noise_sampler_seed = 1
    scheduler.set_timesteps(6)
    other = copy.deepcopy(scheduler)
    x = y = X
    for t in scheduler.timesteps:
        x, y = scheduler.step(0.1 * x, t, x).prev_sample, other.step(0.1 * y, t, y).prev_sample
    assert torch.equal(x, y) and torch.equal(x, run(scheduler, X))


@pytest.mark.parametrize("name", ["SEEDS-M", "ER-SDE"])
@pytest.mark.parametrize(("steps", "of_variance"), [(10, 0.08), (20, 0.06), (100, 0.02)])
def test_flow_models_give_the_moments_of_gaussian_data(name, steps, of_variance):
    """Data of mean 1 and variance 1, the exact model, 61,440 numbers: the mean's standard deviation is 0.004.

    The mean is right whatever the steps. The variance has the error of long steps, which many steps take away.
    """
    scheduler = SEEDSScheduler(solver=name, prediction_type="flow_prediction", shift=3.0, noise_sampler_seed=3)
    x = torch.randn(60, 1024, generator=generator(5))
    scheduler.set_timesteps(steps)
    for i, t in enumerate(scheduler.timesteps):
        sigma = scheduler.sigmas[i].item()
        alpha = 1 - sigma
        denoised = 1 + alpha / (alpha**2 + sigma**2) * (x - alpha)
        x = scheduler.step((x - denoised) / sigma, t, x, return_dict=False)[0]
    assert abs(x.mean() - 1) < 0.012
    assert abs(x.var() - 1) < of_variance
