"""The real AUTOMATIC1111 server over HTTP: its API as programs use it."""

import threading
import time

import numpy as np
import pytest
import torch
from automatic1111 import Server, checkout, text_of
from PIL import Image
from server import Rejected

if checkout() is None:
    pytest.skip("no web UI checkout (WEBUI_PATH) with its requirements", allow_module_level=True)

from seeds_samplers.demo.classifier import load_classifier
from seeds_samplers.demo.glyphs import labels_of
from seeds_samplers.sampling import SAMPLERS


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("webui")) as server:
        yield server
        assert server.complaints() == []


def pixels(image):
    return np.asarray(image.convert("RGB")).astype(int)


def apart(one, other):
    return np.abs(pixels(one) - pixels(other)).max()


def arguments_of(server, **values):
    """The accordion's arguments by position: those that are named with their value, the others None."""
    accordion = next(one for one in server.get("/sdapi/v1/script-info") if one["name"] == "seeds")
    return {"SEEDS": {"args": [values.get(one["label"]) for one in accordion["args"]]}}


def last_line(text):
    return text.splitlines()[-1]


def test_the_samplers_and_the_accordion_are_listed(server):
    listed = {one["name"]: one for one in server.get("/sdapi/v1/samplers")}
    assert all(listed[name]["options"] == {"scheduler": "karras"} for name in SAMPLERS)
    accordions = [one for one in server.get("/sdapi/v1/script-info") if one["name"] == "seeds"]
    assert len(accordions) == 2 and {one["is_img2img"] for one in accordions} == {True, False}
    values = {one["label"]: one["value"] for one in accordions[0]["args"]}
    assert values["SEEDS-2 r"] == 0.5 and values["SEEDS-3 r_1"] == 1 / 3 and values["SEEDS-3 variant"] == "3a"


@pytest.mark.parametrize("name", SAMPLERS)
def test_glyphs_can_be_read(server, name):
    """As in the other hosts: twelve glyphs by each sampler, at most one of them misread."""
    text = "ABEHKMRSTXYZ"
    images = [server.draw(prompt=glyph, sampler_name=name, steps=16, seed=40 + i)[0][0] for i, glyph in enumerate(text)]
    small = np.stack([pixels(image).reshape(32, 8, 32, 8, 3).mean((1, 3)) for image in images])
    found = load_classifier()(torch.tensor(small).permute(0, 3, 1, 2).float() / 127.5 - 1).argmax(1)
    assert (found == torch.tensor(labels_of(text))).sum() >= len(text) - 1


def test_a_batch_is_its_images_alone(server):
    batch, texts = server.draw(prompt="S", sampler_name="SEEDS-2", batch_size=3, seed=10)
    assert len(batch) == 3  # no grid: it is off in the settings
    for i, image in enumerate(batch):
        alone, text = server.draw(prompt="S", sampler_name="SEEDS-2", seed=10 + i)
        assert apart(alone[0], image) <= 1 and last_line(text[0]) == last_line(texts[i])


def test_options_by_request_by_settings_and_by_infotext(server):
    """Three ways to r = 0.35 and one image; the settings are as before afterwards."""
    given = dict(prompt="S", sampler_name="SEEDS-2")
    plain, _ = server.draw(**given)
    requested, texts = server.draw(**given, alwayson_scripts=arguments_of(server, **{"SEEDS-2 r": 0.35}))
    assert apart(plain[0], requested[0]) > 3 and "SEEDS-2 r: 0.35" in texts[0]
    overridden, again = server.draw(**given, override_settings={"seeds_2_r": 0.35})
    pasted, third = server.draw(infotext=texts[0])
    for images, infotexts in ((overridden, again), (pasted, third)):
        assert apart(images[0], requested[0]) == 0 and infotexts == texts
    server.post("/sdapi/v1/options", {"seeds_2_r": 0.35})
    assert apart(server.draw(**given)[0][0], requested[0]) == 0
    server.post("/sdapi/v1/options", {"seeds_2_r": 0.5})
    assert server.get("/sdapi/v1/options")["seeds_2_r"] == 0.5 and apart(server.draw(**given)[0][0], plain[0]) == 0


def test_eta_is_the_hosts(server):
    plain, _ = server.draw(prompt="S", sampler_name="SEEDS-2")
    other, texts = server.draw(prompt="S", sampler_name="SEEDS-2", eta=0.0)
    assert "Eta: 0.0" in texts[0] and apart(plain[0], other[0]) > 3


def test_a_mistake_is_answered_with_what_is_allowed(server):
    with pytest.raises(Rejected, match=r"SEEDS-2 r: 7; expected a finite number and >= 0.0001 and <= 1"):
        server.draw(prompt="S", sampler_name="SEEDS-2", alwayson_scripts=arguments_of(server, **{"SEEDS-2 r": 7}))
    server.draw(prompt="S", sampler_name="SEEDS-2")


def test_img2img_and_a_mask(server):
    image, mask = Image.new("RGB", (256, 256), (120, 30, 200)), Image.new("L", (256, 256), 0)
    mask.paste(255, (0, 0, 128, 256))
    given = dict(kind="img2img", init_images=[text_of(image)], prompt="S", sampler_name="SEEDS-3", steps=8)
    drawn, _ = server.draw(**given, denoising_strength=0.9)
    masked, _ = server.draw(**given, denoising_strength=0.9, mask=text_of(mask), mask_blur=0, inpainting_fill=1)
    assert apart(drawn[0], image) > 30
    assert np.abs(pixels(masked[0]) - pixels(image))[:, 128:].max() <= 1
    assert np.abs(pixels(masked[0]) - pixels(image))[:, :128].max() > 30


def test_hires_fix(server):
    given = dict(prompt="S", sampler_name="SEEDS-2", enable_hr=True, hr_scale=1.5, hr_upscaler="Latent", steps=5)
    images, texts = server.draw(**given, denoising_strength=0.5)
    assert images[0].size == (384, 384) and "Hires upscale: 1.5" in texts[0]


def test_the_xyz_plot(server):
    options = server.get("/sdapi/v1/script-info")
    labels = [one["label"] for one in next(one for one in options if one["name"] == "x/y/z plot")["args"]]
    axes = next(one for one in options if one["name"] == "x/y/z plot")["args"][0]["choices"]
    x, y = axes.index("[SEEDS] SEEDS-2 r"), axes.index("Sampler")
    values = {"X type": x, "X values": "0.35, 0.5", "Y type": y, "Y values": "SEEDS-2, SEEDS-1", "Z type": 0}
    values |= {"Include Sub Images": True, "Use text inputs instead of dropdowns": True, "Grid margins (px)": 0}
    flags = ("Draw legend", "Keep -1 for seeds", "Vary seeds for X", "Vary seeds for Y", "Vary seeds for Z")
    values |= dict.fromkeys([*flags, "Include Sub Grids"], False)
    given = [values.get(label, "") for label in labels]
    drawn, texts = server.draw(prompt="S", sampler_name="SEEDS-2", script_name="x/y/z plot", script_args=given)
    assert [last_line(text).split("SEEDS-2 r: ")[1:] != [] for text in texts[1:]] == [True, False, False, False]
    assert apart(drawn[2], server.draw(prompt="S", sampler_name="SEEDS-2")[0][0]) == 0


def test_interrupt_and_run_again(server):
    before = server.draw(prompt="S", sampler_name="SEEDS-3")[0][0]
    answer = {}
    thread = threading.Thread(
        target=lambda: answer.update(got=server.draw(prompt="S", sampler_name="SEEDS-3", steps=700))
    )
    thread.start()

    def running():
        """This run, not what the server still says of the one before."""
        told = server.get("/sdapi/v1/progress")
        return told["state"]["sampling_steps"] == 700 and 0 < told["progress"] < 0.5

    server.wait(running, 30)
    assert 0 < server.get("/sdapi/v1/progress")["eta_relative"] < 600
    server.post("/sdapi/v1/interrupt", {})
    start = time.monotonic()
    thread.join(20)
    assert "got" in answer and time.monotonic() - start < 5
    assert apart(server.draw(prompt="S", sampler_name="SEEDS-3")[0][0], before) == 0


def test_a_solver_that_is_one_file(tmp_path):
    """tests/toy.py is in the menu, the accordion, the settings, infotexts and the X/Y/Z plot."""
    with Server(tmp_path / "toy", toy=True) as server:
        assert server.get("/sdapi/v1/samplers")[-1]["name"] == "Toy" and "toy_glow" in server.get("/sdapi/v1/options")
        scripts = {one["name"]: one["args"] for one in server.get("/sdapi/v1/script-info")}
        assert [one["label"] for one in scripts["seeds"]][-2:] == ["Toy glow", "Toy shade"]
        assert {"[SEEDS] Toy glow", "[SEEDS] Toy shade"} <= set(scripts["x/y/z plot"][0]["choices"])
        by_name = {"SEEDS": {"args": [{"Toy glow": 0.5}]}}
        plain, glowing = (
            server.draw(prompt="S", sampler_name="Toy", alwayson_scripts=given) for given in ({}, by_name)
        )
        assert "Toy glow" not in plain[1][0] and "Toy glow: 0.5" in glowing[1][0] and apart(plain[0][0], glowing[0][0])
