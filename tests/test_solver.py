"""The loop, and what every sampler promises its callers."""

from itertools import pairwise

import pytest
import torch
from ledger import Ledger
from problems import METHODS, PREDICTIONS, SIGMAS, Recorder, X, curved_denoiser, draw, uniform_lambda

from seeds_samplers.sampling import SAMPLERS, sigmas_flow, sigmas_karras

every_method = pytest.mark.parametrize("method", METHODS)
every_sampler = pytest.mark.parametrize("name", SAMPLERS)


@every_sampler
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_model_calls(name, steps):
    """k (N - 1) + 1 calls for N steps that end at 0, k N for steps that do not."""
    k, model = SAMPLERS[name].calls_per_step, Recorder()
    SAMPLERS[name](model, X, sigmas_karras(steps, 0.05, 20), disable=True)
    assert len(model.calls) == k * (steps - 1) + 1
    model = Recorder()
    SAMPLERS[name](model, X, uniform_lambda(steps, 20, 0.05), disable=True)
    assert len(model.calls) == k * steps


@every_method
def test_the_model_gets_k_diffusions_arguments(method):
    model = Recorder()
    draw(method, model=model, extra_args={"cond": "a", "seed": 7})
    for x, sigma, extra_args in model.calls:
        assert (x.shape, x.dtype, sigma.shape, sigma.dtype) == (X.shape, X.dtype, (3,), X.dtype)
        assert extra_args == {"cond": "a", "seed": 7}
    sigmas = [sigma[0].item() for _, sigma, _ in model.calls]
    assert sigmas == sorted(sigmas, reverse=True)
    assert set(SIGMAS[:-1].tolist()) <= set(sigmas)


def test_stage_points_lie_at_their_fraction_in_lambda():
    model = Recorder()
    draw("SEEDS-3a", model=model, sigmas=torch.tensor([8.0, 1.0]), r_1=1 / 3, r_2=2 / 3)
    assert [sigma[0].item() for _, sigma, _ in model.calls] == pytest.approx([8, 4, 2])


@every_method
def test_nothing_that_others_have_seen_is_written_to(method):
    """Neither x, nor what the model got or returned, nor the noise, nor what the callback was shown."""
    seen = []

    def keep(tensor):
        seen.append((tensor, tensor.clone()))
        return tensor

    def noise_sampler(sigma, sigma_next):
        return keep(torch.randn_like(X))

    def callback(info):
        keep(info["x"]), keep(info["denoised"])

    result = draw(
        method,
        x=keep(X),
        model=lambda x, sigma: keep(curved_denoiser(keep(x), sigma)),
        noise_sampler=noise_sampler,
        callback=callback,
    )
    assert result.isfinite().all()
    assert all(torch.equal(tensor, copy) for tensor, copy in seen)
    assert all(result.data_ptr() != tensor.data_ptr() for tensor, _ in seen)


@every_method
def test_a_model_that_returns_its_input(method):
    """Then the drift is zero: without noise x stays as it is, and the result is not x itself."""
    for sigmas in (SIGMAS, torch.tensor([5.0, 0.0])):
        result = draw(method, model=lambda x, sigma: x, sigmas=sigmas, eta=0)
        torch.testing.assert_close(result, X, rtol=1e-5, atol=1e-5)
        assert result.data_ptr() != X.data_ptr()


@every_method
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_a_model_that_returns_the_same_tensor_each_call(method, prediction):
    """A constant denoised, in one buffer: the run ends there, and without noise the way there is a straight line."""
    buffer = torch.full_like(X, 0.25)

    def model(x, sigma):
        return buffer

    assert torch.equal(draw(method, model=model, prediction=prediction), buffer)
    stop = draw(method, model=model, sigmas=SIGMAS[:-1], eta=0)
    torch.testing.assert_close(stop, buffer + (X - buffer) * SIGMAS[-2] / SIGMAS[0], rtol=1e-4, atol=1e-5)


@every_method
def test_a_model_that_overwrites_its_own_result_at_the_next_call(method):
    """As a compiled or captured model does: what is kept of a result must have been taken before the next call."""
    buffer = torch.empty_like(X)

    def model(x, sigma):
        return buffer.copy_(curved_denoiser(x, sigma))

    assert torch.equal(draw(method, model=model), draw(method))


@every_method
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32_and_returned_in_its_dtype(method, dtype):
    """The same as a run in float32 whose model sees x and sigma rounded; a run in half precision would not be."""

    def half_model(x, sigma):
        return curved_denoiser(x.to(dtype), sigma.to(dtype))

    model, x = Recorder(half_model), X.to(dtype)
    result = draw(method, x=x, model=model, sigmas=SIGMAS[:-1])
    assert result.dtype == dtype and {tensor.dtype for call in model.calls for tensor in call[:2]} == {dtype}
    assert torch.equal(result, draw(method, x=x.float(), model=half_model, sigmas=SIGMAS[:-1]).to(dtype))


@every_method
def test_a_noise_sampler_gets_float32_levels_in_half_precision(method):
    """0.9999 and the first stage of a flow run are both 1 in bfloat16: an interval that would be empty."""
    intervals = []

    def noise_sampler(sigma, sigma_next):
        intervals.append((sigma.item(), sigma_next.item()))
        return torch.zeros_like(X)

    x, sigmas = X.bfloat16(), sigmas_flow(20, shift=3)
    draw(method, x=x, sigmas=sigmas, noise_schedule="flow", noise_sampler=noise_sampler, model=lambda x, sigma: x)
    assert intervals and all(a > b for a, b in intervals)


def test_double_precision_is_kept():
    assert draw("SEEDS-2b", x=X.double()).dtype == torch.float64
    single, double = draw("SEEDS-2b"), draw("SEEDS-2b", x=X.double())
    torch.testing.assert_close(single, double.float(), rtol=1e-3, atol=1e-4)


@every_method
@pytest.mark.parametrize("noise_schedule", ["karras", "flow"])
def test_the_callback_comes_once_a_step(method, noise_schedule):
    """With what the first model call of the step got and gave."""
    sigmas = SIGMAS if noise_schedule == "karras" else sigmas_flow(6)
    model, calls = Recorder(lambda x, sigma: x * 0.5), []
    draw(method, model=model, callback=calls.append, sigmas=sigmas, noise_schedule=noise_schedule)
    assert [call["i"] for call in calls] == list(range(6))
    assert [call["sigma"].item() for call in calls] == sigmas[:-1].tolist()
    first = [METHODS[method][0].calls_per_step * i for i in range(6)]
    for call, k in zip(calls, first, strict=True):
        assert set(call) == {"x", "i", "sigma", "sigma_hat", "denoised"}
        assert call["x"] is model.calls[k][0] and call["denoised"] is model.results[k]
        assert call["sigma_hat"].shape == () and call["sigma_hat"] == model.calls[k][1][0]
    assert calls[0]["sigma_hat"].item() == pytest.approx(20 if noise_schedule == "karras" else 1 - 1e-4)


@every_method
@pytest.mark.parametrize("noise_schedule", ["karras", "flow"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_noise_sampler_is_asked_for_each_interval_in_order(method, noise_schedule, dtype):
    """0-d tensors like x, in the host's sigma; consecutive, between the model's levels; none for the step to 0."""
    intervals, x, model = [], X.to(dtype), Recorder()
    sigmas = SIGMAS if noise_schedule == "karras" else sigmas_flow(6)

    def noise_sampler(sigma, sigma_next):
        assert (sigma.shape, sigma.dtype, sigma_next.dtype) == ((), dtype, dtype)
        intervals.append((sigma.item(), sigma_next.item()))
        return torch.zeros_like(x)

    draw(method, x=x, model=model, sigmas=sigmas, noise_sampler=noise_sampler, noise_schedule=noise_schedule)
    levels = [sigma[0].item() for _, sigma, _ in model.calls]
    assert intervals == list(pairwise(levels))


@pytest.mark.parametrize("options", [{"eta": 0}, {"s_noise": 0}])
@every_method
def test_without_noise_the_noise_sampler_and_the_global_generator_are_left_alone(method, options):
    def noise_sampler(sigma, sigma_next):
        raise AssertionError("called")

    state = torch.get_rng_state()
    a = draw(method, noise_sampler=noise_sampler, **options)
    b = draw(method, seed=None, **options)
    assert torch.equal(a, b) and torch.equal(torch.get_rng_state(), state)


def test_an_empty_interval_draws_nothing():
    """r = 1 puts the second call at the end of the step, r_2 = 1 the third."""
    for method, options, draws in [("SEEDS-2b", {"r": 1}, 5), ("SEEDS-3b", {"r_2": 1.0}, 10)]:
        intervals = []

        def noise_sampler(sigma, sigma_next, intervals=intervals):
            intervals.append((sigma, sigma_next))
            return torch.zeros_like(X)

        draw(method, noise_sampler=noise_sampler, **options)
        assert len(intervals) == draws and all(a > b for a, b in intervals)


@every_sampler
@pytest.mark.parametrize("sigmas", [[], [3.0], [0.0]])
def test_without_a_step_x_comes_back(name, sigmas):
    assert SAMPLERS[name](None, X, torch.tensor(sigmas)) is X


@every_method
def test_any_shape(method):
    for shape in [(2, 4, 8, 8), (1, 16, 3, 4, 5), (2, 1, 17), (5, 3), (4,), (0, 3, 8, 8)]:
        assert draw(method, x=torch.ones(shape)).shape == shape


@every_method
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_nothing_waits_for_the_device(method, prediction):
    """The meta device has no numbers: reading one raises."""
    x = X.to("meta")
    with pytest.raises((RuntimeError, NotImplementedError)):
        x.sum().item()
    calls = []
    result = draw(method, x=x, model=lambda x, sigma: x * 0.5, callback=calls.append, prediction=prediction)
    assert result.shape == X.shape and len(calls) == 6


@pytest.mark.parametrize(
    "method, operations, latents", [("SEEDS-2b", 5, 3), ("SEEDS-2s", 6, 4), ("SEEDS-3a", 5, 4), ("SEEDS-3b", 5, 4)]
)
def test_a_model_call_takes_few_operations_and_little_memory(method, operations, latents):
    """Data prediction, a plain noise_sampler, its draw included; the memory with the model's own results counted."""
    model = Recorder(lambda x, sigma: torch.zeros_like(x))
    with Ledger(X) as ledger:
        draw(method, model=lambda x, sigma: X, noise_sampler=lambda sigma, sigma_next: torch.randn_like(X))
    draw(method, model=model)
    assert ledger.full_size / len(model.calls) <= operations
    with Ledger(X) as ledger:
        draw(method, model=lambda x, sigma: x * 0.5, noise_sampler=lambda sigma, sigma_next: torch.randn_like(X))
    assert ledger.peak < latents + 0.2  # the 0.2: sigmas, small beside a latent of any size but this test's
