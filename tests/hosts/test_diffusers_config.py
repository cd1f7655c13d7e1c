"""SEEDSScheduler.from_config: the levels and timesteps are the other scheduler's; saved and loaded, it stays."""

import json

import numpy as np
import pytest
import torch

diffusers = pytest.importorskip("diffusers")

from diffusers import EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler  # noqa: E402

from seeds_samplers.sampling import sigmas_seeds  # noqa: E402
from seeds_samplers.sampling.schedule import FLOW_START  # noqa: E402
from seeds_samplers.schedulers import SEEDSScheduler  # noqa: E402

SD = dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)

KARRAS = [
    {},
    {"timestep_spacing": "leading", "steps_offset": 1},
    {"timestep_spacing": "trailing"},
    {"timestep_spacing": "trailing", "rescale_betas_zero_snr": True, "prediction_type": "v_prediction"},
    {"use_karras_sigmas": True},
    {"use_exponential_sigmas": True},
    {"use_beta_sigmas": True},
    {"beta_schedule": "squaredcos_cap_v2"},
    {"beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02},
    {"trained_betas": [0.01, 0.02, 0.03, 0.04], "num_train_timesteps": 4},
    {"interpolation_type": "log_linear", "timestep_type": "continuous", "prediction_type": "v_prediction"},
    {"timestep_type": "continuous", "prediction_type": "v_prediction", "use_karras_sigmas": True},
    {"use_karras_sigmas": True, "sigma_min": 0.1, "sigma_max": 20.0},
]


def assert_levels(ours, host):
    """The same noise levels and, to the interpolation's rounding, timesteps."""
    assert torch.equal(ours.sigmas, host.sigmas[: len(host.timesteps) + 1])
    torch.testing.assert_close(ours.timesteps, host.timesteps.float(), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(torch.tensor(float(ours.init_noise_sigma)), torch.tensor(float(host.init_noise_sigma)))


@pytest.mark.parametrize("settings", KARRAS, ids=str)
def test_levels_are_those_of_the_euler_scheduler(settings):
    if settings.get("use_beta_sigmas"):
        pytest.importorskip("scipy")
    host = EulerDiscreteScheduler(**{**SD, **settings})
    ours = SEEDSScheduler.from_config(host.config)
    steps = min(12, host.config.num_train_timesteps)
    host.set_timesteps(steps)
    ours.set_timesteps(steps)
    assert_levels(ours, host)
    x = torch.randn(1, 4, 2, 2)
    for i in (0, 3):
        host._step_index = ours._step_index = i
        torch.testing.assert_close(ours.scale_model_input(x, None), host.scale_model_input(x, None))


FLOWS = [{"shift": 3.0}, {}, {"use_karras_sigmas": True}, {"shift": 2.0, "shift_terminal": 0.1}]


def first_moved(sigmas):
    """A first level of 1 is moved a little, where lambda is infinite."""
    sigmas = sigmas.clone()
    sigmas[0] = min(sigmas[0], FLOW_START)
    return sigmas


@pytest.mark.parametrize("settings", FLOWS, ids=str)
def test_levels_are_those_of_the_flow_scheduler(settings):
    host = FlowMatchEulerDiscreteScheduler(**settings)
    ours = SEEDSScheduler.from_config(host.config)
    assert ours.config.prediction_type == "flow_prediction"
    host.set_timesteps(9)
    ours.set_timesteps(9)
    assert torch.equal(ours.sigmas, first_moved(host.sigmas))
    torch.testing.assert_close(ours.timesteps, ours.sigmas[:-1] * 1000)
    assert ours.init_noise_sigma == 1


def test_flux_passes_sigmas_and_mu():
    host = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    ours = SEEDSScheduler.from_config(host.config)
    for scheduler in (host, ours):
        scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / 8, 8), mu=0.9)
    assert torch.equal(ours.sigmas, first_moved(host.sigmas))
    with pytest.raises(ValueError, match="mu"):
        ours.set_timesteps(8)


def test_wan_and_sana_have_flow_sigmas():
    settings = dict(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0)
    uniform = torch.linspace(1, 0.001, 11, dtype=torch.float64)[:-1]
    expected = torch.cat([5 * uniform / (1 + 4 * uniform), torch.zeros(1)]).float()
    for cls in (UniPCMultistepScheduler, diffusers.DPMSolverMultistepScheduler):
        host = cls(**settings)
        ours = SEEDSScheduler.from_config(host.config)
        for scheduler in (host, ours):
            scheduler.set_timesteps(10)
        torch.testing.assert_close(ours.sigmas, first_moved(expected), rtol=0, atol=1e-6)
        # Some of theirs begin a training step later, before the shift, which is at most as steep as it is large.
        assert (ours.sigmas - host.sigmas).abs().max() < 5e-3
        assert (ours.timesteps - host.timesteps).abs().max() < 6  # theirs are whole numbers


def test_mochi_counts_time_from_noise_to_data():
    host = FlowMatchEulerDiscreteScheduler(invert_sigmas=True)
    ours = SEEDSScheduler.from_config(host.config, solver="SEEDS-1", options={"eta": 0.0})
    x = torch.randn(1, 2, 3, generator=torch.Generator().manual_seed(0))
    data = torch.full_like(x, 0.3)
    for scheduler in (host, ours):
        scheduler.set_timesteps(sigmas=list(np.linspace(1, 0.125, 8)))
    torch.testing.assert_close(ours.timesteps[1:], host.timesteps[1:])
    for scheduler in (host, ours):
        sample = x
        for t in scheduler.timesteps:  # the output of the exact model of one image: towards it
            sample = scheduler.step(data - x, t, sample, return_dict=False)[0]
        moved = 1.01 * (1 - FLOW_START) * (x - data).abs().max().item()  # the first level is
        torch.testing.assert_close(sample, data, rtol=0, atol=moved)


def test_edm_models():
    host = diffusers.EDMEulerScheduler(sigma_max=120.0, sigma_data=0.6)
    ours = SEEDSScheduler.from_config(host.config, solver="SEEDS-1", options={"eta": 0.0}, noise_sampler_seed=0)
    for scheduler in (host, ours):
        scheduler.set_timesteps(7)
    assert torch.equal(ours.sigmas, host.sigmas)
    torch.testing.assert_close(ours.timesteps, host.timesteps)
    x, output = torch.randn(1, 2, 3) * 120, torch.randn(1, 2, 3)
    host._step_index = ours._step_index = 0
    torch.testing.assert_close(ours.scale_model_input(x, None), host.scale_model_input(x, None))
    ours._step_index = host._step_index = None
    theirs = host.step(output, host.timesteps[0], x).pred_original_sample
    torch.testing.assert_close(ours.step(output, ours.timesteps[0], x).pred_original_sample, theirs)
    default = SEEDSScheduler.from_config(diffusers.EDMEulerScheduler().config)  # whose config says next to nothing
    assert (default.config.sigma_data, default.config.sigma_max) == (0.5, 80.0)


def test_sigmas_and_timesteps_can_be_given():
    host, ours = EulerDiscreteScheduler(**SD), SEEDSScheduler(**SD)
    for given in ({"timesteps": [999, 700, 300, 50]}, {"sigmas": [14.6, 5.0, 1.0, 0.1, 0.0]}):
        for scheduler in (host, ours):
            scheduler.set_timesteps(**given)
        assert_levels(ours, host)


def test_seeds_sigmas():
    ours = SEEDSScheduler(use_seeds_sigmas=True, **SD)
    ours.set_timesteps(8)
    host = EulerDiscreteScheduler(**SD)
    host.set_timesteps(8)
    assert torch.equal(ours.sigmas, sigmas_seeds(8, host.sigmas[-2].item(), host.sigmas[0].item()))


@pytest.mark.parametrize("name", sorted(member.name for member in diffusers.schedulers.KarrasDiffusionSchedulers))
def test_from_every_karras_scheduler_and_back(name):
    try:
        host = getattr(diffusers, name)()
    except ImportError as error:
        pytest.skip(str(error))
    ours = SEEDSScheduler.from_config(host.config, solver="ER-SDE")
    ours.set_timesteps(5)
    x = torch.randn(1, 4, 2, 2) * ours.init_noise_sigma
    for t in ours.timesteps:
        x = ours.step(torch.zeros_like(x), t, x).prev_sample
    assert x.isfinite().all()
    assert type(host).from_config(ours.config).config.num_train_timesteps == host.config.num_train_timesteps


@pytest.mark.parametrize("name", ["FlowMatchHeunDiscreteScheduler", "FlowMatchLCMScheduler"])
def test_from_other_flow_schedulers(name):
    ours = SEEDSScheduler.from_config(getattr(diffusers, name)(shift=2.5).config)
    assert (ours.config.prediction_type, ours.config.shift) == ("flow_prediction", 2.5)


def test_another_solver_of_a_config():
    first = SEEDSScheduler(solver="SEEDS-2", options={"r": 0.3}, **SD)
    second = SEEDSScheduler.from_config(first.config, solver="ER-SDE", options={"order": 2})
    assert (second.solver.name, second.solver.order, second.order, first.order) == ("ER-SDE", 2, 1, 2)
    assert second.config.beta_start == SD["beta_start"]


def test_saved_and_loaded(tmp_path):
    flow = FlowMatchEulerDiscreteScheduler(shift=3.0)
    first = SEEDSScheduler.from_config(flow.config, solver="SEEDS-2", options={"r": 0.3}, noise_sampler_seed=[1, 2])
    first.save_pretrained(tmp_path)
    text = json.loads((tmp_path / "scheduler_config.json").read_text())
    assert text["options"] == {"r": 0.3}
    second = SEEDSScheduler.from_pretrained(tmp_path)
    assert {**second.config, "_use_default_values": 0} == {**first.config, "_use_default_values": 0}
    assert second.solver.r == 0.3 and second.noise_sampler_seed == [1, 2]
