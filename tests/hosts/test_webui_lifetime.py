"""The extension in the real AUTOMATIC1111 code that is reloaded, without it, and beside other extensions."""

import sys

import pytest
import torch
from automatic1111 import checkout

if checkout() is None:
    pytest.skip("no web UI checkout (WEBUI_PATH) with its requirements", allow_module_level=True)

from webui_host import (
    CLASSIC,
    axis,
    difference,
    interface,
    ours,
    run,
    script,
    script_callbacks,
    scripts,
    sd_samplers,
    settings,
    shared,
)

from seeds_samplers.sampling import SAMPLERS


def reload_ui():
    """What the button "Reload UI" does."""
    script_callbacks.app_reload_callback()
    script_callbacks.script_unloaded_callback()
    from modules import initialize

    initialize.initialize_rest(reload_script_modules=True)
    interface()


def test_reload_ui_replaces_everything_once():
    before, count = run("SEEDS-2", options={"SEEDS-2 r": 0.35}), len(sd_samplers.all_samplers)
    old = sd_samplers.all_samplers_map["SEEDS-2"], sys.modules["seeds_samplers.webui.script"]
    paths = list(sys.path)
    for _ in range(2):
        reload_ui()
    assert len(sd_samplers.all_samplers) == count and sys.path == paths
    assert sd_samplers.all_samplers_map["SEEDS-2"] is not old[0]
    assert sys.modules["seeds_samplers.webui.script"] is not old[1]  # an update takes effect
    assert [one.title() for one in scripts.scripts_txt2img.scripts].count("SEEDS") == 1
    axis("[SEEDS] SEEDS-3 r_1")
    assert difference(run("SEEDS-2", options={"SEEDS-2 r": 0.35}), before) == 0


def test_nothing_is_left_of_a_disabled_extension():
    from modules import extensions

    with settings(disabled_extensions=["seeds-samplers"]):
        reload_ui()
        assert not {one.name for one in sd_samplers.all_samplers} & set(SAMPLERS)
        assert not sd_samplers.all_samplers_map.keys() & set(SAMPLERS)
        assert "k_seeds_2" not in sd_samplers.samplers_map and "seeds_2_r" not in shared.opts.data_labels
        assert "SEEDS" not in [one.title() for one in scripts.scripts_txt2img.scripts]
    assert extensions.extensions
    reload_ui()
    assert run("SEEDS-2", steps=2).last.isfinite().all() and script() is not None


@pytest.mark.skipif(CLASSIC, reason="no schedules of its own")
def test_what_the_host_remembers_of_names_is_forgotten():
    menu = ours("webui.menu")
    menu.unregister()
    assert sd_samplers.get_sampler_and_scheduler("SEEDS-2", None)[0] != "SEEDS-2"
    menu.register()
    assert sd_samplers.get_sampler_and_scheduler("SEEDS-2", "SEEDS steps") == ("SEEDS-2", "SEEDS steps")


def test_another_extensions_entry_of_the_same_name_is_replaced_in_place():
    place = [one.name for one in sd_samplers.all_samplers].index("SEEDS-2")
    other = type(sd_samplers.all_samplers[0])("SEEDS-2", None, ["seeds2"], {})
    sd_samplers.all_samplers[place] = sd_samplers.all_samplers_map["SEEDS-2"] = other
    ours("webui.menu").register()
    assert [one.name for one in sd_samplers.all_samplers].count("SEEDS-2") == 1
    assert sd_samplers.all_samplers[place] is sd_samplers.all_samplers_map["SEEDS-2"] is not other


def test_it_changes_nothing_of_the_host():
    """The host's own samplers draw as they would without the extension, and no module of the host is patched."""
    functions = {
        (name, key): value
        for name, module in list(sys.modules.items())
        if name.startswith(("modules.", "k_diffusion"))
        for key, value in vars(module).items()
        if callable(value)
    }
    ours_in_it = [key for key, value in functions.items() if str(getattr(value, "__module__", "")).startswith("seeds_")]
    assert not ours_in_it
    state, p = torch.random.get_rng_state(), type("P", (), dict(seeds=[1], subseeds=None, subseed_strength=0))
    ours("webui.sampler").noise_of(p, torch.zeros(1, 4), "cpu")
    assert torch.equal(state, torch.random.get_rng_state())
