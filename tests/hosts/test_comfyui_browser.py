"""The front end in a real browser, in both of its renderers; skipped without Chromium, playwright or a checkout."""

import pytest
from browser import CHROMIUM, fit, load, run
from comfyui import checkout
from comfyui_graphs import default_graph, seeds_graph

pytest.importorskip("playwright", reason="playwright is not installed")
pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and checkout()), reason="no Chromium, or no ComfyUI checkout"),
    pytest.mark.slow,  # in both renderers: a minute
]


def value(page, node, widget):
    return page.evaluate(
        """([node, name]) => window.app.graph._nodes.find((one) => one.comfyClass === node)
            .widgets.find((widget) => widget.name === name).value""",
        [node, widget],
    )


def place_of(page, node, widget):
    """Where a widget of the classic renderer is on the screen."""
    return page.evaluate(
        """([name, widget]) => {
            const node = window.app.graph._nodes.find((one) => one.comfyClass === name);
            const found = node.widgets.find((one) => one.name === widget);
            const [x, y] = [node.pos[0] + node.size[0] * 0.6, node.pos[1] + found.last_y + 10];
            const { scale, offset } = window.app.canvas.ds;
            const box = window.app.canvas.canvas.getBoundingClientRect();
            return [box.left + (x + offset[0]) * scale, box.top + (y + offset[1]) * scale];
        }""",
        [node, widget],
    )


def test_seeds_2_is_chosen_by_mouse_and_draws(page, server):
    load(page, default_graph(sampler_name="euler"))
    fit(page)
    if page.nodes_2:
        page.get_by_role("combobox").filter(has_text="euler").first.click()
        page.get_by_role("option", name="SEEDS-2", exact=True).click()
    else:
        page.mouse.click(*place_of(page, "KSampler", "sampler_name"))
        page.locator(".litecontextmenu .litemenu-entry").get_by_text("SEEDS-2", exact=True).click()
    page.wait_for_timeout(300)
    assert value(page, "KSampler", "sampler_name") == "SEEDS-2"
    history = run(page, server)
    assert history["status"]["status_str"] == "success" and history["outputs"]


def test_copying_a_node_leaves_nothing_behind(page):
    load(page, seeds_graph())
    left = page.evaluate(
        """async () => {
            const started = [], real = window.setInterval;
            window.setInterval = (...given) => { started.push(given); return real(...given); };
            const node = window.app.graph._nodes.find((one) => one.comfyClass === "SEEDSKSampler");
            for (let i = 0; i < 5; i++) node.clone();
            window.setInterval = real;
            return started.length;
        }"""
    )
    assert left == 0
