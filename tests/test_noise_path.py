"""NoisePath for others: integrals, variations, as a noise_sampler of any shape and dtype, its cost and devices."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from problems import COUNT, FIVE_SIGMA, METHODS, PREDICTIONS, SIGMAS, correlations, draw, normals

from seeds_samplers.sampling import SAMPLERS, NoisePath
from seeds_samplers.sampling.forms import form_of
from seeds_samplers.sampling.noise.clock import Clock

X = torch.ones(4, 3, 7)


class TestIntegral:
    def test_with_the_increment_and_from_the_same_path(self):
        path = NoisePath(torch.zeros(1, COUNT), 3)
        increment, integral = path.with_integral(5, 2)
        assert torch.equal(increment, path.normals(5, 2, shortest=0))
        h = math.log(2.5)  # the clock is s^-2 = exp(2 lambda), the weight 1
        whole = math.expm1(2 * h)
        mean = (whole / 2 - h) / whole
        square = 2 * ((whole / 4 - h / 2) - h * h / 2) / whole
        assert (increment * integral).mean() == pytest.approx(mean, abs=5 * square**0.5 / COUNT**0.5)
        assert integral.square().mean() == pytest.approx(square, rel=5 * 2**0.5 / COUNT**0.5)

    @pytest.mark.slow
    def test_it_is_what_many_increments_add_up_to(self):
        path, steps = NoisePath(torch.zeros(1, 1000), 3, prediction="v", sigma_data=2), 4096
        increment, integral = path.with_integral(5, 2)
        form = path.clock.form
        levels = [5 * (2 / 5) ** (i / steps) for i in range(steps + 1)]
        value, total = 0, 0
        for s, t in pairwise(levels):
            middle = math.sqrt(s * t)
            step = form.growth(2, t) * math.sqrt(form.variance(t, s)) * path(s, t)
            total = total + form.weight(np.array(middle)).item() * (value + step / 2)
            value = value + step
        total, value = (part / math.sqrt(form.variance(2, 5)) for part in (total * math.log(5 / 2) / steps, value))
        assert (value - increment).std() < 0.002  # what rounding adds to the short ones
        assert (total - integral).std() < 0.03 * integral.std()  # what the bridges add

    @pytest.mark.parametrize("ends", [(2, 5), (5, 0)])
    def test_of_no_interval(self, ends):
        with pytest.raises(ValueError, match=r"sigma_next: .*; expected more than 0 and less than sigma, "):
            NoisePath(X, 3).with_integral(*ends)

    @pytest.mark.parametrize("shorter", [1e-7, 1e-12])
    def test_of_an_interval_too_short_for_any_lattice(self, shorter):
        sigma = 5 / (1 + shorter)
        increment, integral = NoisePath(torch.zeros(1, COUNT), 3).with_integral(5, sigma)
        assert torch.equal(increment, NoisePath(torch.zeros(1, COUNT), 3)(5, sigma))
        assert (increment * integral).mean() / shorter == pytest.approx(1 / 2, rel=0.01)
        assert integral.square().mean() / shorter**2 == pytest.approx(1 / 3, rel=0.02)

    @pytest.mark.parametrize("prediction", PREDICTIONS)
    @pytest.mark.parametrize("eta", [0.01, 1, 6])
    @pytest.mark.parametrize("h", [1e-10, 1e-7, 0.1, 1, 6])
    def test_given_the_increment(self, prediction, eta, h):
        """Slope and variance against double integrals of weights and the path's covariance, over 400 x 400 places."""
        form, stop = form_of(prediction, eta, 0.8), 0.3
        start = stop - h
        slope, deviation = Clock(form).integral_given_increment(start, stop)
        places = start + h * (np.arange(400) + 0.5) / 400
        s, *levels, t = np.exp(-np.array([start, *places, stop]))
        grown = np.array([form.growth(t, tau) ** 2 * form.variance(tau, s) for tau in levels]) / form.variance(t, s)
        if h < 1e-8:
            grown = (places - start) / h  # the levels' differences are rounding
        weight = form.weight(np.array(levels)) * h / 400
        assert slope == pytest.approx(weight @ grown, rel=2e-3)
        square = weight @ np.minimum.outer(grown, grown) @ weight
        assert deviation**2 == pytest.approx(square - (weight @ grown) ** 2, rel=2e-2)


class TestVariation:
    def test_of_strength_0_and_1(self):
        ours, other = normals((9, 4)), normals((9, 4), seed=7)
        assert torch.equal(normals((9, 4), variation_seed=7), ours)
        torch.testing.assert_close(normals((9, 4), variation_seed=7, variation_strength=1), other)

    @pytest.mark.parametrize("strength", [0.1, 0.5, 0.9])
    def test_in_between_it_is_as_gaussian(self, strength):
        mixed = normals((9, 4), (4, 1), variation_seed=7, variation_strength=strength)
        rows = torch.cat([mixed, normals((9, 4)), normals((9, 4), seed=7)])
        table = torch.corrcoef(rows)
        assert (rows.std(1) - 1).abs().max() < FIVE_SIGMA and table[0, 1].abs() < FIVE_SIGMA
        assert table[0, 2] == pytest.approx(math.cos(strength * math.pi / 2), abs=FIVE_SIGMA)
        assert table[0, 3] == pytest.approx(math.sin(strength * math.pi / 2), abs=FIVE_SIGMA)

    def test_of_the_same_path_changes_nothing(self):
        """Mixed with itself, image by image, a path is what it was, not a wider one."""
        plain = NoisePath(X, [7, 8, 9, 5])(9, 4)
        for seed in (7, [7, 8, 9, 5], [7 - 2**64, 2, 9, 5]):
            mixed = NoisePath(X, [7, 8, 9, 5], variation_seed=seed, variation_strength=0.5)(9, 4)
            assert torch.allclose(mixed[0], plain[0], atol=1e-6)
        assert torch.allclose(mixed[2:], plain[2:], atol=1e-6) and not torch.allclose(mixed[1], plain[1], atol=0.1)

    def test_the_variations_seed_is_keyed_by_image_too(self):
        options = dict(variation_seed=7, variation_strength=0.3)
        whole = NoisePath(X, 5, **options)(9, 4)
        torch.testing.assert_close(NoisePath(X[:1], 5, indices=[2], **options)(9, 4), whole[2:3], rtol=0, atol=1e-6)


class TestAsANoiseSampler:
    def test_it_has_xs_shape_dtype_and_numbers(self):
        for shape in [(2, 4, 8, 8), (1, 16, 5, 6, 7), (3, 1, 4097), (2,), (0, 4)]:
            single = NoisePath(torch.zeros(shape), 0)(10, 5)
            assert single.shape == shape and single.dtype == torch.float32
            for dtype in (torch.float16, torch.bfloat16, torch.float64):
                given = NoisePath(torch.zeros(shape, dtype=dtype), 0)(
                    torch.tensor(10.0), torch.tensor(5.0, dtype=dtype)
                )
                assert torch.equal(given, single.to(dtype))

    def test_ends_of_a_schedule(self):
        """sigma_next 0 and, in flow schedules, sigma 1: unit normals too."""
        assert correlations(normals((1.0, 0.9), (0.9, 0.1), (0.1, 0), noise_schedule="flow")) < FIVE_SIGMA

    @pytest.mark.parametrize(
        ("options", "interval", "message"),
        [
            ({}, (2, 2), "sigma_next: 2.0; expected another level than sigma"),
            ({}, (math.nan, 2), "sigma: nan; expected a finite number"),
            ({}, (3, -1), "sigma_next: -1; expected .* >= 0"),
            ({}, (None, 1), "sigma: None; expected a finite number"),
            ({}, (torch.ones(3), 1), "sigma: tensor"),
            ({"noise_schedule": "flow"}, (1.5, 1), "sigma: 1.5; expected .* <= 1.0"),
            ({"noise_schedule": "x"}, (3, 1), "noise_schedule: 'x'"),
            ({"noise_device": "tpu"}, (3, 1), "noise_device: 'tpu'; expected one of 'cpu', 'gpu'"),
            ({"eta": 0}, (3, 1), "eta: 0; expected a finite number and > 0"),
            ({"prediction": "x"}, (3, 1), "prediction: 'x'"),
            ({"sigma_data": 0}, (3, 1), "sigma_data: 0"),
            ({"variation_strength": 1.5, "variation_seed": 1}, (3, 1), "variation_strength: 1.5; .* >= 0.* and <= 1"),
            ({"variation_strength": 0.5}, (3, 1), "variation_seed: None"),
            ({"variation_strength": 0.5, "variation_seed": "a"}, (3, 1), "variation_seed: 'a'"),
        ],
    )
    def test_what_does_not_fit(self, options, interval, message):
        with pytest.raises(ValueError, match=message):
            NoisePath(X, 0, **options)(*interval)

    def test_a_path_of_another_shape(self):
        with pytest.raises(ValueError, match=r"noise_sampler: returned shape \(3, 3, 7\); expected .* \(4, 3, 7\)"):
            draw("SEEDS-1", x=X, noise_sampler=NoisePath(X[:3], 0))


class TestClock:
    def test_an_eta_above_16_counts_as_16(self):
        of = [NoisePath(X, 5, eta=eta)(9, 2) for eta in (16, 16.1, 64, 1e20, 15)]
        assert all(torch.equal(noise, of[0]) for noise in of[1:4]) and not torch.equal(of[4], of[0])

    def test_an_eta_below_1e_6_counts_as_that(self):
        of = [NoisePath(X.double(), 5, eta=eta).clock for eta in (1e-6, 1e-9, 1e-5)]
        assert of[0] == of[1] != of[2]

    def test_a_step_with_a_short_stage_is_drawn_on_that_stages_lattice(self):
        """r = 0.3 of 0.15: one stage is shorter than 1/16, the other longer; both are to be independent."""
        sigmas, path = [5.0, 5 * math.exp(-0.15)], NoisePath(X, 5)

        def noise_sampler(sigma, sigma_next):
            return path.normals(sigma, sigma_next, shortest=0.045)

        def coarse(sigma, sigma_next):
            return path.normals(sigma, sigma_next)

        given = dict(x=X.double(), sigmas=torch.tensor(sigmas, dtype=torch.float64), r=0.3)
        found = draw("SEEDS-2b", seed=5, **given)
        assert torch.equal(found, draw("SEEDS-2b", noise_sampler=noise_sampler, **given))
        assert not torch.equal(found, draw("SEEDS-2b", noise_sampler=coarse, **given))


class TestCost:
    """What a benchmark times (benchmarks/noise.py), in what can be counted."""

    def test_few_gaussians_and_little_memory(self):
        from noise import extra_latents, gaussians_a_draw, intervals_of_a_run

        x, intervals = torch.zeros(2, 4, 128, 128), intervals_of_a_run()
        assert len(intervals) == 38 and 7 < gaussians_a_draw(x, intervals) < 8.5
        assert extra_latents(x, intervals) < 10


class TestDevice:
    def test_the_choice_reaches_the_path(self, monkeypatch):
        from seeds_samplers.sampling import samplers

        asked = []

        class Spy(NoisePath):
            def __init__(self, *given, **named):
                asked.append(named["noise_device"])
                super().__init__(*given, **named)

        monkeypatch.setattr(samplers, "NoisePath", Spy)
        draw("SEEDS-1", x=X, noise_device="gpu")
        assert asked == ["gpu"]

    def test_torchs_default_dtype_does_not_matter(self):
        expected = NoisePath(X, 5)(3, 2)
        for dtype in (torch.float16, torch.bfloat16, torch.float64):
            torch.set_default_dtype(dtype)
            try:
                assert torch.equal(NoisePath(X, 5)(3, 2), expected)
            finally:
                torch.set_default_dtype(torch.float32)

    def test_without_a_gpu_both_draw_on_the_cpu(self):
        assert torch.equal(draw("SEEDS-2b", x=X, noise_device="cpu"), draw("SEEDS-2b", x=X, noise_device="gpu"))

    def test_the_other_devices_code_gives_the_same(self, monkeypatch):
        """What a GPU runs, here on the CPU."""
        ours = draw("SEEDS-3a", x=X, seed=5)
        from seeds_samplers.sampling.noise import sums
        from seeds_samplers.sampling.noise.gaussians import torch_sums

        def on_device(drawn, factors, places):
            return torch_sums(drawn, factors, torch.from_numpy(places.view(np.int32)))

        monkeypatch.setattr(sums, "numpy_sums", on_device)
        torch.testing.assert_close(draw("SEEDS-3a", x=X, seed=5), ours, rtol=1e-4, atol=1e-4)

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    @pytest.mark.parametrize("noise_device", ["cpu", "gpu"])
    def test_the_cpu_and_the_gpu_agree(self, noise_device):
        result = draw("SEEDS-2b", x=X.cuda(), seed=5, noise_device=noise_device)
        torch.testing.assert_close(result.cpu(), draw("SEEDS-2b", x=X, seed=5), rtol=1e-4, atol=1e-4)

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    @pytest.mark.parametrize("noise_device", ["cpu", "gpu"])
    @pytest.mark.parametrize("method", [*METHODS, "SEEDS-M", "ER-SDE"])
    def test_the_host_never_waits_for_a_gpu(self, method, noise_device):
        """With sigmas on the CPU nothing synchronises."""
        sampler, variant = METHODS.get(method) or (SAMPLERS[method], {})
        options = dict(seed=5, disable=True, noise_device=noise_device, **variant)
        model, x = lambda x, sigma: x / (1 + sigma.view(-1, 1, 1)), X.cuda()
        sampler(model, x, SIGMAS, **options)
        torch.cuda.set_sync_debug_mode("error")
        try:
            sampler(model, x, SIGMAS, **options)
        finally:
            torch.cuda.set_sync_debug_mode("default")
