"""The extension's menu entries, options, infotexts, settings and axes in the real AUTOMATIC1111 code."""

import sys

import pytest
import torch
from automatic1111 import checkout

if checkout() is None:
    pytest.skip("no web UI checkout (WEBUI_PATH) with its requirements", allow_module_level=True)

from webui_host import (
    CLASSIC,
    axis,
    infotext_utils,
    interface,
    model,
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

FIELDS = {field.label: field for field in ours("webui.fields").FIELDS}
OTHER = {  # a value of each field that is not its default
    "SEEDS s_noise": 1.05, "SEEDS prediction": "v", "SEEDS noise_device": "gpu", "SEEDS-2 variant": "2a",
    "SEEDS-2 r": 0.35, "SEEDS-3 variant": "3b", "SEEDS-3 r_1": 0.25, "SEEDS-3 r_2": 0.75, "SEEDS-M order": 1,
    "SEEDS-M eta_cap": 0.8, "SEEDS-M guidance_limit": 20.0, "ER-SDE order": 2, "ER-SDE noise_scale": "sde",
}  # fmt: skip


def difference(one, other):
    return (one.last - other.last).abs().max().item()


def test_the_menu():
    names = sd_samplers.visible_sampler_names()
    for name, sampler in SAMPLERS.items():
        alias, data = name.lower().replace("-", "_"), sd_samplers.all_samplers_map[name]
        assert names.count(name) == 1 and data in sd_samplers.samplers_for_img2img
        assert sd_samplers.samplers_map[f"k_{alias}"] == name
        assert data.options["scheduler"] == "karras" and all(type(value) is str for value in data.options.values())
        assert [data.total_steps(steps) for steps in (0, 1, 2.0, 20)] == [
            1 + sampler.calls_per_step * n for n in (0, 0, 1, 19)
        ]


def test_the_hide_list():
    with settings(hide_samplers=["SEEDS-3"]):
        sd_samplers.set_samplers()
        names = sd_samplers.visible_sampler_names()
    sd_samplers.set_samplers()
    assert "SEEDS-2" in names and "SEEDS-3" not in names


def test_every_field_has_a_case_here():
    assert set(FIELDS) == set(OTHER)
    assert all(OTHER[label] != field.default for label, field in FIELDS.items())


def test_an_untouched_accordion_says_nothing_in_the_infotext():
    for name in SAMPLERS:
        assert "SEEDS" not in run(name, steps=2).texts[0].replace(f"Sampler: {name}", "")


@pytest.mark.parametrize("label", OTHER)
def test_an_option_works_is_written_and_is_pasted_back(label):
    field, value = FIELDS[label], OTHER[label]
    name = field.samplers[-1]
    found = run(name, options={label: value})
    changed = difference(found, run(name))
    without_effect = label == "SEEDS noise_device" or (CLASSIC and label == "SEEDS-M guidance_limit")
    assert changed < 1e-4 if without_effect else changed > 1e-3
    parsed = infotext_utils.parse_generation_parameters(found.texts[0])
    assert parsed[label] == str(value)
    fields = infotext_utils.paste_fields["txt2img"]["fields"]
    functions = [one.pasted for one in FIELDS.values()]
    told = {one.component.label: one.function(parsed) for one in fields if one.function in functions}
    kinds = {label: type(field.default) for label, field in FIELDS.items()}
    pasted = {label: kinds[label](text) for label, text in told.items() if text is not None}
    used = {one: other.default for one, other in FIELDS.items() if name in other.samplers}
    assert pasted == {**used, label: value}
    assert difference(run(name, options=pasted), found) == 0
    silent = [one for one in SAMPLERS if one not in field.samplers]
    assert all(label not in run(one, options={label: value}, steps=1).texts[0] for one in silent)


def test_pasting_an_image_of_another_sampler_changes_nothing():
    parsed = infotext_utils.parse_generation_parameters(run("Euler a", steps=1).texts[0])
    assert all(field.pasted(parsed) is None for field in FIELDS.values())


def test_options_of_the_sampler_of_hires_fix_are_written():
    given = dict(enable_hr=True, hr_scale=1.5, hr_upscaler="Latent", denoising_strength=0.5, hr_sampler_name="SEEDS-2")
    options = {"SEEDS-2 r": 0.35, "SEEDS-3 r_1": 0.2}
    found = run("Euler a", options=options, steps=2, **given)
    assert "SEEDS-2 r: 0.35" in found.texts[0] and "SEEDS-3" not in found.texts[0]
    assert "SEEDS" not in run("Euler a", options=options, steps=2, **{**given, "enable_hr": False}).texts[0]


def test_what_a_request_leaves_out_is_what_the_settings_say():
    plain, chosen = run("SEEDS-2"), run("SEEDS-2", options={"SEEDS-2 r": 0.35})
    with settings(seeds_2_r=0.35):
        of_settings = run("SEEDS-2")
        again = run("SEEDS-2", options={"SEEDS-2 r": 0.5})
    assert difference(of_settings, chosen) == 0 and difference(plain, chosen) > 1e-3
    assert "SEEDS-2 r: 0.35" in of_settings.texts[0]
    assert difference(again, plain) == 0 and "SEEDS-2 r" not in again.texts[0]
    overridden = run("SEEDS-2", override_settings={"seeds_2_r": 0.35})
    assert difference(overridden, chosen) == 0 and shared.opts.data.get("seeds_2_r", 0.5) == 0.5


def test_the_api_reads_its_defaults_without_changing_the_page():
    """It calls ui() again; its defaults say nothing, and what the page shows stays what it is."""
    import gradio

    before = [component.value for component in script().controls]
    assert before == [field.default for field in ours("webui.fields").IN_LIST]
    with settings(seeds_2_r=0.7), gradio.Blocks():
        assert [component.value for component in script().ui(False)] == [None] * len(FIELDS)
    assert [component.value for component in script().controls] == before
    assert "SEEDS-2 r" not in run("SEEDS-2", options={"SEEDS-2 r": 0.5}, steps=1).texts[0]


@pytest.mark.parametrize("stored", [{"seeds_s_noise": 1}, {"seeds_2_r": None}, {"seeds_prediction": "another"}])
def test_stored_settings_that_cannot_be_are_the_defaults(stored):
    with settings(**stored):
        found = run("SEEDS-2")
    assert difference(found, run("SEEDS-2")) == 0 and "SEEDS" not in found.texts[0].replace("Sampler: SEEDS-2", "")


def test_pasting_what_another_version_wrote():
    field = FIELDS["SEEDS prediction"]
    assert field.pasted({"Sampler": "SEEDS-2", "SEEDS prediction": "x"}) == "data"
    assert field.pasted({"Sampler": "Euler a", "Hires sampler": "SEEDS-2"}) == "data"
    assert FIELDS["SEEDS-2 r"].pasted({"Sampler": "SEEDS-3"}) is None  # what its sampler does not use stays
    assert FIELDS["SEEDS-M order"].pasted({"Sampler": "SEEDS-M", "SEEDS-M order": "1"}) == 1


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("SEEDS-2", {"SEEDS-2 r": 1.5}, "SEEDS-2 r: 1.5; expected"),
        ("SEEDS-3", {"SEEDS-3 r_1": 0.8}, "SEEDS-3 r_2: 0.66"),
        ("SEEDS-1", {"SEEDS prediction": "both"}, "SEEDS-1 prediction: 'both'; expected one of 'data'"),
        ("SEEDS-M", {"SEEDS-M order": 7}, "SEEDS-M order: 7; expected a whole number >= 1 and <= 2"),
        ("SEEDS-2", {"SEEDS s_noise": -1.0}, "SEEDS-2 s_noise: -1.0; expected"),
    ],
)
def test_options_that_do_not_go_together_are_refused_before_the_model_is_called(name, options, message):
    with pytest.raises(ValueError, match=message):
        run(name, options=options)
    assert not model().calls
    run(name, steps=2)


def test_the_settings_are_there_with_their_defaults():
    for field in FIELDS.values():
        info = shared.opts.data_labels[field.key]
        assert info.default == field.default and info.section[1] == "SEEDS samplers"
    assert shared.opts.data_labels["seeds_3_r_1"].default == 1 / 3


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
