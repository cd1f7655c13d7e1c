"""The noise of each image: what a seed means, whatever the batch, the steps, the split and the order of questions."""

import math
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from problems import (
    COUNT,
    FIVE_SIGMA,
    METHODS,
    PREDICTIONS,
    SIGMAS,
    correlations,
    draw,
    flow_model,
    gaussian_denoiser,
    mixture_denoiser,
    normals,
    quick_first,
    uniform_lambda,
)

from seeds_samplers.sampling import SAMPLERS, NoisePath, sigmas_flow, sigmas_karras
from seeds_samplers.sampling.noise.seeds import image_keys
from seeds_samplers.sampling.schedule import noise_schedule_of
from seeds_samplers.sampling.solvers.seeds_2 import Seeds2

X = torch.ones(4, 3, 7)


class TestKeys:
    def test_values(self):
        assert image_keys(5, 3) == [(5, 0), (5, 1), (5, 2)]
        assert image_keys([7, 8], 2) == image_keys(torch.tensor([7, 8]), 2) == image_keys(np.array([7, 8]), 2)
        assert image_keys([7, 8], 2) == [(7, 0), (8, 0)]
        assert image_keys(np.int64(5), 1) == image_keys(torch.tensor(5), 1) == image_keys(np.array(5), 1) == [(5, 0)]
        assert image_keys(-1, 1) == image_keys(2**64 - 1, 1) == [(2**64 - 1, 0)]
        assert image_keys(3, 0) == []
        assert image_keys(5, 2, [3, 0]) == image_keys(5, 2, torch.tensor([3, 0])) == [(5, 3), (5, 0)]
        assert image_keys([5, 6], 2, [3, 0]) == [(5, 3), (6, 0)]

    @pytest.mark.parametrize(
        ("seed", "indices", "message"),
        [
            (True, None, "seed: True; expected a whole number, one for each image, or None"),
            (1.5, None, "seed: 1.5; expected a whole number, one for each image, or None"),
            ([1, 2], None, "seed: a sequence of 2; expected one for each of the 3 images"),
            (1, [0, 1], "indices: a sequence of 2; expected one for each of the 3 images"),
            (1, 2, "indices: 2; expected a sequence of whole numbers"),
            (1, [0, 1, 0.5], "indices: .*; expected a sequence of whole numbers"),
        ],
    )
    def test_bad_ones(self, seed, indices, message):
        with pytest.raises(ValueError, match=message):
            image_keys(seed, 3, indices)

    def test_without_a_seed_torchs_global_generator_decides(self):
        results = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            results.append(draw("SEEDS-2b", x=X, seed=None))
        assert torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])

    def test_the_seed_may_come_with_the_models_arguments(self):
        def model(x, sigma, seed=None):
            return x * 0.9

        keyword = draw("SEEDS-1", x=X, seed=3, model=model)
        assert torch.equal(draw("SEEDS-1", x=X, seed=None, extra_args={"seed": 3}, model=model), keyword)
        assert torch.equal(draw("SEEDS-1", x=X, seed=3, extra_args={"seed": 9}, model=model), keyword)


class TestBatch:
    @pytest.mark.parametrize("shape", [(3, 7), (4, 128, 130), (2, 40, 6)])
    def test_an_image_is_the_same_in_any_batch(self, shape):
        whole = NoisePath(torch.zeros(4, *shape), 11)(10, 5)
        for options in ({"seed": 11}, {"seed": [11] * 3, "indices": [0, 1, 2]}):
            torch.testing.assert_close(
                NoisePath(torch.zeros(3, *shape), **options)(10, 5), whole[:3], rtol=0, atol=1e-6
            )
        alone = NoisePath(torch.zeros(1, *shape), 11, indices=[2])(10, 5)
        torch.testing.assert_close(alone[0], whole[2], rtol=0, atol=1e-6)

    @pytest.mark.parametrize("method", METHODS)
    def test_sampling_too(self, method):
        whole = draw(method, x=X, seed=11)
        torch.testing.assert_close(draw(method, x=X[:1], seed=11), whole[:1])
        path = NoisePath(X[:2], 11, indices=[3, 1])
        torch.testing.assert_close(draw(method, x=X[:2], noise_sampler=path), whole[[3, 1]])
        torch.testing.assert_close(draw(method, x=X, seed=[7, 8, 9, 11])[3:], whole[:1])
        assert not torch.allclose(whole[0], whole[1], atol=0.1)


class TestSteps:
    @pytest.mark.parametrize(
        ("sampler", "prediction"),
        [
            *quick_first([("SEEDS-1", "data"), ("SEEDS-M", None), ("ER-SDE", None)], 2),
            *quick_first(product(["SEEDS-1"], PREDICTIONS[1:]), 0),
            *quick_first(product(["SEEDS-2", "SEEDS-3"], PREDICTIONS), 0),
        ],
    )
    def test_more_steps_refine_one_image(self, sampler, prediction):
        """The distance to the image of 1024 steps halves, nearly, with each doubling: strong order 1."""
        if prediction == "noise" and sampler != "SEEDS-1":
            pytest.skip("the noise form is not stable at 16 steps from sigma 10 to 0.1 for data so wide")
        x = 10 * torch.randn(48, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(3))

        def image(steps):
            sigmas = uniform_lambda(steps, 10, 0.1)
            options = {"prediction": prediction} if prediction else {}
            return SAMPLERS[sampler](mixture_denoiser, x, sigmas, seed=1, disable=True, **options)

        final = image(1024)
        distances = [(image(steps) - final).square().mean().sqrt() for steps in (16, 32, 64, 128)]
        assert all(coarse / fine >= 1.6 for coarse, fine in pairwise(distances)), distances

    def test_with_plain_noise_they_do_not(self):
        """What the test above would say of a generator's noise."""
        x = 10 * torch.ones(48, 64, dtype=torch.float64)
        images = []
        for steps in (64, 128):
            generator = torch.Generator().manual_seed(1)
            plain = lambda sigma, sigma_next, g=generator: torch.randn(x.shape, generator=g, dtype=x.dtype)  # noqa: E731
            sigmas = uniform_lambda(steps, 10, 0.1)
            images.append(SAMPLERS["SEEDS-1"](mixture_denoiser, x, sigmas, noise_sampler=plain, disable=True))
        assert (images[0] - images[1]).square().mean().sqrt() > 0.9


class TestSplit:
    @pytest.mark.parametrize("prediction", quick_first(PREDICTIONS))
    @pytest.mark.parametrize("noise_schedule", ["karras", "flow"])
    @pytest.mark.parametrize("method", METHODS)
    def test_two_runs_make_one(self, method, noise_schedule, prediction):
        sigmas = {"karras": sigmas_karras(9, 0.05, 20), "flow": sigmas_flow(9, shift=3)}[noise_schedule]
        model = mixture_denoiser if noise_schedule == "karras" else flow_model(mixture_denoiser)
        options = dict(noise_schedule=noise_schedule, prediction=prediction, model=model, seed=2**64 - 1)
        start = sigmas[0] * torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0))
        whole = draw(method, x=start, sigmas=sigmas, **options)
        for k in (2, 5, 9):
            half = draw(method, x=start, sigmas=sigmas[:k], **options)
            torch.testing.assert_close(
                draw(method, x=half, sigmas=sigmas[k - 1 :], **options), whole, rtol=1e-5, atol=1e-5
            )


class TestIndependence:
    def test_from_the_initial_latent_of_a_host(self):
        """Of torch.manual_seed(seed), in torch's and in numpy's generator: the noise repeats none of it."""
        latents = [torch.randn(2, COUNT, generator=torch.Generator().manual_seed(42))]
        latents.append(torch.from_numpy(np.random.RandomState(42).randn(2, COUNT)).float())
        assert correlations(torch.cat([*latents, normals((10, 5), (5, 4.9), (4.9, 0.1), batch=2)])) < FIVE_SIGMA

    def test_between_images_seeds_and_disjoint_intervals(self):
        intervals = [(10, 5), (5, 4), (3.9, 3.85), (3.85, 3.8499), (0.5, 0.3), (0.3, 0.299)]
        rows = [normals(*intervals, seed=seed, batch=3) for seed in (0, 1, 2**63)]
        assert correlations(torch.cat(rows)) < FIVE_SIGMA

    def test_between_intervals_too_short_for_any_lattice(self):
        ends = [5 * math.exp(-3e-7 * i) for i in range(7)]
        assert correlations(normals(*pairwise(ends), (5, 4), (4.99999, 4))) > 0.9  # the last two are nearly the same
        assert correlations(normals(*pairwise(ends), (5, 4))) < FIVE_SIGMA

    def test_the_intervals_of_a_step_are_on_one_lattice(self):
        """Of very unequal stages, too, the noise of the second is independent of the first's."""
        path, ends = NoisePath(torch.zeros(1, COUNT), 1), [5, 5 * math.exp(-0.0631)]
        plan = Seeds2(r=0.0626 / 0.0631).plan(noise_schedule_of("karras"), ends)
        drawn = [one for stage in plan.stages for one in stage.noises]
        assert [one.lattice for one in drawn] == pytest.approx([0.0005, 0.0005])
        rows = torch.cat([path.normals(one.sigma, one.sigma_next, one.lattice) for one in drawn])
        assert correlations(rows) < FIVE_SIGMA

    @given(st.floats(0.01, 80), st.floats(1e-7, 8), st.sampled_from(PREDICTIONS), st.sampled_from([0.1, 1, 1e20]))
    def test_any_interval_is_standard_normal(self, sigma, length, prediction, eta):
        values = normals((sigma, sigma * math.exp(-length)), prediction=prediction, eta=eta)[0].double()
        deviations = [values.mean(), (values.var() - 1) / 2**0.5, (values**3).mean() / 15**0.5]
        deviations += [((values**4).mean() - 3) / 96**0.5]
        assert max(abs(deviation) for deviation in deviations) < 5.5 / COUNT**0.5


class TestOnePath:
    def test_the_order_of_questions_does_not_matter(self):
        intervals = [*pairwise(SIGMAS[:-1].tolist()), (20, 0.06), (7, 6.999), (6, 5.9), (20, 0)]
        one, other = (NoisePath(X, 5) for _ in range(2))
        answers = {interval: one(*interval) for interval in intervals}
        for interval in [*reversed(intervals), *intervals[::2], *intervals[1::2]]:
            assert torch.equal(other(*interval), answers[interval])

    def test_backwards_is_the_negative(self):
        path = NoisePath(X, 5)
        assert torch.equal(path(2, 7), -path(7, 2))

    @pytest.mark.parametrize("prediction", PREDICTIONS)
    @pytest.mark.parametrize("noise_schedule", ["karras", "flow"])
    def test_parts_add_up(self, prediction, noise_schedule):
        """Weighted by their standard deviations in the form's clock, to the lattice."""
        path = NoisePath(X, 5, prediction=prediction, noise_schedule=noise_schedule, eta=0.7, sigma_data=0.5)
        form, level = path.clock.form, noise_schedule_of(noise_schedule).level
        ends = [0.9, 0.7, 0.2, 0.05]

        def grown(start, stop):
            s, t = level(start), level(stop)
            return form.growth(level(ends[-1]), t) * form.variance(t, s) ** 0.5 * path(start, stop)

        assert torch.allclose(sum(grown(*ends_of) for ends_of in pairwise(ends)), grown(ends[0], ends[-1]), atol=2e-3)

    def test_a_sampler_uses_its_own_clock(self):
        """And recognises a path: the keyword `seed` and a path with that seed, of whatever form, are the same."""
        for method, prediction in (("SEEDS-1", "v"), ("SEEDS-2b", "noise"), ("SEEDS-3a", "data")):
            options = dict(prediction=prediction, eta=0.5)
            path = NoisePath(X, 5, prediction="noise", noise_schedule="flow")
            assert torch.equal(draw(method, x=X, noise_sampler=path, **options), draw(method, x=X, seed=5, **options))

    def test_gaussian_data_come_out_right(self):
        """The variance of samples, by the path's noise: as by independent noise (final_variance in test_orders)."""
        x = 10.2 * torch.randn(1, COUNT, generator=torch.Generator().manual_seed(1))
        result = draw("SEEDS-3b", x=x, sigmas=sigmas_karras(40, 0.02, 10), model=gaussian_denoiser(4.0), seed=9)
        assert result.var() == pytest.approx(4, rel=0.02)
