"""step_with_log_prob: the Gaussian of a step is the one that is drawn from."""

import pytest
import torch

diffusers = pytest.importorskip("diffusers")

from seeds_samplers.schedulers import SEEDSScheduler  # noqa: E402

FLOW = dict(prediction_type="flow_prediction", shift=3.0)
SOLVERS = ["SEEDS-1", "SEEDS-M", "ER-SDE"]
IMAGES = 4000


def model(x, sigma, gain=0.8):
    """The output of a flow model, not linear."""
    return gain * torch.sin(x) + sigma * x


def made(name, steps=6, **given):
    scheduler = SEEDSScheduler(solver=name, **{"noise_sampler_seed": 11, **FLOW, **given})
    scheduler.set_timesteps(steps)
    return scheduler


def trajectory(scheduler, x, gain=0.8):
    """The outputs of a run's steps, and the samples that they start from."""
    outputs, samples = [], []
    for i, t in enumerate(scheduler.timesteps):
        samples.append(x)
        outputs.append(scheduler.step_with_log_prob(model(x, scheduler.sigmas[i], gain), t, x))
        x = outputs[-1].prev_sample
    return outputs, samples


X = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", [*SOLVERS, "SEEDS-2", "SEEDS-3"])
@pytest.mark.parametrize("call", [0, 1, 3, 4])
def test_mean_and_deviation_are_those_of_what_is_drawn(name, call):
    """All images have one past, so that they differ in the noise of one step alone."""
    scheduler = made(name)
    past = torch.randn(call + 1, 1, 5, generator=torch.Generator().manual_seed(1))
    for i in range(call):
        x = past[i].expand(IMAGES, 5)
        given = past[i + 1].expand(IMAGES, 5)
        scheduler.step_with_log_prob(model(x, scheduler.sigmas[i]), scheduler.timesteps[i], x, prev_sample=given)
    x = past[call].expand(IMAGES, 5)
    one = scheduler.step_with_log_prob(model(x, scheduler.sigmas[call]), scheduler.timesteps[call], x)
    drawn = (one.prev_sample - one.mean) / one.std
    assert one.std > 0.001
    # 20,000 numbers: the bounds are four standard deviations of the estimates.
    assert abs(drawn.mean()) < 4 / 20000**0.5 and abs(drawn.var() - 1) < 4 * (2 / 20000) ** 0.5
    assert (drawn.mean(0).abs() < 4.5 / IMAGES**0.5).all()
    assert one.mean.std(0).max() < 1e-5
    expected = torch.distributions.Normal(one.mean, one.std).log_prob(one.prev_sample).sum(1)
    torch.testing.assert_close(one.log_prob, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", SOLVERS)
def test_draws_what_step_draws(name):
    scheduler = made(name)
    outputs, _ = trajectory(scheduler, X)
    other, x = made(name), X
    for i, t in enumerate(other.timesteps):
        x = other.step(model(x, other.sigmas[i]), t, x).prev_sample
        torch.testing.assert_close(outputs[i].prev_sample, x, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", SOLVERS)
def test_a_trajectory_has_the_density_it_was_drawn_with(name, dtype):
    outputs, samples = trajectory(made(name), X.to(dtype))
    scheduler = made(name, noise_sampler_seed=99)  # whatever would be drawn now
    ends = [*samples[1:], outputs[-1].prev_sample]
    for i, t in enumerate(scheduler.timesteps):
        output = model(samples[i], scheduler.sigmas[i])
        again = scheduler.step_with_log_prob(output, t, samples[i], prev_sample=ends[i])
        assert torch.equal(again.prev_sample, ends[i])
        if i + 1 < len(ends):
            torch.testing.assert_close(again.log_prob, outputs[i].log_prob, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", SOLVERS)
def test_the_last_step_draws_nothing(name):
    outputs, _ = trajectory(made(name), X)
    last = outputs[-1]
    assert last.std == 0 and last.log_prob is None
    assert torch.equal(last.mean, last.prev_sample)


@pytest.mark.parametrize("name", SOLVERS)
def test_gradients(name):
    """That of the density in the model's output, against finite differences, at a step with a past."""

    def density(nudge):
        scheduler = made(name)
        x, given = X.double(), torch.linspace(-1, 1, 15).double().view(3, 5)
        for i in range(4):
            output = model(x, scheduler.sigmas[i]) + (nudge if i == 3 else 0)
            one = scheduler.step_with_log_prob(output, scheduler.timesteps[i], x, prev_sample=given * (i + 1))
            x = given * (i + 1)
        return one.log_prob.sum()

    nudge = torch.zeros(3, 5, dtype=torch.float64, requires_grad=True)
    density(nudge).backward()
    direction, small = torch.randn(3, 5, generator=torch.Generator().manual_seed(2)).double(), 1e-5
    expected = (density(small * direction) - density(-small * direction)) / (2 * small)
    torch.testing.assert_close((nudge.grad * direction).sum(), expected, rtol=1e-5, atol=1e-6)
    assert nudge.grad.abs().min() > 0


def test_shared_noise_is_refused():
    scheduler = made("SEEDS-2", options={"variant": "2s"})
    with pytest.raises(ValueError, match=r"solver: SEEDS-2 with .*2s.*; expected one that draws one Gaussian"):
        trajectory(scheduler, X)


def test_without_noise_there_is_no_density():
    outputs, _ = trajectory(made("SEEDS-1", options={"eta": 0.0}), X)
    assert all(one.log_prob is None and one.std == 0 for one in outputs)
