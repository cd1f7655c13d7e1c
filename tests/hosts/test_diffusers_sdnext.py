"""The extension in SD.Next, whose own sampler modules run here with the embedded model; its server does not."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("diffusers")

import sdnext_host as host
from diffusers import EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler

import seeds_samplers
from seeds_samplers.demo.classifier import load_classifier
from seeds_samplers.demo.glyphs import labels_of
from seeds_samplers.sampling import SAMPLERS

if not (host.CHECKOUT / "modules" / "sd_samplers_diffusers.py").exists():
    pytest.skip(f"no checkout of SD.Next at {host.CHECKOUT} (SDNEXT_PATH)", allow_module_level=True)

ROOT = Path(__file__).resolve().parents[2]
SD = dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
NAMES = {"SEEDS ER-SDE" if solver == "ER-SDE" else solver: solver for solver in SAMPLERS}
ENTRIES = [name + kind for name in NAMES for kind in ("", " FlowMatch")]


@pytest.fixture(scope="module")
def sdnext():
    kept = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "modules"}
    for name in kept:
        del sys.modules[name]
    sd_samplers, sd_samplers_diffusers = host.load()
    before = [entry.name for entry in sd_samplers.all_samplers]
    path = list(seeds_samplers.__path__)
    seeds_samplers.__path__ = [*path, str(ROOT)]  # where it is installed, it has no webui/
    adapter = importlib.import_module("seeds_samplers.webui.sdnext")
    adapter.install()
    yield sd_samplers, sd_samplers_diffusers, before, adapter
    seeds_samplers.__path__ = path
    for name in [name for name in sys.modules if name.split(".")[0] == "modules"]:
        del sys.modules[name]
    del sys.modules["seeds_samplers.webui.sdnext"]
    sys.modules.update(kept)


def glyphs(flow, **settings):
    scheduler = FlowMatchEulerDiscreteScheduler(**settings) if flow else EulerDiscreteScheduler(**SD, **settings)
    return host.Glyphs(scheduler, flow)


def test_the_menu(sdnext):
    sd_samplers, _, before, adapter = sdnext
    names = [entry.name for entry in sd_samplers.all_samplers]
    assert names == [*before[:-1], adapter.SEPARATOR, *ENTRIES, before[-1]]
    assert sd_samplers.samplers_map["seeds-m"] == "SEEDS-M"
    adapter.install()  # as when it loads its extensions anew
    assert [entry.name for entry in sd_samplers.all_samplers] == names
    assert len(set(names)) == len(names)  # its own ER-SDE is still there


@pytest.mark.parametrize("flow", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_the_right_one_of_two_is_made(sdnext, name, flow):
    sd_samplers = sdnext[0]
    for asked in (name, f"{name} FlowMatch"):
        pipe = glyphs(flow)
        scheduler = sd_samplers.create_sampler(asked, pipe)
        assert scheduler is pipe.scheduler and type(scheduler).__name__ == "SEEDSScheduler"
        assert scheduler.solver.name == NAMES[name]
        assert scheduler.config.prediction_type == ("flow_prediction" if flow else "epsilon")
        assert scheduler.config.beta_start == (0.0001 if flow else 0.00085)  # the model's


def test_the_models_prediction_and_the_settings_reach_the_scheduler(sdnext):
    sd_samplers, sd_samplers_diffusers = sdnext[:2]
    chosen = {"schedulers_shift": 5.0, "schedulers_sigma": "karras", "schedulers_timestep_spacing": "trailing"}
    scheduler = sd_samplers.create_sampler("SEEDS-M", glyphs(False, prediction_type="v_prediction"), chosen)
    config = scheduler.config
    assert (config.prediction_type, config.use_karras_sigmas, config.timestep_spacing) == (
        "v_prediction", True, "trailing",
    )  # fmt: skip
    assert sd_samplers.create_sampler("SEEDS-M FlowMatch", glyphs(True), chosen).config.shift == 5.0
    assert sd_samplers_diffusers.scheduler_overrides == {}


@pytest.mark.parametrize("flow", [False, True])
@pytest.mark.parametrize("name", ["SEEDS-M", "SEEDS ER-SDE", "SEEDS-2"])
def test_it_draws_the_letters(sdnext, name, flow):
    pipe = glyphs(flow)
    scheduler = sdnext[0].create_sampler(name, pipe)
    assert hasattr(scheduler, "noise_sampler") and hasattr(scheduler, "noise_sampler_seed")  # processing_args.py asks
    scheduler.noise_sampler, scheduler.noise_sampler_seed = None, [10, 11, 12]
    pictures = pipe("SED", [10, 11, 12])
    assert load_classifier()(pictures).argmax(1).tolist() == labels_of("SED")
    scheduler.noise_sampler, scheduler.noise_sampler_seed = None, [12]
    torch.testing.assert_close(pipe("D", [12])[0], pictures[2], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["SEEDS-M FlowMatch", "SEEDS ER-SDE FlowMatch"])
@pytest.mark.parametrize("steps", [10, 20, 50])
def test_the_mean_of_gaussian_data_on_flow_models(sdnext, name, steps):
    """1, within three standard deviations of the mean of 61,440 numbers; SD.Next's ER-SDE 3M FlowMatch has 1.05."""
    scheduler = sdnext[0].create_sampler(name, glyphs(True))
    scheduler.noise_sampler_seed = 3
    x = torch.randn(60, 1024, generator=torch.Generator().manual_seed(5))
    scheduler.set_timesteps(steps)
    for t in scheduler.timesteps:
        sigma = t.item() / 1000
        alpha = 1 - sigma
        denoised = 1 + alpha / (alpha**2 + sigma**2) * (x - alpha)
        x = scheduler.step((x - denoised) / sigma, t, x, return_dict=False)[0]
    assert abs(x.mean() - 1) < 0.0121


def test_the_entry_finds_sdnext():
    """As SD.Next loads it: the file in scripts/, by its path."""
    entry = ROOT / "scripts" / "seeds_samplers_webui.py"
    code = f"""
import importlib.util, sys
sys.path[:0] = {[str(Path(__file__).parent), *(entry for entry in sys.path if entry)]!r}
import sdnext_host
sd_samplers, _ = sdnext_host.load()
spec = importlib.util.spec_from_file_location("seeds_samplers_webui.py", {str(entry)!r})
spec.loader.exec_module(importlib.util.module_from_spec(spec))
assert sd_samplers.find_sampler("SEEDS-M") and sd_samplers.find_sampler("SEEDS ER-SDE FlowMatch")
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "not supported" not in done.stdout, done.stderr
