"""Makes the example workflows, their thumbnails and the help pages' pictures: python tests/hosts/comfyui_pictures.py

Needs what test_comfyui_browser.py needs. Writes to example_workflows/, js/docs/ and docs/.
"""

import io
import json
import sys
import tempfile

from browser import fit, load, page_of, run
from comfyui import Server
from comfyui_examples import EXAMPLES
from comfyui_graphs import custom_graph, default_graph, seeds_graph
from PIL import Image
from server import REPOSITORY

EXAMPLES_FOLDER = REPOSITORY / "example_workflows"
HELP = {
    "SEEDSSampler": custom_graph(),
    "SEEDSScheduler": custom_graph(),
    "SEEDSKSampler": seeds_graph(),
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


LAID_OUT = """async ({ note, groups }) => {
    const { graph } = window.app;
    graph.arrange(60);  // again: a node with a picture is larger than before
    for (const node of graph._nodes) for (const widget of node.widgets ?? [])
        if (widget.name === "control_after_generate") widget.value = "increment";
    const moved = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)));
    await moved();
    const box = ({ pos: [x, y], size: [width, height] }) => [x - 20, y - 90, x + width + 20, y + height + 20];
    const around = (nodes) => [0, 1, 2, 3].map((i) => Math[i < 2 ? "min" : "max"](...nodes.map((one) => box(one)[i])));
    for (const [title, ids] of Object.entries(groups)) {
        const members = ids.map((id) => graph.getNodeById(id));
        const others = graph._nodes.filter((one) => !members.includes(one));
        let [left, top, right, bottom] = around(members);
        if (others.map(box).some(([l, t, r, b]) => l < right && left < r && t < bottom && top < b)) {  // then below all
            const down = around(others)[3] + 40 - top;
            for (const one of members) one.pos = [one.pos[0], one.pos[1] + down];
            [top, bottom] = [top + down, bottom + down];
        }
        const group = new window.LiteGraph.LGraphGroup(title);
        [group.pos, group.size] = [[left, top], [right - left, bottom - top]];
        graph.add(group);
    }
    await moved();
    const made = window.LiteGraph.createNode("MarkdownNote");
    graph.add(made);
    made.widgets[0].value = note;
    made.title = "What to look at";
    const others = graph._nodes.filter((one) => one !== made);
    const left = Math.min(...others.map((one) => one.pos[0])), top = Math.min(...others.map((one) => one.pos[1]));
    made.pos = [left - 380, top];
    made.setSize([340, 380]);
    const saved = graph.serialize();
    for (const one of saved.nodes) delete one.images;
    return saved;
}"""


def make(page, server, name, example):
    """The workflow as its author leaves it after a run, and the picture that it makes as its thumbnail."""
    load(page, example.graph)
    outputs = run(page, server)["outputs"]
    workflow = page.evaluate(LAID_OUT, {"note": example.note, "groups": example.groups})
    path = EXAMPLES_FOLDER / f"{name}.json"
    path.write_text(json.dumps(workflow) + "\n")
    images = server.images({example.shown: outputs[example.shown]})
    side = 512 // round(len(images) ** 0.5)
    thumbnail = Image.new("RGB", (512, 512))
    for i, image in enumerate(images):
        thumbnail.paste(image.resize((side, side), Image.Resampling.NEAREST), (i * side % 512, i * side // 512 * side))
    thumbnail.save(path.with_suffix(".jpg"), quality=85)


def main():
    EXAMPLES_FOLDER.mkdir(exist_ok=True)
    with Server(tempfile.mkdtemp()) as server, page_of(server, False, 1700, 1000) as page:
        hide_the_rest(page)
        for name, example in EXAMPLES.items():
            make(page, server, name, example)
        for name, graph in HELP.items():
            load(page, graph)
            run(page, server)
            fit(page)
            nodes = {"SEEDSDemoCheckpoint": [], "SEEDSSampler": ["SEEDSSampler", "SEEDSScheduler", "SamplerCustom"]}
            image = picture(page, box_of(page, *nodes.get(name, [name])))
            image.save(REPOSITORY / "js" / "docs" / f"{name}.png", optimize=True)
        load(page, seeds_graph("S", 4))
        run(page, server)
        fit(page)
        picture(page, box_of(page)).save(REPOSITORY / "docs" / "comfyui.png", optimize=True)
        if page.ours:
            sys.exit(f"the browser's console has: {page.ours}")


if __name__ == "__main__":
    main()
