"""SEEDSScheduler, a step at a time: it is the samplers, whatever the model predicts and the config says."""

import pytest
import torch
from diffusers_steps import DATA, FLOW, SD, SHAPE, levels_of, output_of, run, sample, start

diffusers = pytest.importorskip("diffusers")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from seeds_samplers.sampling import SAMPLERS, NoisePath, call_pattern  # noqa: E402
from seeds_samplers.schedulers import SEEDSScheduler  # noqa: E402


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample", "flow_prediction"])
def test_equals_the_sampler(name, prediction):
    config = FLOW if prediction == "flow_prediction" else {**SD, "prediction_type": prediction}
    scheduler = SEEDSScheduler(solver=name, noise_sampler_seed=[5, 9], **config)
    scheduler.set_timesteps(9)
    x = start(scheduler)
    assert len(scheduler.timesteps) == 8 * SAMPLERS[name].calls_per_step + 1
    # The model finds its level from the timestep, which float32 rounds: that is an error of 3e-5 of a timestep.
    torch.testing.assert_close(run(scheduler, x), sample(name, scheduler, x, seed=[5, 9]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SEEDS-1", {"eta": 0.5, "prediction": "noise"}),
        ("SEEDS-2", {"variant": "2s"}),
        ("SEEDS-2", {"r": 1.0, "variant": "2a"}),
        ("SEEDS-3", {"r_1": 0.2, "r_2": 0.9, "variant": "3b"}),
        ("SEEDS-M", {"order": 1, "eta_cap": 2.0, "s_noise": 1.1}),
        ("ER-SDE", {"order": 2, "noise_scale": "sde2"}),
    ],
)
def test_options_are_the_samplers(name, options):
    scheduler = SEEDSScheduler(solver=name, options=options, noise_sampler_seed=3, **SD)
    scheduler.set_timesteps(6)
    x = start(scheduler)
    ours = run(scheduler, x)
    torch.testing.assert_close(ours, sample(name, scheduler, x, seed=3, **options), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(ours, sample(name, scheduler, x, seed=3), atol=1e-3)


def test_the_timesteps_are_those_of_the_model_calls():
    for config in (SD, FLOW):
        scheduler = SEEDSScheduler(solver="SEEDS-3", **config)
        scheduler.set_timesteps(5)
        calls = call_pattern("SEEDS-3", levels_of(scheduler), noise_schedule=scheduler.noise_schedule.name)
        torch.testing.assert_close(scheduler.sigmas, torch.tensor([*(call.sigma for call in calls), 0.0]))
        expected = [scheduler.family.timestep(call.sigma) for call in calls]
        torch.testing.assert_close(scheduler.timesteps, torch.tensor(expected))


@pytest.mark.parametrize("name", ["SEEDS-M", "SEEDS-2"])
def test_half_precision_is_computed_in_float32(name):
    """As by the sampler: what is between two steps is rounded for the model alone."""
    scheduler = SEEDSScheduler(solver=name, noise_sampler_seed=[1, 2], **FLOW)
    scheduler.set_timesteps(12)
    x = start(scheduler).bfloat16()
    calls = zip(scheduler._sigmas, scheduler.timesteps, strict=True)

    def model(x, _):
        sigma, t = next(calls)
        return x.float() - sigma * output_of(scheduler, x, t).float()

    levels = levels_of(scheduler)
    expected = SAMPLERS[name](model, x, levels, seed=[1, 2], noise_schedule="flow", disable=True)
    ours = run(scheduler, x)
    assert ours.dtype == torch.bfloat16
    assert torch.equal(ours, expected)


def run_again(scheduler, x, **given):
    scheduler.set_timesteps(scheduler.num_inference_steps)
    return run(scheduler, x, **given)


def test_whole_timesteps_are_whole():
    for spacing in ("leading", "trailing"):
        scheduler = SEEDSScheduler(timestep_spacing=spacing, **SD)
        scheduler.set_timesteps(25)
        assert torch.equal(scheduler.timesteps, scheduler.timesteps.round())


@pytest.mark.parametrize("name", SAMPLERS)
def test_image_to_image_begins_within_the_schedule(name):
    scheduler = SEEDSScheduler(solver=name, noise_sampler_seed=4, **SD)
    scheduler.set_timesteps(10)
    begin, image, noise = 6, torch.full(SHAPE, 0.5), torch.randn(SHAPE, generator=torch.Generator().manual_seed(3))
    timesteps = scheduler.timesteps[begin * scheduler.order :]
    scheduler.set_begin_index(begin * scheduler.order)
    x = scheduler.add_noise(image, noise, timesteps[:1])
    levels = levels_of(scheduler)[begin:]
    torch.testing.assert_close(x, image + noise * levels[0].float())
    expected = sample(name, scheduler, x, levels, seed=4)
    torch.testing.assert_close(run(scheduler, x, timesteps=timesteps), expected, rtol=1e-5, atol=1e-5)


def test_flow_image_to_image():
    scheduler = SEEDSScheduler(**FLOW)
    scheduler.set_timesteps(10)
    scheduler.set_begin_index(6)
    image, noise = torch.ones(SHAPE), torch.zeros(SHAPE)
    x = scheduler.scale_noise(image, scheduler.timesteps[6:7], noise)
    torch.testing.assert_close(x, image * (1 - scheduler.sigmas[6]))


def test_add_noise_in_training():
    scheduler = SEEDSScheduler(**SD)
    image, noise = torch.ones(3, 1), torch.ones(3, 1)
    euler = diffusers.EulerDiscreteScheduler(**SD)
    timesteps = torch.tensor([999, 500, 3])
    ours = scheduler.add_noise(image, noise, timesteps)
    torch.testing.assert_close(ours, euler.add_noise(image, noise, timesteps))


@pytest.mark.parametrize("name", ["SEEDS-M", "SEEDS-2"])
def test_latents_that_the_pipeline_changes_are_taken(name):
    """As inpainting does: half of the latents is another image's, at each level."""
    scheduler = SEEDSScheduler(solver=name, noise_sampler_seed=4, **SD)
    scheduler.set_timesteps(12)
    scheduler.set_begin_index(0)
    image, noise = torch.full(SHAPE, 0.5), torch.randn(SHAPE, generator=torch.Generator().manual_seed(3))

    def change(i, x):
        if i + 1 == len(scheduler.timesteps):
            return torch.cat([image[..., :3], x[..., 3:]], -1)
        known = scheduler.add_noise(image, noise, scheduler.timesteps[i + 1 : i + 2])
        return torch.cat([known[..., :3], x[..., 3:]], -1)

    result = run(scheduler, start(scheduler), change=change)
    assert torch.equal(result[..., :3], image[..., :3])
    assert result[..., 3:].std() < 2 * DATA


def test_changes_in_place_are_changes():
    for dtype in (torch.float32, torch.bfloat16):
        results = []
        for change in (lambda i, x: x * 0.5, lambda i, x: x.mul_(0.5)):
            scheduler = SEEDSScheduler(noise_sampler_seed=4, **SD)
            scheduler.set_timesteps(5)
            results.append(run(scheduler, start(scheduler).to(dtype), change=change))
        assert torch.equal(*results)


def test_nothing_is_read_from_the_device_after_the_first_call():
    class Reads(TorchDispatchMode):
        seen = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            self.seen += "_local_scalar_dense" in str(function) or "nonzero" in str(function)
            return function(*args, **(kwargs or {}))

    for name in SAMPLERS:
        scheduler = SEEDSScheduler(solver=name, noise_sampler_seed=4, **SD)
        scheduler.set_timesteps(5)
        x, output = start(scheduler), torch.randn(SHAPE)
        with Reads() as reads:
            for i, t in enumerate(scheduler.timesteps):
                scheduler.scale_model_input(x, t)
                x = scheduler.step(output, t, x).prev_sample
                if i == 0:
                    assert reads.seen  # the timestep is looked up, as diffusers' own schedulers do
                    reads.seen = 0
        assert reads.seen == 0


def test_return_dict():
    scheduler = SEEDSScheduler(noise_sampler_seed=1, **SD)
    scheduler.set_timesteps(4)
    x, output = start(scheduler), torch.randn(SHAPE)
    one = scheduler.step(output, scheduler.timesteps[0], x)
    scheduler.set_timesteps(4)
    other = scheduler.step(output, scheduler.timesteps[0], x, return_dict=False)
    assert torch.equal(one.prev_sample, other[0]) and torch.equal(one.pred_original_sample, other[1])
    torch.testing.assert_close(one.pred_original_sample, x - scheduler.sigmas[0] * output)


def test_a_run_leaves_nothing_for_the_next():
    scheduler = SEEDSScheduler(noise_sampler_seed=1, **SD)
    scheduler.set_timesteps(6)
    x = start(scheduler)
    first = run(scheduler, x)
    scheduler.set_timesteps(6)
    run(scheduler, x * 0.9, timesteps=scheduler.timesteps[:3])  # one that is broken off
    assert torch.equal(run_again(scheduler, x), first)


def test_the_noise_sampler_is_a_path():
    """What SD.Next looks for, with noise_sampler_seed."""
    scheduler = SEEDSScheduler(**SD)
    assert scheduler.noise_sampler is None and scheduler.noise_sampler_seed is None
    scheduler.noise_sampler_seed = [1, 2]
    scheduler.set_timesteps(4)
    run(scheduler, start(scheduler))
    assert isinstance(scheduler.noise_sampler, NoisePath)
