"""The adapter in one process with ComfyUI's own code: the mathematics of its seeds_2 and seeds_3, and good manners.

Skipped where there is no ComfyUI checkout (COMFYUI_PATH) with its requirements.
"""

import importlib
import json
import math
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from comfyui import checkout

if checkout() is None:
    pytest.skip("no ComfyUI checkout (COMFYUI_PATH) with its requirements", allow_module_level=True)
sys.path.insert(0, str(checkout()))

import comfy.cli_args

comfy.cli_args.args.cpu = True

import comfy.model_sampling as sampling_classes  # noqa: E402
import comfy.samplers  # noqa: E402
from comfy.k_diffusion import sampling as core  # noqa: E402

from seeds_samplers.nodes.dropdown import HOST_SAMPLERS, register  # noqa: E402
from seeds_samplers.sampling import SAMPLERS, NoisePath, sigmas_flow, sigmas_karras  # noqa: E402


def model_of(kind, **settings):
    """A model that a sampler function gets: Gaussian data of standard deviation 0.5 through ComfyUI's own classes."""
    parts = {
        "eps": (sampling_classes.ModelSamplingDiscrete, sampling_classes.EPS),
        "v": (sampling_classes.ModelSamplingDiscrete, sampling_classes.V_PREDICTION),
        "edm": (sampling_classes.ModelSamplingContinuousEDM, sampling_classes.EDM),
        "flow": (sampling_classes.ModelSamplingDiscreteFlow, sampling_classes.CONST),
    }[kind]
    model_sampling = type("ModelSampling", parts, {})(SimpleNamespace(sampling_settings=settings))

    def model(x, sigma, model_options=None, seed=None, denoise_mask=None):
        level = sigma.view(-1, *[1] * (x.ndim - 1))
        scale = 1 - level if kind == "flow" else 1.0
        mean = x * scale * 0.25 / (scale**2 * 0.25 + level**2)
        return mean + 0.1 * torch.tanh(x)

    model.inner_model = SimpleNamespace(
        model_patcher=SimpleNamespace(get_model_object={"model_sampling": model_sampling}.__getitem__)
    )
    return model


class Replay:
    def __init__(self, x):
        self.x, self.generator = x, torch.Generator().manual_seed(0)

    def __call__(self, sigma, sigma_next):
        return torch.randn(self.x.shape, generator=self.generator, dtype=self.x.dtype)


def run(function, kind, settings=(), **options):
    sigmas = sigmas_flow(8, shift=3) if kind == "flow" else sigmas_karras(8, 0.03, 14.6)
    x = sigmas[0] * torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    options.setdefault("noise_sampler", Replay(x))
    return function(model_of(kind, **dict(settings)), x, sigmas, extra_args={"seed": 3}, disable=True, **options)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    ("kind", "settings"),
    [("eps", {}), ("v", {}), ("edm", {}), ("flow", {}), ("flow", {"shift": 3.0, "noise_scale": 2.0})],
)
def test_the_same_mathematics_as_core(kind, eta, settings):
    """2a is core's phi_1, 2b its phi_2, 3a its seeds_3: with the same noise the results are the same."""
    for name, ours, function, theirs in (
        ("SEEDS-2", {"variant": "2a", "r": 0.4}, core.sample_seeds_2, {"solver_type": "phi_1", "r": 0.4}),
        ("SEEDS-2", {"variant": "2b"}, core.sample_seeds_2, {"solver_type": "phi_2"}),
        ("SEEDS-3", {"variant": "3a"}, core.sample_seeds_3, {}),
    ):
        result = run(HOST_SAMPLERS[name], kind, settings, eta=eta, **ours)
        torch.testing.assert_close(result, run(function, kind, settings, eta=eta, **theirs), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["eps", "edm", "flow"])
@pytest.mark.parametrize(("order", "near"), [(1, 1e-4), (2, 1e-2), (3, 1e-2)])
def test_the_same_er_sde_as_core_up_to_its_quadrature(kind, order, near):
    """Core sums 200 left endpoints for an integral that orders 2 and 3 need."""
    ours = run(HOST_SAMPLERS["ER-SDE"], kind, {}, order=order)
    torch.testing.assert_close(ours, run(core.sample_er_sde, kind, {}, max_stage=order), rtol=near, atol=near)


@pytest.mark.parametrize(
    ("name", "options"),
    [*((name, {"prediction": one}) for name in ("SEEDS-1", "SEEDS-2", "SEEDS-3") for one in ("data", "v")),
     ("SEEDS-M", {}), ("ER-SDE", {})],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["eps", "edm", "flow"])
def test_model_settings_reach_the_sampler(name, kind, options):
    """noise_schedule, sigma_data and the first level of a flow model: as if they had been given by hand."""
    ours = run(HOST_SAMPLERS[name], kind, {"shift": 3.0, "sigma_data": 0.5}, noise_sampler=None, **options)
    flow = kind == "flow"

    def by_hand(model, x, sigmas, noise_sampler, **arguments):
        if flow:
            sigmas = sigmas.clone()
            sigmas[0] = model.inner_model.model_patcher.get_model_object("model_sampling").percent_to_sigma(1e-4)
        given = {"noise_schedule": "flow" if flow else "karras"}
        if options:
            given["sigma_data"] = 0.5 if kind == "edm" else 1.0
        return SAMPLERS[name](model, x, sigmas, **given, **arguments)

    hand = run(by_hand, kind, {"shift": 3.0, "sigma_data": 0.5}, noise_sampler=None, **options)
    torch.testing.assert_close(ours, hand, rtol=1e-6, atol=1e-6)


def test_a_packed_latent_and_a_path_of_the_nodes():
    model, sigmas, x = model_of("flow"), sigmas_flow(6), torch.randn(2, 1, 1001)
    whole = HOST_SAMPLERS["SEEDS-2"](model, x, sigmas, extra_args={"seed": 3}, disable=True)
    path = {"indices": [1], "variation_seed": None, "variation_strength": 0.0}
    alone = HOST_SAMPLERS["SEEDS-2"](model, x[1:], sigmas, extra_args={"seed": 3}, disable=True, path=path)
    torch.testing.assert_close(alone, whole[1:])
    by_hand = NoisePath(x, 3)
    torch.testing.assert_close(run(HOST_SAMPLERS["SEEDS-2"], "eps", noise_sampler=None).shape, torch.Size([2, 4, 8, 8]))
    given = HOST_SAMPLERS["SEEDS-2"](model, x, sigmas, extra_args={"seed": 9}, disable=True, noise_sampler=by_hand)
    torch.testing.assert_close(given, whole)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("kind", ["edm", "flow"])
def test_patches_of_the_model_know_the_calls_to_come(name, kind):
    """transformer_options["seeds_calls"]: step, place in the step and level of each; what core gave is left alone."""
    model, seen = model_of(kind, shift=3.0), []

    def patched(x, sigma, model_options, **arguments):
        seen.append((sigma[0].item(), model_options["transformer_options"]))
        return model(x, sigma, **arguments)

    patched.inner_model = model.inner_model
    sigmas, given = (sigmas_flow(5) if kind == "flow" else sigmas_karras(5, 0.03, 14.6)), {"transformer_options": {}}
    HOST_SAMPLERS[name](patched, torch.ones(1, 4, 8, 8), sigmas, {"seed": 3, "model_options": given}, disable=True)
    calls = seen[0][1]["seeds_calls"]
    assert [sigma for sigma, _ in seen] == pytest.approx([call.sigma for call in calls])
    assert [call.step for call in calls if call.stage == 0] == [*range(5)] and given == {"transformer_options": {}}
    assert all(options["seeds_calls"] is calls for _, options in seen)


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_dropdown_names_a_scheduler_without_levels(name):
    """kl_optimal divides by the number of steps less one."""
    register()
    model = model_of("edm")
    model_sampling = model.inner_model.model_patcher.get_model_object("model_sampling")
    sigmas = comfy.samplers.calculate_sigmas(model_sampling, "kl_optimal", 1)
    with pytest.raises(ValueError, match=r"^scheduler: 'kl_optimal' has no noise levels for 1 steps; expected another"):
        HOST_SAMPLERS[name](model, torch.ones(1, 4, 8, 8), sigmas, {"seed": 3}, disable=True)
    with pytest.raises(ValueError, match=r"^sigmas: nan at index 1"):
        HOST_SAMPLERS[name](model, torch.ones(1, 4, 8, 8), torch.tensor([3.0, math.nan, 0.0]), {"seed": 3})


def test_bounds_of_inputs_refuse_nan_and_nothing_else():
    from seeds_samplers.nodes.compat import Bound

    low, high = Bound(0.25), Bound(4)
    for value, kept in ((0.25, True), (4.0, True), (2, True), (0.2, False), (4.1, False), (math.nan, False)):
        assert kept == (not (value < low or value > high)), value
    assert json.dumps([low, high]) == "[0.25, 4.0]"


def test_registering_again_and_after_another_packs_reload():
    names, list_object = comfy.samplers.SAMPLER_NAMES, comfy.samplers.KSampler.SAMPLERS
    before = dict(vars(comfy.samplers))
    register()
    register()
    importlib.reload(core)
    for name in SAMPLERS:
        assert names.count(name) == comfy.samplers.KSAMPLER_NAMES.count(name) == 1
        assert comfy.samplers.sampler_object(name).sampler_function is HOST_SAMPLERS[name]
    assert comfy.samplers.KSampler.SAMPLERS is list_object is names
    assert comfy.samplers.SCHEDULER_NAMES.count("seeds") == comfy.samplers.KSampler.SCHEDULERS.count("seeds") == 1
    assert {name: value for name, value in vars(comfy.samplers).items() if value is not before.get(name)} == {}


@pytest.mark.parametrize("kind", ["eps", "edm", "flow"])
def test_the_scheduler(kind):
    """ComfyUI's own way to a scheduler's levels; steps in lambda grow, the last to 0 excepted."""
    register()
    model = model_of(kind, shift=3.0).inner_model.model_patcher.get_model_object("model_sampling")
    for steps in (1, 2, 12):
        sigmas = comfy.samplers.calculate_sigmas(model, "seeds", steps)
        assert len(sigmas) == steps + 1 and sigmas[-1] == 0 and (sigmas.diff() < 0).all()
        assert sigmas[0] <= model.sigma_max
    level = sigmas[:-1] / (1 - sigmas[:-1]) if kind == "flow" else sigmas[:-1]
    places = torch.where(level > 15, (level.log() + math.log(15)) / 2, level.log())  # as they are counted
    lengths = -places.diff()[1:]  # the first step may come from above all data
    assert (lengths.diff() > 0).all() and lengths[-1] / lengths[0] == pytest.approx(2.85, rel=0.01)


def test_importing_costs_a_host_little():
    """Beyond what ComfyUI has imported by then, the pack and its nodes take less than 0.3 s."""
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "import comfy.cli_args; comfy.cli_args.args.cpu = True\n"
        "import nodes, comfy_extras.nodes_custom_sampler, latent_preview\n"
        "from comfy_api.latest import io\n"
        "started = time.process_time()\n"
        "import seeds_samplers.nodes\n"
        "print(time.process_time() - started)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(checkout())], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert float(result.stdout.split()[-1]) < 0.3
