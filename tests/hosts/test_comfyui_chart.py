"""The chart in a real browser, in both renderers: right before a run, while it runs, and after whatever changes."""

import pytest
from browser import CHROMIUM, fit, load, page_of, run
from comfyui import checkout
from comfyui_graphs import MODEL, custom_graph, levels_graph, node, seeds_graph, seeds_part

pytest.importorskip("playwright", reason="playwright is not installed")
pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and checkout()), reason="no Chromium, or no ComfyUI checkout"),
    pytest.mark.slow,  # in both renderers: five minutes
]

LATER = "The noise levels show after a run."
DONE = "rgb(63, 165, 107)"
CALLS = {"budget": "model calls", "budget.model_calls": 40}
CHART = """([done]) => { const chart = document.querySelector(".seeds-chart");
    const lines = [...chart.querySelectorAll("svg line")].filter((one) => !done || one.style.stroke === done);
    return lines.length; }"""


def says(page, *texts):
    """Whether the first chart says so, after a while."""
    for _ in range(50):
        if page.locator(".seeds-chart").first.inner_text().split("\n")[: len(texts)] == [*texts]:
            return True
        page.wait_for_timeout(200)
    return page.locator(".seeds-chart").first.inner_text()


def marks(page, color=None):
    """How many lines the first chart has: steps, further calls and the axis; or those of a color."""
    return page.evaluate(CHART, [color])


def set_widget(page, name, value):
    page.evaluate(
        """([name, value]) => { for (const node of window.app.graph._nodes) for (const widget of node.widgets ?? [])
            if (widget.name === name) { widget.value = value; widget.callback?.(value); } }""",
        [name, value],
    )


def patched(graph):
    """The graph with a model whose levels the server cannot know before a run."""
    graph["50"] = node("ModelSamplingContinuousEDM", model=MODEL, sampling="edm", sigma_max=70.0, sigma_min=0.02)
    for one in graph.values():
        if one["class_type"].startswith("SEEDS") and "model" in one["inputs"]:
            one["inputs"]["model"] = ["50", 0]
    return graph


def test_counts_and_levels_are_right_before_a_run(page):
    load(page, seeds_graph(**CALLS))
    fit(page)
    assert says(page, "20 steps, 39 model calls", "\u03bb -4.4", "4.6", "\u03c3 0") is True
    assert marks(page) == 39 + 1
    set_widget(page, "budget.model_calls", 7)
    assert says(page, "4 steps, 7 model calls") is True and marks(page) == 7 + 1
    set_widget(page, "budget", "steps")
    set_widget(page, "budget.steps", 1)
    assert says(page, "1 step, 1 model call", "\u03bb -4.4") is True
    set_widget(page, "budget.steps", 1000)
    assert says(page, "1000 steps, 1999 model calls") is True and 20 < marks(page) < 100


def test_a_part_of_a_run_is_what_is_counted_and_drawn(page):
    load(page, seeds_part())
    fit(page)
    set_widget(page, "start_at_step", 5)
    assert says(page, "7 steps, 13 model calls", "\u03bb -1.6", "4.6", "\u03c3 0") is True
    set_widget(page, "end_at_step", 8)
    set_widget(page, "return_with_leftover_noise", "enable")
    assert says(page, "3 steps, 6 model calls", "\u03bb -1.6", "0.8") is True and marks(page) == 6 + 2


def test_the_chart_of_any_levels(page, server):
    """Shown by a run, by a run from the cache too, with the schedule that another node made."""
    for scheduler, low in (("karras", "\u03bb -4.4"), ("exponential", "\u03bb -4.4"), ("karras", "\u03bb -4.4")):
        load(page, levels_graph(scheduler=scheduler, steps=9 + page.nodes_2))
        fit(page)
        assert says(page, "Run to see the noise levels.") is True
        run(page, server)
        assert says(page, f"{9 + page.nodes_2} steps, sigma 80 to 0", low, "4.6", "\u03c3 0") is True
        assert marks(page) == 9 + page.nodes_2 + 1


def test_options_that_contradict_each_other_are_named_before_a_run(page):
    load(page, seeds_graph())
    fit(page)
    set_widget(page, "solver", "SEEDS-3")
    set_widget(page, "solver.r_2", 0.4)
    set_widget(page, "solver.r_1", 0.7)
    assert says(page, "r_2: 0.4; expected more than r_1, 0.7") is True and marks(page) == 0


def test_a_model_that_is_not_known_before_a_run(page, server):
    """After one run every change shows its levels at once, after undo and a run from the cache too."""
    load(page, patched(seeds_graph(seed=100 + page.nodes_2)))
    fit(page)
    assert says(page, "12 steps, 23 model calls", LATER) is True
    run(page, server)
    assert says(page, "12 steps, 23 model calls", "\u03bb -4.2") is True and marks(page) == 23 + 1
    set_widget(page, "budget.steps", 7)
    assert says(page, "7 steps, 13 model calls", "\u03bb -4.2") is True
    set_widget(page, "budget.steps", 12)
    assert says(page, "12 steps, 23 model calls", "\u03bb -4.2") is True
    load(page, patched(seeds_graph(seed=100 + page.nodes_2)))  # as after undo: new nodes
    assert says(page, "12 steps, 23 model calls", "\u03bb -4.2") is True


def test_a_run_from_the_cache_shows_the_levels(server):
    graph = patched(seeds_graph(seed=200))
    for _ in range(2):
        with page_of(server, False) as page:
            load(page, graph)
            fit(page)
            assert says(page, "12 steps, 23 model calls", LATER) is True
            run(page, server)
            assert says(page, "12 steps, 23 model calls", "\u03bb -4.2") is True


def test_the_schedulers_chart_counts_for_the_sampler_it_is_connected_to(page):
    """Also behind a reroute; none, one that is not ours, one that takes one call a step."""
    load(page, custom_graph(model_calls=24))
    fit(page)
    assert says(page, "12 steps, 23 model calls") is True and marks(page) == 23 + 1
    page.evaluate(
        """() => {
            const { graph } = window.app;
            const find = (name) => graph._nodes.find((one) => one.comfyClass === name);
            const [scheduler, reroute] = [find("SEEDSScheduler"), window.LiteGraph.createNode("Reroute")];
            graph.add(reroute);
            find("SEEDSSampler").connect(0, reroute, 0);
            window.place = scheduler.inputs.findIndex((one) => one.name === "sampler");
            reroute.connect(0, scheduler, window.place);
            window.scheduler = scheduler;
        }"""
    )
    set_widget(page, "budget.model_calls", 20)
    assert says(page, "10 steps, 19 model calls") is True
    page.evaluate("() => window.scheduler.disconnectInput(window.place)")
    assert says(page, "connect a sampler") is True
    page.evaluate(
        """() => { const select = window.LiteGraph.createNode("KSamplerSelect"); window.app.graph.add(select);
            select.connect(0, window.scheduler, window.place); }"""
    )
    assert says(page, "20 steps, 20 model calls") is True
    set_widget(page, "sampler_name", "heun")
    assert says(page, "20 steps, 39 model calls", "\u03bb -4.4") is True
    set_widget(page, "sampler_name", "dpm_adaptive")
    assert says(page, "20 steps, model calls unknown", "\u03bb -4.4") is True


@pytest.mark.parametrize(
    "graph", [seeds_graph, custom_graph, levels_graph], ids=["own run", "a sampler's run", "levels on the wire"]
)
def test_the_chart_follows_the_first_run(page, server, graph):
    shown = patched(graph())
    shown["4"]["inputs"]["batch_size"] = 16
    load(page, shown)
    fit(page)
    for name in ("seed", "noise_seed"):
        set_widget(page, name, 300 + page.nodes_2)
    seen, before = [], set(server.get("/history"))
    page.evaluate("() => window.app.queuePrompt(0)")
    for _ in range(1000):
        seen.append(marks(page, DONE))
        if set(server.get("/history")) - before:
            break
        page.wait_for_timeout(20)
    assert len(set(seen)) > 3
    for _ in range(50):
        if marks(page, DONE) == 0:
            return
        page.wait_for_timeout(100)
    raise AssertionError("the marks stay")


def test_the_chart_has_the_themes_colors_at_once(page):
    load(page, seeds_graph())
    color = "() => getComputedStyle(document.querySelector('.seeds-chart div')).color"
    dark = page.evaluate(color)
    page.evaluate("() => window.app.extensionManager.setting.set('Comfy.ColorPalette', 'light')")
    page.wait_for_timeout(800)
    light = page.evaluate(color)
    page.evaluate("() => window.app.extensionManager.setting.set('Comfy.ColorPalette', 'dark')")
    page.wait_for_timeout(800)
    brightness = [sum(map(int, text.strip("rgba()").split(",")[:3])) for text in (dark, light)]
    assert brightness[0] > 500 > brightness[1]


def test_another_solver_leaves_no_gap(page):
    """In Nodes 2.0, where options are folded away, the node ends a little below its chart."""
    load(page, seeds_graph())
    fit(page)
    for name in ("SEEDS-3", "SEEDS-M", "ER-SDE"):
        set_widget(page, "solver", name)
        page.wait_for_timeout(600)
        if not page.nodes_2:
            continue
        gap = page.evaluate(
            """() => { const chart = document.querySelector(".seeds-chart");
                const bottom = chart.closest("[data-node-id]").getBoundingClientRect().bottom;
                return (bottom - chart.getBoundingClientRect().bottom) / window.app.canvas.ds.scale; }"""
        )
        assert 0 < gap < 90
