"""The extension in a web UI that it does not know: one line, no traceback, nothing half-registered."""

import subprocess
import sys
from pathlib import Path

import pytest

ENTRY = Path(__file__).resolve().parents[1] / "scripts" / "seeds_samplers_webui.py"
LOAD = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("seeds_samplers_webui.py", sys.argv[1])
entry = importlib.util.module_from_spec(spec)
spec.loader.exec_module(entry)
from modules import sd_samplers, script_callbacks
assert sd_samplers.all_samplers == [] and script_callbacks.calls == [], "something was registered"
assert not hasattr(entry, "SEEDSScript") and not any(name.startswith("seeds_samplers.") for name in sys.modules)
"""
HOST = {  # SD.Next of July 2026 has these, and a sampler module of its own instead of sd_samplers_kdiffusion
    "sd_samplers": "all_samplers, all_samplers_map = [], {}\ndef set_samplers(): raise AssertionError",
    "sd_samplers_common": "class SamplerData: pass",
    "sd_samplers_diffusers": "samplers_data_diffusers = []",
    "scripts": "class Script: pass\nAlwaysVisible, scripts_data = object(), []",
    "script_callbacks": "calls = []\non_before_ui = on_script_unloaded = calls.append",
    "shared": "class OptionInfo: pass\nopts = None",
}
KNOWN_SAMPLER = {"sd_samplers_kdiffusion": "class KDiffusionSampler: pass"}


@pytest.mark.parametrize(
    ("more", "lacks"),
    [
        ({}, "modules.sd_samplers_kdiffusion"),
        ({**KNOWN_SAMPLER, "sd_samplers": "all_samplers = []"}, "modules.sd_samplers.all_samplers_map"),
        ({**KNOWN_SAMPLER, "sd_samplers_kdiffusion": ""}, "modules.sd_samplers_kdiffusion.KDiffusionSampler"),
        ({**KNOWN_SAMPLER, "scripts": "class Script: pass"}, "modules.scripts.AlwaysVisible"),
    ],
)
def test_one_line_says_what_is_missing(tmp_path, more, lacks):
    (tmp_path / "modules").mkdir()
    for name, text in {**HOST, **more}.items():
        (tmp_path / "modules" / f"{name}.py").write_text(text + "\n")
    result = subprocess.run(
        [sys.executable, "-c", LOAD, ENTRY], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == (
        f"seeds-samplers: not supported in this web UI, which has no {lacks}: nothing was added "
        "(it works in AUTOMATIC1111, Forge and their relatives)\n"
    )
