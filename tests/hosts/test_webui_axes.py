"""The extension's axes of the X/Y/Z plot, in the real AUTOMATIC1111 code."""

import copy

import pytest
from automatic1111 import checkout

if checkout() is None:
    pytest.skip("no web UI checkout (WEBUI_PATH) with its requirements", allow_module_level=True)

from webui_host import axis, model, ours, plot, processing, run, scripts

from seeds_samplers.sampling import SAMPLERS


def plotted():
    """What the plot makes copies of."""
    given = dict(steps=6, seed=1, width=256, height=256, cfg_scale=2, sampler_name="SEEDS-2")
    p = processing.StableDiffusionProcessingTxt2Img(sd_model=model(), prompt="A", **given)
    p.is_api, p.scripts = True, scripts.scripts_txt2img
    arguments = [getattr(component, "value", 0) for component in p.scripts.inputs]
    p.script_args = (0, *arguments[1:])
    return p


def test_the_axis_of_model_calls():
    """Each sampler, which another axis may choose later, gets the steps that they allow."""
    calls = axis("[SEEDS] Model calls")
    for name, steps, made in (("SEEDS-3", 4, 10), ("SEEDS-2", 6, 11), ("SEEDS-M", 12, 12), ("Heun", 6, 11),
                              ("Euler", 12, 12)):  # fmt: skip
        cell = copy.copy(plotted())
        calls.apply(cell, 12, (12,))
        cell.sampler_name = name
        processed = processing.process_images(cell)
        assert f"Steps: {steps}," in processed.infotexts[0] and len(cell.sd_model.calls) == made, name
    with pytest.raises(ValueError, match="Model calls: 0; expected"):
        calls.confirm(cell, [12, 0])
    ours("webui.script").add_axes()
    assert axis("[SEEDS] Model calls").type is int


def test_the_axes_of_the_xyz_plot():
    """As the plot uses them: on copies of one p, the values that are the defaults among them."""
    p = plotted()
    images, texts = [], []
    for r in (0.35, 0.5):
        for variant in ("2a", "2b"):
            cell = copy.copy(p)
            axis("[SEEDS] SEEDS-2 r").apply(cell, r, (0.35, 0.5))
            axis("[SEEDS] SEEDS-2 variant").apply(cell, variant, ("2a", "2b"))
            processed = processing.process_images(cell)
            images.append(processed.images[-1])
            texts.append(processed.infotexts[0])
    assert axis("[SEEDS] SEEDS-2 variant").choices() == ["2b", "2a", "2s"]
    axis("[SEEDS] SEEDS-2 r").confirm(p, [0.1, 1.0])
    with pytest.raises(ValueError, match=r"SEEDS-2 r: 5\.0; expected"):
        axis("[SEEDS] SEEDS-2 r").confirm(p, [0.1, 5.0])
    with pytest.raises(ValueError, match="SEEDS-2 variant: '3a'; expected one of '2b', '2a'"):
        axis("[SEEDS] SEEDS-2 variant").confirm(p, ["3a"])
    assert axis("[SEEDS] SEEDS-M order").type is int and axis("[SEEDS] SEEDS-2 r").type is float
    expected = [{"SEEDS-2 r": r, "SEEDS-2 variant": v} for r in (0.35, 0.5) for v in ("2a", "2b")]
    for image, text, options in zip(images, texts, expected, strict=True):
        single = run("SEEDS-2", options=options)
        assert image.tobytes() == single.images[-1].tobytes()
        assert text.splitlines()[-1] == single.texts[0].splitlines()[-1]
    cell = copy.copy(p)
    axis("[SEEDS] SEEDS-2 r").apply(cell, 0.2, ())
    other = copy.copy(cell)
    axis("[SEEDS] SEEDS-2 r").apply(other, 0.9, ())
    assert cell.seeds_samplers_axes == {"seeds_2_r": 0.2}
    ours("webui.script").add_axes()
    axis("[SEEDS] SEEDS-2 r")
    for label in ("Sampler", "Hires sampler"):
        assert set(SAMPLERS) <= set(next(one for one in plot().axis_options if one.label == label).choices())
