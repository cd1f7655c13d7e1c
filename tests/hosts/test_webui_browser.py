"""The real AUTOMATIC1111 user interface in headless Chromium, used by mouse and keyboard."""

import importlib.util

import pytest
from automatic1111 import Server, checkout
from browser import CHROMIUM

if checkout() is None:
    pytest.skip("no web UI checkout (WEBUI_PATH) with its requirements", allow_module_level=True)
if CHROMIUM is None or not importlib.util.find_spec("playwright"):
    pytest.skip("no Chromium or no playwright", allow_module_level=True)

from webui_page import choose, generate, number, open_accordion, page_of, picture, reload_ui, value

OF_GRADIO = "Cannot read properties of undefined (reading 'props')"  # without the extension too, at the width's slider
R = "script_txt2img_seeds_seeds_2_r"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("webui")) as server:
        yield server
        assert server.complaints() == []


@pytest.fixture
def page(server):
    with page_of(server) as page:
        for name, amount in (("width", 256), ("height", 256), ("cfg_scale", 2), ("steps", 8)):
            number(page, f"txt2img_{name}", amount)
        page.fill("#txt2img_seed input", "3")
        page.fill("#txt2img_prompt textarea", "S")
        yield page
        assert set(page.errors) <= {OF_GRADIO}


def test_choose_and_generate(page):
    choose(page, "txt2img_sampling", "SEEDS-2")
    assert value(page, "txt2img_sampling") == "SEEDS-2"
    text = generate(page)
    assert "Sampler: SEEDS-2" in text and "SEEDS-2 r" not in text and picture(page)


def test_an_untouched_slider_of_a_third_is_the_default(page):
    choose(page, "txt2img_sampling", "SEEDS-3")
    open_accordion(page)
    text = generate(page)
    assert "Sampler: SEEDS-3" in text and "r_1" not in text and "r_2" not in text


def test_the_accordion_and_pasting_its_values_back(page):
    choose(page, "txt2img_sampling", "SEEDS-2")
    open_accordion(page)
    number(page, R, 0.35)
    choose(page, "script_txt2img_seeds_seeds_2_variant", "2a")
    text = generate(page)
    assert "SEEDS-2 r: 0.35" in text and "SEEDS-2 variant: 2a" in text
    number(page, R, 0.9)
    choose(page, "script_txt2img_seeds_seeds_2_variant", "2b")
    number(page, "script_txt2img_seeds_seeds_s_noise", 1.1)
    page.fill("#txt2img_prompt textarea", text)
    page.click("#paste")
    page.wait_for_timeout(1500)
    assert float(value(page, R)) == 0.35 and value(page, "script_txt2img_seeds_seeds_2_variant") == "2a"
    assert float(value(page, "script_txt2img_seeds_seeds_s_noise")) == 1
    again = generate(page)
    assert again.splitlines()[-1].split(", Version")[0] == text.splitlines()[-1].split(", Version")[0]


def test_send_to_img2img_takes_the_options_along(page):
    choose(page, "txt2img_sampling", "SEEDS-2")
    open_accordion(page)
    number(page, R, 0.35)
    generate(page)
    page.click("#txt2img_send_to_img2img")
    page.wait_for_timeout(2500)
    choose(page, "img2img_sampling", "SEEDS-2")  # the host takes no sampler along
    open_accordion(page, "img2img")
    assert float(value(page, "script_img2img_seeds_seeds_2_r")) == 0.35
    text = generate(page, "img2img")
    assert "Denoising strength" in text and "SEEDS-2 r: 0.35" in text and picture(page, "img2img")


def test_settings_and_reload_ui(page, server):
    """The default that is set is shown after Reload UI, and there is still one of each entry."""
    server.post("/sdapi/v1/options", {"seeds_2_r": 0.7})
    reload_ui(page)
    page.click("#txt2img_sampling input")
    assert page.locator("#txt2img_sampling li", has_text="SEEDS-2").count() == 1
    page.keyboard.press("Escape")
    open_accordion(page)
    assert float(value(page, R)) == 0.7
    page.locator("#tabs button", has_text="Settings").first.click()
    page.locator("#settings button", has_text="SEEDS samplers").click()
    assert float(value(page, "setting_seeds_2_r")) == 0.7
    server.post("/sdapi/v1/options", {"seeds_2_r": 0.5})
