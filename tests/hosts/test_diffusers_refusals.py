"""What SEEDSScheduler refuses, and in which words; the package without diffusers."""

import subprocess
import sys

import pytest
import torch

diffusers = pytest.importorskip("diffusers")

from seeds_samplers.schedulers import SEEDSScheduler  # noqa: E402

SD = dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)  # Stable Diffusion's
X = torch.zeros(2, 4, 6, 6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"solver": "SEEDS-4"}, "solver: 'SEEDS-4'; expected one of"),
        ({"options": {"r": 0.5}}, "r: 0.5; SEEDS-M has no such option"),
        ({"solver": "SEEDS-2", "options": {"r": 1.5}}, "r: 1.5; expected"),
        ({"prediction_type": "velocity"}, "prediction_type: 'velocity'; expected one of"),
        ({"noise_device": "cuda"}, "noise_device: 'cuda'; expected one of"),
        ({"use_seeds_sigmas": True, "use_karras_sigmas": True}, "use_seeds_sigmas: True; expected False"),
    ],
)
def test_bad_settings_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        SEEDSScheduler(**given)


def test_a_timestep_that_is_not_one():
    scheduler = SEEDSScheduler(**SD)
    scheduler.set_timesteps(4)
    with pytest.raises(ValueError, match="timestep: 12"):
        scheduler.step(X, 12.0, X)


def test_a_run_cannot_begin_within_a_step():
    scheduler = SEEDSScheduler(solver="SEEDS-3", **SD)
    scheduler.set_timesteps(5)
    scheduler.set_begin_index(4)
    with pytest.raises(ValueError, match="begin_index: 4; expected a multiple of 3"):
        scheduler.step(X, scheduler.timesteps[4], X)


def test_a_step_without_timesteps():
    scheduler = SEEDSScheduler(**SD)
    with pytest.raises(ValueError, match="expected set_timesteps to be called first"):
        scheduler.step(X, 999, X)


def test_a_step_after_the_last():
    scheduler = SEEDSScheduler(**SD)
    scheduler.set_timesteps(3)
    for t in scheduler.timesteps:
        scheduler.step(X, t, X)
    with pytest.raises(ValueError, match="the run is over"):
        scheduler.step(X, 0.0, X)


def test_without_diffusers_one_line_says_so():
    code = "sys.modules['diffusers'] = None\nimport seeds_samplers.sampling, seeds_samplers.schedulers"
    last = fresh(code).stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: seeds_samplers.schedulers needs diffusers: pip install")


def test_the_core_does_not_import_diffusers():
    assert fresh("import seeds_samplers.sampling\nassert 'diffusers' not in sys.modules").returncode == 0


def fresh(code):
    """What becomes of `code` in a Python of its own."""
    path = [entry for entry in sys.path if entry]
    code = f"import sys; sys.path[:0] = {path!r}\n{code}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
