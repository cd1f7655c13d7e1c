"""Latents, models, and settings of torch that are unusual, and change nothing."""

import copy
import pickle

import pytest
import torch
from problems import METHODS, SIGMAS, X, curved_denoiser, mixture_denoiser

from seeds_samplers.sampling import SAMPLERS, NoisePath, sigmas_flow, sigmas_karras

EVERY = {**METHODS, "SEEDS-M": (SAMPLERS["SEEDS-M"], {}), "ER-SDE": (SAMPLERS["ER-SDE"], {})}
every_method = pytest.mark.parametrize("method", EVERY)


def draw(method, x=X, model=mixture_denoiser, sigmas=SIGMAS, **options):
    sampler, variant = EVERY[method]
    return sampler(model, x, sigmas, disable=True, **{"seed": 0, **variant, **options})


class TestLatents:
    @every_method
    def test_of_one_number_an_image(self, method):
        """(B,) is (B, 1): by the path, by a noise_sampler, alone and in a batch."""
        x = X.flatten()[:4]
        flat, deep = (draw(method, x=given, model=curved_denoiser) for given in (x, x[:, None]))
        assert flat.shape == (4,)
        torch.testing.assert_close(flat, deep[:, 0], rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(draw(method, x=x[:1], model=curved_denoiser), flat[:1], rtol=1e-5, atol=1e-5)
        plain = draw(method, x=x, noise_sampler=lambda sigma, sigma_next: torch.ones(4))
        torch.testing.assert_close(plain, draw(method, x=x[:, None], noise_sampler=lambda *_: torch.ones(4, 1))[:, 0])

    def test_of_one_number_have_a_path(self):
        flat, deep = NoisePath(torch.zeros(3), 5), NoisePath(torch.zeros(3, 1), 5)
        for ends in [(5, 2), (2, 1.999), (2, 0)]:
            assert torch.equal(flat(*ends), deep(*ends)[:, 0])
        assert torch.equal(flat.with_integral(5, 2)[1], deep.with_integral(5, 2)[1][:, 0])
        varied = NoisePath(torch.zeros(3), 5, variation_seed=6, variation_strength=0.5)
        assert varied(5, 2).shape == (3,)


class TestModels:
    """What a model returns is never written to, and only read before its next call."""

    @every_method
    def test_that_return_one_buffer_which_they_overwrite(self, method):
        buffer = torch.empty_like(X)
        found = draw(method, model=lambda x, sigma: buffer.copy_(mixture_denoiser(x, sigma)))
        assert torch.equal(found, draw(method))

    @every_method
    def test_that_spoil_what_they_returned_last(self, method):
        last = []

        def model(x, sigma):
            for tensor in last:
                tensor.fill_(torch.nan)
            last[:] = [mixture_denoiser(x, sigma)]
            return last[0]

        assert torch.equal(draw(method, model=model), draw(method))

    @every_method
    @pytest.mark.parametrize("view", [lambda x: x, lambda x: x.flip(1), lambda x: x.transpose(2, 3), lambda x: x[:]])
    def test_that_return_x_or_a_view_of_it(self, method, view):
        seen = []

        def model(x, sigma):
            seen.append((x, x.clone()))
            return view(x)

        found = draw(method, model=model)
        assert torch.equal(found, draw(method, model=lambda x, sigma: view(x).clone()))
        assert all(torch.equal(tensor, before) for tensor, before in seen)

    @every_method
    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
    def test_that_return_another_dtype(self, method, dtype):
        found = draw(method, model=lambda x, sigma: mixture_denoiser(x, sigma).to(dtype))
        same = draw(method, model=lambda x, sigma: mixture_denoiser(x, sigma).to(dtype).float())
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, same, rtol=1e-5, atol=1e-5)

    @every_method
    @pytest.mark.parametrize(
        "layout",
        [
            lambda x: x.to(memory_format=torch.channels_last),
            lambda x: torch.stack([x, x], -1)[..., 0],
            lambda x: x.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0),
        ],
    )
    def test_that_return_tensors_that_are_not_contiguous(self, method, layout):
        found = draw(method, model=lambda x, sigma: layout(mixture_denoiser(x, sigma)))
        torch.testing.assert_close(found, draw(method), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(draw(method, x=layout(X)), draw(method), rtol=1e-5, atol=1e-5)

    @every_method
    def test_that_return_one_number_for_all(self, method):
        """Expanded: every element of the result is the same place in memory."""
        found = draw(method, model=lambda x, sigma: torch.full((1, 1, 1, 1), 0.25).expand_as(x))
        assert torch.equal(found, torch.full_like(X, 0.25))

    @every_method
    def test_with_noise_from_one_buffer(self, method):
        buffer, generator = torch.empty_like(X), torch.Generator()

        def noise_sampler(sigma, sigma_next):
            return buffer.normal_(generator=generator)

        def fresh(sigma, sigma_next):
            return torch.randn(X.shape, generator=generator)

        generator.manual_seed(1)
        found = draw(method, noise_sampler=noise_sampler)
        generator.manual_seed(1)
        assert torch.equal(found, draw(method, noise_sampler=fresh))


class TestNoNoise:
    """ER-SDE's "ode" is the ODE; the others have eta or s_noise 0 for that (test_solver.py)."""

    @pytest.mark.parametrize("noise_scale", ["ode", lambda level: level, lambda level: 3 * level])
    @pytest.mark.parametrize("order", [1, 2, 3])
    def test_draws_nothing(self, noise_scale, order):
        def noise_sampler(sigma, sigma_next):
            raise AssertionError("called")

        state = torch.get_rng_state()
        for schedule, sigmas in (("karras", sigmas_karras(50, 0.01, 80)), ("flow", sigmas_flow(50))):
            given = dict(noise_scale=noise_scale, order=order, noise_schedule=schedule, sigmas=sigmas)
            one, other = (draw("ER-SDE", seed=seed, **given) for seed in (1, None))
            assert torch.equal(one, other)
            assert torch.equal(one, draw("ER-SDE", noise_sampler=noise_sampler, **given))
        assert torch.equal(torch.get_rng_state(), state)

    @pytest.mark.parametrize("noise_scale", ["sde", "sde2", "sde3", "sde5"])
    def test_very_short_steps_of_the_others_do(self, noise_scale):
        """Of 1e-9 in lambda: the deviation, of 3e-5 or so, is far above rounding."""
        asked = []

        def noise_sampler(sigma, sigma_next):
            asked.append(sigma)
            return torch.zeros_like(X, dtype=torch.float64)

        sigmas = [5.0, 5 / (1 + 1e-9), 5 / (1 + 2e-9)]
        draw("ER-SDE", x=X.double(), sigmas=sigmas, noise_scale=noise_scale, noise_sampler=noise_sampler)
        assert len(asked) == 2


class TestPickle:
    @pytest.mark.parametrize("schedule", ["karras", "flow"])
    @pytest.mark.parametrize("options", [{}, dict(variation_seed=9, variation_strength=0.3), dict(prediction="v")])
    @pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda path: pickle.loads(pickle.dumps(path))])
    def test_a_path_that_was_pickled_or_copied_is_the_same(self, schedule, options, again):
        path = NoisePath(X, 5, noise_schedule=schedule, **options)
        path(0.9, 0.5)
        other = again(path)
        for ends in [(0.5, 0.3), (0.9, 0.5), (0.5, 0.0), (0.3, 0.2999)]:
            assert torch.equal(other(*ends), path(*ends))
        assert torch.equal(torch.stack(other.with_integral(0.9, 0.5)), torch.stack(path.with_integral(0.9, 0.5)))


@pytest.fixture(params=["meta", "cpu", torch.float64, torch.float16, torch.bfloat16], ids=str)
def default(request):
    """torch's default device or dtype, set to another."""
    dtype = torch.get_default_dtype()
    if isinstance(request.param, torch.dtype):
        torch.set_default_dtype(request.param)
    else:
        torch.set_default_device(request.param)
    yield
    torch.set_default_dtype(dtype)
    torch.set_default_device(None)


LISTED = SIGMAS.tolist()
MIXED = dict(seed=[0, 1, 2], variation_seed=[0, 7, 2], variation_strength=0.3)
BY_EACH = {method: draw(method, sigmas=LISTED) for method in EVERY}
OF_PATH, KARRAS = NoisePath(X, **MIXED)(5, 2), sigmas_karras(5, 0.1, 9)


class TestDefaultsOfTorch:
    """torch.set_default_device and torch.set_default_dtype. The expected values were drawn without."""

    @every_method
    @pytest.mark.parametrize("kind", [list, torch.tensor, "numpy"])
    def test_samplers(self, method, kind, default):
        sigmas = LISTED if kind is list else SIGMAS if kind is torch.tensor else SIGMAS.numpy()
        seen = []
        found = draw(method, sigmas=sigmas, callback=seen.append)
        assert torch.equal(found, BY_EACH[method]) and found.dtype == torch.float32
        assert [float(step["sigma"]) for step in seen] == LISTED[:-1]

    def test_a_seed_of_ones_own_comes_from_the_same_generator(self, default):
        drawn = []
        for _ in range(2):
            torch.manual_seed(3)
            drawn.append(draw("SEEDS-1", seed=None))
        assert torch.equal(*drawn)

    def test_paths_and_schedules(self, default):
        assert torch.equal(NoisePath(X, **MIXED)(5, 2), OF_PATH)
        assert torch.equal(sigmas_karras(5, 0.1, 9), KARRAS) and KARRAS.dtype == torch.float32
