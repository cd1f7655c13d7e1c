"""The extension's menu entries, options, infotexts and settings in the real AUTOMATIC1111 code."""

import pytest
from automatic1111 import checkout

if checkout() is None:
    pytest.skip("no web UI checkout (WEBUI_PATH) with its requirements", allow_module_level=True)

from webui_host import (
    CLASSIC,
    UPSCALER,
    difference,
    infotext_utils,
    model,
    ours,
    run,
    script,
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
    given = dict(enable_hr=True, hr_scale=1.5, hr_upscaler=UPSCALER, denoising_strength=0.5, hr_sampler_name="SEEDS-2")
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
