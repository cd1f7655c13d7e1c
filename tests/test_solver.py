"""The loop, and what every sampler promises its callers."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ledger import Ledger
from problems import METHODS, PREDICTIONS, curved_denoiser, responses, uniform_lambda

from seeds_samplers.sampling import SAMPLERS, sigmas_flow, sigmas_karras
from seeds_samplers.sampling.plan import one_step_plan, seeds_2, seeds_3
from seeds_samplers.sampling.prediction import prediction_of
from seeds_samplers.sampling.schedule import NOISE_SCHEDULES

SIGMAS = sigmas_karras(6, 0.05, 20)
X = torch.randn(3, 2, 4, 4, generator=torch.Generator().manual_seed(1)) * 20
every_method = pytest.mark.parametrize("method", METHODS)
every_sampler = pytest.mark.parametrize("name", SAMPLERS)


class Recorder:
    """A model that remembers its calls."""

    def __init__(self, model=curved_denoiser):
        self.model, self.calls, self.results = model, [], []

    def __call__(self, x, sigma, **extra_args):
        self.calls.append((x, sigma, extra_args))
        self.results.append(self.model(x, sigma))
        return self.results[-1]


def draw(method, x=X, sigmas=SIGMAS, model=curved_denoiser, **options):
    sampler, variant = METHODS[method]
    return sampler(model, x, sigmas, disable=True, **{"seed": 0, **variant, **options})


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
    first = [int(method[6]) * i for i in range(6)]
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


@pytest.mark.parametrize("method", [seeds_2(0.5, "2b"), seeds_3(0.2, 0.7, "3b")])
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_a_plan_is_python_floats_and_knows_its_model_calls(method, prediction):
    form, model = prediction_of(prediction, 0.5, 0.8), Recorder()
    plan = one_step_plan(method, form, NOISE_SCHEDULES["karras"], SIGMAS.tolist())
    numbers = [
        number
        for step in plan.steps
        for stage in step
        for number in (stage.sigma, stage.sigma_next, stage.noise, *stage.state, *stage.denoised)
    ]
    assert {type(number) for number in numbers} == {float}
    draw("SEEDS-2b" if len(method.points) == 3 else "SEEDS-3b", model=model)
    assert plan.model_calls == len(model.calls)


@pytest.mark.parametrize("method, operations, latents", [("SEEDS-2b", 6, 3), ("SEEDS-3a", 6, 4), ("SEEDS-3b", 6, 4)])
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


ZERO = {  # models whose prediction in the form is zero
    "data": lambda x, sigma: 0 * x,
    "noise": lambda x, sigma: x,
    "v": lambda x, sigma: x * (0.64 / (0.64 + sigma.view(-1, 1) ** 2)),
}


@st.composite
def runs(draw_value):
    """Sigmas, options and a method, over the range that is promised."""
    logs = draw_value(st.lists(st.floats(-9, 6), min_size=2, max_size=6, unique=True))
    sigmas = sorted((math.exp(value) for value in logs), reverse=True)
    assume(all(a > b * (1 + 1e-6) for a, b in pairwise(sigmas)))
    method = draw_value(st.sampled_from(sorted(METHODS)))
    options = {"eta": draw_value(st.floats(0, 5)), "prediction": draw_value(st.sampled_from(PREDICTIONS))}
    fractions = st.floats(0.05, 1)
    if "2" in method:
        options["r"] = draw_value(fractions)
    if "3" in method:
        options["r_1"], options["r_2"] = sorted(draw_value(st.tuples(fractions, fractions)))
        assume(options["r_2"] - options["r_1"] > 0.05)
    return method, sigmas + [0.0] * draw_value(st.booleans()), options


@settings(max_examples=100)
@given(runs())
def test_any_sigmas_and_any_options_give_finite_results(run):
    method, sigmas, options = run
    levels = torch.tensor(sigmas, dtype=torch.float64)
    assert draw(method, x=X.double() / 20 * sigmas[0], sigmas=levels, **options).isfinite().all()


@settings(max_examples=100)
@given(runs())
def test_where_the_prediction_is_zero_any_run_is_exact(run):
    """Then y grows and gathers noise as the form says, from the first level to the last, however the way is cut up."""
    method, sigmas, options = run
    sigmas = [sigma for sigma in sigmas if sigma]
    form = prediction_of(options["prediction"], options["eta"], 0.8)
    sampler, variant = METHODS[method]
    to_x, to_noise = responses(sampler, ZERO[options["prediction"]], sigmas, sigma_data=0.8, **variant, **options)
    assert to_x.item() == pytest.approx(form.growth(sigmas[-1], sigmas[0]), rel=1e-9, abs=1e-300)
    assert (to_noise**2).sum().item() == pytest.approx(form.variance(sigmas[-1], sigmas[0]), rel=1e-9, abs=1e-300)


@settings(max_examples=50)
@given(runs(), st.floats(1e-3, 1e3))
def test_scaling_data_and_noise_levels_scales_the_result(run, scale):
    """The equation has no unit of its own: only sigma_data has to be scaled along."""
    method, sigmas, options = run
    levels, x = torch.tensor(sigmas, dtype=torch.float64), X.double()
    expected = draw(method, x=x, sigmas=levels, sigma_data=1.0, **options)
    scaled = draw(
        method,
        x=x * scale,
        sigmas=levels * scale,
        model=lambda x, sigma: curved_denoiser(x / scale, sigma / scale) * scale,
        sigma_data=scale,
        **options,
    )
    assert (scaled / scale - expected).abs().max() <= 1e-6 * expected.abs().max()
