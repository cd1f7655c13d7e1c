"""The example workflows: what each has, and that it runs in a real browser, in both renderers."""

import importlib.util
import json

import numpy as np
import pytest
from browser import CHROMIUM, page_of, run
from comfyui import checkout
from comfyui_examples import EXAMPLES
from comfyui_saved import prompt_of
from PIL import Image
from server import REPOSITORY, Rejected

FOLDER = REPOSITORY / "example_workflows"
CONTROLS = ("fixed", "randomize", "increment", "decrement")
LEVEL = 2  # of 255: what rounding may do to an image
SHOWN = """async (name) => {
    const url = `/api/workflow_templates/seeds-samplers/${encodeURIComponent(name)}.json`;
    await window.app.loadGraphData(await (await fetch(url)).json());
}"""
WRONG = """() => {
    const { graph } = window.app, known = window.LiteGraph.registered_node_types;
    const nodes = graph._nodes.filter((one) => one.has_errors || !known[one.type]).map((one) => one.type);
    const links = [...graph.links.values()].filter((link) => {
        const [from, to] = [graph.getNodeById(link.origin_id), graph.getNodeById(link.target_id)];
        const [output, input] = [from?.outputs[link.origin_slot], to?.inputs[link.target_slot]];
        return !output?.links?.includes(link.id) || input?.link !== link.id || ![output.type, "*"].includes(input.type);
    });
    return [...nodes, ...links.map((link) => link.id)];
}"""


def in_browser(test):
    """In both renderers, each example twice: ten minutes."""
    possible = CHROMIUM and checkout() and importlib.util.find_spec("playwright")
    skip = pytest.mark.skipif(not possible, reason="no Chromium, no playwright, or no ComfyUI checkout")
    return pytest.mark.slow(skip(test))


def show_example(page, server, name):
    assert name in server.get("/api/workflow_templates")["seeds-samplers"]
    page.evaluate(SHOWN, name)
    page.wait_for_timeout(1000)
    assert page.evaluate(WRONG) == []


def test_each_is_a_file_with_a_thumbnail():
    assert {path.name for path in FOLDER.iterdir()} == {
        f"{name}.{kind}" for name in EXAMPLES for kind in ("json", "jpg")
    }


@pytest.mark.parametrize("name", EXAMPLES)
class TestEach:
    def test_has_a_note_groups_random_seeds_and_previews(self, name):
        workflow = json.loads((FOLDER / f"{name}.json").read_text())
        types = [node["type"] for node in workflow["nodes"]]
        (note,) = (node for node in workflow["nodes"] if node["type"] == "MarkdownNote")
        assert note["widgets_values"] == [EXAMPLES[name].note] and note["widgets_values"][0].startswith("## ")
        assert [group["title"] for group in workflow["groups"]] == [one for row in EXAMPLES[name].layout for one in row]
        assert "PreviewImage" in types and "SaveImage" not in types
        controls = [
            value for node in workflow["nodes"] for value in node.get("widgets_values") or () if value in CONTROLS
        ]
        assert set(controls) == {EXAMPLES[name].control}

    def test_is_laid_out_without_overlap(self, name):
        """Each node in a group of its own, no two over one another."""
        workflow = json.loads((FOLDER / f"{name}.json").read_text())
        nodes = [node for node in workflow["nodes"] if node["type"] != "MarkdownNote"]
        boxes = [(x, y - 30, x + w, y + h) for node in nodes for (x, y), (w, h) in [(node["pos"], node["size"])]]
        groups = [(x, y, x + w, y + h) for x, y, w, h in (group["bounding"] for group in workflow["groups"])]
        for all_of_them in (boxes, groups):
            for i, (left, top, right, bottom) in enumerate(all_of_them):
                for x, y, x_end, y_end in all_of_them[:i]:
                    assert right <= x or x_end <= left or bottom <= y or y_end <= top
        for left, top, right, bottom in boxes:
            assert (
                sum(x <= left and y <= top and right <= x_end and bottom <= y_end for x, y, x_end, y_end in groups) == 1
            )

    def test_has_a_readable_thumbnail(self, name):
        image = Image.open(FOLDER / f"{name}.jpg")
        assert max(image.size) == 512 and np.asarray(image).std() > 15


@in_browser
@pytest.mark.parametrize("name", [name for name, example in EXAMPLES.items() if not example.own_model])
def test_it_runs_and_runs_again(page, server, name):
    show_example(page, server, name)
    seen = []
    for _ in range(2):
        history = run(page, server)
        assert history["status"]["status_str"] == "success"
        outputs = {number: output for number, output in history["outputs"].items() if output.get("images")}
        pictures = {number: [np.asarray(one).astype(int) for one in server.images({number: output})]
                    for number, output in outputs.items()}  # fmt: skip
        if EXAMPLES[name].alike:
            (first, place), (second, other) = EXAMPLES[name].alike
            assert abs(pictures[first][place] - pictures[second][other]).max() <= LEVEL
        seen.append(pictures[EXAMPLES[name].shown[0]][0])
    same = seen[0].shape == seen[1].shape and abs(seen[0] - seen[1]).max() <= LEVEL
    assert same == (EXAMPLES[name].control == "fixed")  # each seed is another picture


@in_browser
@pytest.mark.parametrize("nodes_2", [False, True], ids=["classic", "nodes 2.0"])
@pytest.mark.parametrize("name", [name for name, example in EXAMPLES.items() if example.own_model])
@pytest.mark.parametrize("has", [False, True], ids=["no checkpoint", "a checkpoint"])
def test_with_a_checkpoint_of_the_users_all_fits(server, name, nodes_2, has):
    """Nothing is marked as missing, and the server refuses the graph for no other reason than an unknown checkpoint."""
    path = server.folder / "models" / "checkpoints" / "mine.safetensors"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"") if has else path.unlink(missing_ok=True)
    with page_of(server, nodes_2) as page:
        show_example(page, server, name)
        prompt = prompt_of(page)
        assert page.get_by_text("missing", exact=False).count() == 0 and page.ours == []
    assert prompt["1"]["inputs"]["ckpt_name"] == ("mine.safetensors" if has else None)
    prompt["1"]["inputs"]["ckpt_name"] = "another.safetensors"
    with pytest.raises(Rejected) as refused:
        server.queue(prompt)
    errors = json.loads(str(refused.value))["node_errors"]
    kinds = {number: [one["type"] for one in node["errors"]] for number, node in errors.items()}
    assert kinds == {"1": ["value_not_in_list"]}
