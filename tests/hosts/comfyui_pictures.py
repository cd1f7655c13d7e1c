"""Makes the example workflows, their thumbnails and the help pages' pictures: python tests/hosts/comfyui_pictures.py

Needs what test_comfyui_browser.py needs. Writes to example_workflows/, js/docs/ and docs/. With a folder as argument,
writes a screenshot of each example to it, too; with names behind it, makes only those examples.
"""

import io
import json
import math
import sys
import tempfile
from pathlib import Path

from browser import fit, load, page_of, run, show
from comfyui import Server
from comfyui_examples import EXAMPLES, SEED
from comfyui_graphs import custom_graph, default_graph, levels_graph, seeds_graph, seeds_split_graph
from PIL import Image
from server import REPOSITORY

EXAMPLES_FOLDER = REPOSITORY / "example_workflows"
HELP = {
    "SEEDSSampler": custom_graph(),
    "SEEDSScheduler": custom_graph(),
    "SEEDSSigmasChart": levels_graph(),
    "SEEDSKSampler": seeds_graph(),
    "SEEDSKSamplerAdvanced": seeds_split_graph(),
    "SEEDSDemoCheckpoint": default_graph("S"),
}


def picture(page, box=None):
    return Image.open(io.BytesIO(page.screenshot(clip=box))).convert("RGB")


def box_of(page, *names):
    """The part of the screen with the nodes of those names, all of them by default."""
    left, top, right, bottom = page.evaluate(
        """(names) => {
            const nodes = window.app.graph._nodes.filter((one) => !names.length || names.includes(one.comfyClass));
            const { scale, offset } = window.app.canvas.ds;
            const box = window.app.canvas.canvas.getBoundingClientRect();
            const x = (value) => box.left + (value + offset[0]) * scale;
            const y = (value) => box.top + (value + offset[1]) * scale;
            return [Math.min(...nodes.map((one) => x(one.pos[0]))), Math.min(...nodes.map((one) => y(one.pos[1] - 45))),
                Math.max(...nodes.map((one) => x(one.pos[0] + one.size[0]))),
                Math.max(...nodes.map((one) => y(one.pos[1] + one.size[1])))];
        }""",
        list(names),
    )
    return {"x": left - 8, "y": top - 4, "width": right - left + 16, "height": bottom - top + 12}


def hide_the_rest(page):
    """Only the graph: no bars, no minimap, no messages."""
    page.add_style_tag(
        content=".side-bar-panel, .actionbar, .p-toast, .p-panel, .minimap-main-container, .comfyui-body-top, "
        ".comfyui-body-left, [class*=graph-canvas-menu], .p-buttongroup, .workflow-tabs-container { opacity: 0 }"
    )


SHARE_SEED = """([id, seed, nodes]) => {
    const { graph } = window.app;
    const [made, targets] = [window.LiteGraph.createNode("PrimitiveNode"), nodes.map((one) => graph.getNodeById(one))];
    made.id = Number(id);
    graph.add(made);
    for (const one of targets)
        made.connect(0, one, one.inputs.findIndex(({ name }) => ["seed", "noise_seed"].includes(name)));
    made.title = "Seed of all";
    made.widgets[0].value = seed;
    for (const one of made.widgets) if (one.name === "control_after_generate") one.value = "fixed";
}"""
LAID_OUT = """async ({ note, rows, sizes, control }) => {
    const { graph } = window.app;
    const [AROUND, GAP, TITLE, PICTURE] = [20, 60, 30, [260, 330]];
    for (const node of graph._nodes) if (node.comfyClass === "PreviewImage") node.setSize(PICTURE);
    for (const [id, size] of Object.entries(sizes)) graph.getNodeById(id).setSize(size);
    for (const node of graph._nodes) for (const widget of node.widgets ?? [])
        if (widget.options?.values?.includes?.("randomize")) widget.value = control;
    const moved = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)));
    await moved();
    let [y, right] = [0, 0];  // the first group stands on the left of all rows
    for (const row of rows) {
        let [x, below] = [right, y];
        for (const [title, columns] of Object.entries(row)) {
            let [left, bottom] = [x + AROUND, y];
            for (const column of columns) {
                let [top, width] = [y + GAP + TITLE, 0];
                for (const one of column.map((id) => graph.getNodeById(id))) {
                    one.pos = [left, top];
                    [top, width] = [top + one.size[1] + GAP, Math.max(width, one.size[0])];
                }
                [left, bottom] = [left + width + GAP, Math.max(bottom, top - GAP)];
            }
            const group = new window.LiteGraph.LGraphGroup(title);
            [group.pos, group.size] = [[x, y], [left - GAP + AROUND - x, bottom + AROUND - y]];
            graph.add(group);
            x = left + AROUND;
            if (right) below = Math.max(below, bottom + AROUND);
            else right = x;
        }
        y = below + GAP;
    }
    await moved();
    const made = window.LiteGraph.createNode("MarkdownNote");
    graph.add(made);
    made.widgets[0].value = note;
    made.title = "What to look at";
    [made.pos, made.size] = [[-420, TITLE], [380, 420]];
    await moved();
    const saved = graph.serialize();
    for (const one of saved.nodes) if (one.type === "CheckpointLoaderSimple") {  // the first of the user's own list
        delete one.widgets_values;
        delete one.widgets_values_named;
    }
    return saved;
}"""


def present(page, example, seed=5):
    """Show an example's graph, with one node for the seed that several share, and no pictures of another's nodes."""
    page.evaluate("() => { window.app.nodeOutputs = {}; }")
    load(page, example.graph)
    if example.seed:
        page.evaluate(SHARE_SEED, [SEED, seed, example.seed])


def thumbnail(images, size=512):
    """Pictures side by side, in two rows if there are more than two, on a square of the first one's background."""
    columns = math.ceil(len(images) ** 0.5)
    side, rows = size // columns, math.ceil(len(images) / columns)
    made = Image.new("RGB", (size, size), images[0].getpixel((1, 1)))
    for i, image in enumerate(images):
        scale = side / max(image.size)
        how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
        small = image.resize((round(image.width * scale), round(image.height * scale)), how)
        left, top = i % columns * side + (side - small.width) // 2, i // columns * side + (side - small.height) // 2
        made.paste(small, (left, top + (size - rows * side) // 2))
    return made


def make(page, server, name, example):
    """The workflow as its author leaves it, and the pictures that it makes as its thumbnail.

    Of a model that is not here there is no picture: its thumbnail is the sampler's node with its settings.
    """
    present(page, example)
    given = {"note": example.note, "rows": example.layout, "sizes": example.sizes, "control": example.control}
    workflow = page.evaluate(LAID_OUT, given)
    path = EXAMPLES_FOLDER / f"{name}.json"
    path.write_text(json.dumps(workflow) + "\n")
    if example.own_model:
        show(page, workflow)
        fit(page)
        shown = [picture(page, box_of(page, "SEEDSKSampler"))]
    else:
        outputs = run(page, server)["outputs"]
        fit(page)
        shown = [image for number in example.shown for image in server.images({number: outputs[number]})]
    thumbnail(shown).save(path.with_suffix(".jpg"), quality=85)
    if len(sys.argv) > 1:
        picture(page).save(Path(sys.argv[1]) / f"{name}.png")


def make_help(page, server):
    """The pictures of the help pages and of docs/comfyui.md."""
    nodes = {
        "SEEDSDemoCheckpoint": [],
        "SEEDSSampler": ["SEEDSSampler", "SEEDSScheduler", "SamplerCustom"],
        "SEEDSSigmasChart": ["BasicScheduler", "SEEDSSigmasChart"],
    }
    for name, graph in HELP.items():
        load(page, graph)
        run(page, server)
        fit(page)
        image = picture(page, box_of(page, *nodes.get(name, [name])))
        image.save(REPOSITORY / "js" / "docs" / f"{name}.png", optimize=True)
    load(page, seeds_graph("S", 4))
    run(page, server)
    fit(page)
    picture(page, box_of(page)).save(REPOSITORY / "docs" / "comfyui.png", optimize=True)


def main():
    EXAMPLES_FOLDER.mkdir(exist_ok=True)
    chosen = sys.argv[2:]
    with Server(tempfile.mkdtemp()) as server, page_of(server, False, 1700, 1000) as page:
        hide_the_rest(page)
        for name in chosen or EXAMPLES:
            make(page, server, name, EXAMPLES[name])
        if not chosen:
            make_help(page, server)
        if page.ours:
            sys.exit(f"the browser's console has: {page.ours}")


if __name__ == "__main__":
    main()
