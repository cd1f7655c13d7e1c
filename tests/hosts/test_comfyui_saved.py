"""Saved workflows in a real browser: every value goes where it belongs, whatever options the solvers have by then."""

import copy
import json

import pytest
from browser import CHROMIUM, load, page_of, show
from comfyui import checkout
from comfyui_graphs import seeds_graph, seeds_part
from comfyui_saved import SAVED, prompt_of

pytest.importorskip("playwright", reason="playwright is not installed")
pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and checkout()), reason="no Chromium, or no ComfyUI checkout"),
    pytest.mark.slow,  # in both renderers: five minutes
]

FILES = sorted(SAVED.glob("*/comfyui/*.api.json"))
CHOSEN = [path for path in FILES if "SEEDSKSampler" in path.read_text()]
INVENTED = {"invented": ["FLOAT", {"default": 1.0, "min": 0.0, "max": 10.0, "advanced": True}]}
SEEDS_M = SAVED / "b0fff88" / "comfyui" / "SEEDS-M.api.json"
SINCE = {"SEEDS-M": {"solver.guidance_limit": 1.0}}  # options that came after b0fff88, with their defaults
GONE = "s_noise"
OURS = ("SEEDSKSampler", "SEEDSSampler", "SEEDSScheduler")


def another_version(info):
    """The nodes of a version whose solvers have one option more, in the middle, and one less."""
    for name in OURS[:2]:
        for option in info[name]["input"]["required"]["solver"][1]["options"]:
            inputs = [(key, spec) for kind in option["inputs"].values() for key, spec in kind.items() if key != GONE]
            option["inputs"] = {"required": dict([*inputs[:1], *INVENTED.items(), *inputs[1:]])}
    return info


@pytest.fixture(scope="module", params=[False, True], ids=["classic", "nodes 2.0"])
def another(request, server):
    with page_of(server, request.param, altered=another_version) as page:
        yield page


def name_of(path):
    return path.name.split(".")[0]


def saved(path, names):
    """A workflow; without `names` as front ends save it that do not write the names of the values."""
    workflow = json.loads(path.with_name(path.name.replace(".api", "")).read_text())
    return workflow if names else nameless(workflow)


def nameless(workflow):
    for node in workflow["nodes"]:
        node.pop("widgets_values_named", None)
    for graph in (workflow.get("definitions") or {}).get("subgraphs") or []:
        nameless(graph)
    return workflow


def changed(inputs):
    """The inputs of a node of ours as `another_version` has them."""
    inputs = {key: value for key, value in inputs.items() if key != f"solver.{GONE}"}
    return inputs | ({"solver.invented": 1.0} | SINCE.get(inputs["solver"], {}) if "solver" in inputs else {})


def ours(prompt):
    """{class: inputs that are no links} of our nodes."""
    return {
        node["class_type"]: {key: value for key, value in node["inputs"].items() if not isinstance(value, list)}
        for node in prompt.values()
        if node["class_type"] in OURS
    }


def warnings(page):
    """What the console and the messages on the screen have said since the last look."""
    page.wait_for_timeout(400)
    said, shown = (
        [text for text in page.ours if "not known" in text],
        page.locator(".p-toast-message").all_inner_texts(),
    )
    page.ours.clear()
    page.evaluate("() => window.app.extensionManager.toast.removeAll()")
    page.wait_for_timeout(400)
    return said, [text for text in shown if "not known" in text]


@pytest.mark.parametrize(
    ("path", "names"),
    [*((path, True) for path in FILES), *((path, False) for path in CHOSEN)],
    ids=lambda value: name_of(value) if hasattr(value, "name") else ("positions", "names")[value],
)
def test_every_value_goes_where_it_belongs(page, path, names):
    show(page, saved(path, names))
    found = prompt_of(page)
    for number, node in json.loads(path.read_text()).items():
        assert found[number]["class_type"] == node["class_type"]
        assert {name: found[number]["inputs"].get(name) for name in node["inputs"]} == node["inputs"]


@pytest.mark.parametrize("names", [True, False], ids=["names", "positions"])
@pytest.mark.parametrize("path", CHOSEN, ids=name_of)
def test_a_version_with_other_options(another, path, names):
    """The new option has its default; the one that is gone is named in one warning."""
    show(another, saved(path, names))
    prompt = json.loads(path.read_text())
    assert ours(prompt_of(another)) == {name: changed(inputs) for name, inputs in ours(prompt).items()}
    said, shown = warnings(another)
    assert len(said) == len(shown) == 1 and f"solver.{GONE}" in said[0] and f"solver.{GONE}" in shown[0]


@pytest.mark.parametrize("names", [True, False], ids=["names", "positions"])
def test_an_unknown_solver(another, names):
    """It stays chosen, so that a run is refused by name; everything else is as saved."""
    text = json.dumps(saved(SAVED / "b0fff88" / "comfyui" / "SEEDS-2.api.json", names))
    show(another, json.loads(text.replace('"SEEDS-2"', '"SEEDS-9"')))
    prompt = json.loads((SAVED / "b0fff88" / "comfyui" / "SEEDS-2.api.json").read_text())
    for name, inputs in ours(prompt_of(another)).items():
        others = {key: value for key, value in ours(prompt)[name].items() if not key.startswith("solver")}
        assert inputs == others | ({} if name == "SEEDSScheduler" else {"solver": "SEEDS-9"})
    said, shown = warnings(another)
    assert len(said) == len(shown) == 1 and "solver SEEDS-9" in said[0] and "solver.r" not in said[0]


@pytest.fixture(scope="module")
def in_a_subgraph(server):
    """A saved workflow with our nodes in a subgraph."""
    with page_of(server, False) as page:
        show(page, saved(SEEDS_M, True))
        return page.evaluate(
            """(names) => {
                const { graph } = window.app;
                graph.convertToSubgraph(new Set(graph._nodes.filter((one) => names.includes(one.comfyClass))));
                return window.app.graph.serialize();
            }""",
            OURS,
        )


@pytest.mark.parametrize("names", [True, False], ids=["names", "positions"])
def test_inside_a_subgraph(another, in_a_subgraph, names):
    workflow = copy.deepcopy(in_a_subgraph)
    show(another, workflow if names else nameless(workflow))
    prompt = json.loads(SEEDS_M.read_text())
    assert ours(prompt_of(another)) == {name: changed(inputs) for name, inputs in ours(prompt).items()}
    assert len(warnings(another)[0]) == 1


def test_copy_and_paste(another):
    path = SAVED / "b0fff88" / "comfyui" / "SEEDS-3.api.json"
    show(another, saved(path, True))
    another.evaluate(
        """(names) => {
            const { canvas, graph } = window.app;
            canvas.selectItems(graph._nodes.filter((one) => names.includes(one.comfyClass)));
            canvas.copyToClipboard();
            graph.clear();
            canvas.pasteFromClipboard();
        }""",
        OURS,
    )
    another.wait_for_timeout(400)
    prompt = ours(json.loads(path.read_text()))
    assert ours(prompt_of(another)) == {name: changed(inputs) for name, inputs in prompt.items()}
    warnings(another)


def test_undo(page):
    """The chosen solver and its options come back."""
    path = SAVED / "b0fff88" / "comfyui" / "SEEDS-3.api.json"
    show(page, saved(path, True))
    before = ours(prompt_of(page))
    page.evaluate(
        """(names) => {
            const { changeTracker } = window.app.extensionManager.workflow.activeWorkflow;
            changeTracker.captureCanvasState?.() ?? changeTracker.checkState();
            for (const node of window.app.graph._nodes)
                for (const widget of node.widgets ?? []) if (widget.name === "solver") widget.value = "SEEDS-M";
            changeTracker.captureCanvasState?.() ?? changeTracker.checkState();
        }""",
        OURS,
    )
    assert ours(prompt_of(page))["SEEDSSampler"]["solver"] == "SEEDS-M"
    page.evaluate("() => window.app.extensionManager.workflow.activeWorkflow.changeTracker.undo()")
    page.wait_for_timeout(600)
    assert ours(prompt_of(page)) == before


@pytest.mark.parametrize("graph", [seeds_graph, seeds_part])
def test_what_is_saved_is_values_and_their_names(page, graph):
    """Nothing of the chart, and the same again once it is loaded."""
    load(page, graph(variation_strength=0.5))
    first = page.evaluate("() => window.app.graph.serialize()")
    show(page, copy.deepcopy(first))
    for workflow in (first, page.evaluate("() => window.app.graph.serialize()")):
        (node,) = (node for node in workflow["nodes"] if node["type"].startswith("SEEDSKSampler"))
        names = node["widgets_values_named"]
        assert list(names.values()) == node["widgets_values"] and "" not in node["widgets_values"]
        assert "seeds_chart" not in json.dumps(workflow)
        assert names["solver"] == "SEEDS-2" and names["solver.r"] == 0.5 and names["variation_strength"] == 0.5
