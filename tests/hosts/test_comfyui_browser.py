"""The front end in a real browser, in both of its renderers; skipped without Chromium, playwright or a checkout."""

import json

import pytest
from browser import CHROMIUM, fit, load, page_of, run
from comfyui import Server, checkout
from comfyui_graphs import WORKFLOWS, custom_graph, default_graph, seeds_graph
from comfyui_saved import SAVED, prompt_of
from server import REPOSITORY

pytest.importorskip("playwright", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(not (CHROMIUM and checkout()), reason="no Chromium, or no ComfyUI checkout")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("comfyui")) as server:
        yield server
        assert server.tracebacks() == []


@pytest.fixture(scope="module", params=[False, True], ids=["classic", "nodes 2.0"])
def page(request, server):
    with page_of(server, request.param) as page:
        page.nodes_2 = request.param
        yield page
        assert page.ours == []


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


def words(page):
    return page.locator("canvas[role=img]").first.get_attribute("aria-label")


def ink(page):
    """How many pixels of the first chart are drawn."""
    return page.evaluate(
        """() => { const canvas = document.querySelector("canvas[role=img]");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            return data.filter((byte, i) => i % 4 === 3 && byte > 0).length; }"""
    )


@pytest.mark.parametrize("path", sorted(SAVED.glob("*/comfyui/*.api.json")), ids=lambda path: path.name.split(".")[0])
def test_a_saved_workflow_loads_with_every_value_where_it_belongs(page, path):
    workflow = json.loads(path.with_name(path.name.replace(".api", "")).read_text())
    page.evaluate("workflow => window.app.loadGraphData(workflow)", workflow)
    page.wait_for_timeout(500)
    found = prompt_of(page)
    for number, saved in json.loads(path.read_text()).items():
        assert found[number]["class_type"] == saved["class_type"]
        assert {name: found[number]["inputs"].get(name) for name in saved["inputs"]} == saved["inputs"]


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


def test_the_chart_counts_before_a_run_and_shows_the_levels_after_it(page, server):
    load(page, seeds_graph(**{"budget": "model calls", "budget.model_calls": 40}))
    fit(page)
    page.wait_for_timeout(600)
    assert words(page) == "20 steps, 39 model calls"
    before = ink(page)
    run(page, server)
    assert words(page) == "20 steps, 39 model calls" and ink(page) > before
    page.evaluate(
        """() => { const node = window.app.graph._nodes.find((one) => one.comfyClass === "SEEDSKSampler");
            const widget = node.widgets.find((one) => one.name === "budget.model_calls");
            widget.value = 7; widget.callback?.(7); }"""
    )
    page.wait_for_timeout(900)
    assert words(page) == "4 steps, 7 model calls"


def test_the_schedulers_chart_counts_for_the_sampler_it_is_connected_to(page, server):
    load(page, custom_graph(model_calls=24))
    fit(page)
    page.wait_for_timeout(600)
    assert words(page) == "12 steps, 23 model calls"
    assert run(page, server)["status"]["status_str"] == "success"
    assert words(page) == "12 steps, 23 model calls"


def green(page):
    """How many pixels of the first chart mark steps that are done."""
    return page.evaluate(
        """() => { const canvas = document.querySelector("canvas[role=img]");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            let count = 0;
            for (let i = 0; i < data.length; i += 4)
                count += data[i + 3] > 0 && data[i + 1] > data[i] + 40 && data[i + 1] > data[i + 2] + 20;
            return count; }"""
    )


def comes_to_rest(page):
    """Whether the marks go once the run is over; a busy machine's page may be told late."""
    for _ in range(100):
        if green(page) == 0:
            return True
        page.wait_for_timeout(100)
    return False


@pytest.mark.parametrize("graph", [seeds_graph, custom_graph], ids=["own run", "a sampler's run"])
def test_the_chart_follows_the_run(page, server, graph):
    load(page, graph())
    fit(page)
    run(page, server)  # from here on the levels are known
    assert comes_to_rest(page)
    page.evaluate(
        """() => { for (const node of window.app.graph._nodes) for (const widget of node.widgets ?? []) {
            if (widget.name === "batch_size") widget.value = 16;
            if (["seed", "noise_seed"].includes(widget.name)) widget.value = 1234567; } }"""
    )
    seen, before = [], set(server.get("/history"))
    page.evaluate("() => window.app.queuePrompt(0)")
    for _ in range(400):
        seen.append(green(page))
        if set(server.get("/history")) - before:
            break
        page.wait_for_timeout(20)
    assert max(seen) > min(count for count in seen if count) and comes_to_rest(page)


@pytest.mark.parametrize("name", [name for name in WORKFLOWS if name != "SEEDS-2 in a KSampler"])
def test_the_example_workflows_run(page, server, name):
    files = server.get("/api/workflow_templates")["seeds-samplers"]
    assert name in files and (REPOSITORY / "example_workflows" / f"{name}.jpg").exists()
    page.evaluate(
        """async (name) => { const url = `/api/workflow_templates/seeds-samplers/${encodeURIComponent(name)}.json`;
            await window.app.loadGraphData(await (await fetch(url)).json()); }""",
        name,
    )
    page.wait_for_timeout(1000)
    assert run(page, server)["status"]["status_str"] == "success"


def test_what_cannot_be_counted_is_not_claimed(page):
    """A sampler behind a reroute is found; none, or a budget that a link decides, is not guessed."""
    load(page, custom_graph(model_calls=24))
    asked = page.evaluate(
        """async () => {
            const { graph } = window.app, words = [];
            const look = async () => { await new Promise((done) => setTimeout(done, 1100));
                words.push(document.querySelector("canvas[role=img]").getAttribute("aria-label")); };
            const find = (name) => graph._nodes.find((one) => one.comfyClass === name || one.type === name);
            const scheduler = find("SEEDSScheduler");
            const slot = scheduler.inputs.findIndex((one) => one.name === "sampler");
            const reroute = window.LiteGraph.createNode("Reroute");
            graph.add(reroute);
            find("SEEDSSampler").connect(0, reroute, 0);
            reroute.connect(0, scheduler, slot);
            await look();
            scheduler.disconnectInput(slot);
            await look();
            return words;
        }"""
    )
    assert asked == ["12 steps, 23 model calls", "connect a sampler"]


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
