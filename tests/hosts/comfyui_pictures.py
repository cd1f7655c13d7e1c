"""Makes the example workflows, their thumbnails and the help pages' pictures: python tests/hosts/comfyui_pictures.py

Needs what test_comfyui_browser.py needs. Writes to example_workflows/, js/docs/ and docs/.
"""

import io
import json
import sys
import tempfile

from browser import fit, load, page_of, run
from comfyui import Server
from comfyui_graphs import WORKFLOWS, custom_graph, default_graph, seeds_graph
from PIL import Image
from server import REPOSITORY

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


def main():
    (REPOSITORY / "example_workflows").mkdir(exist_ok=True)
    with Server(tempfile.mkdtemp()) as server, page_of(server, False, 1700, 1000) as page:
        hide_the_rest(page)
        for name, graph in WORKFLOWS.items():
            load(page, graph)
            if name != "SEEDS-2 in a KSampler":  # its checkpoint is the user's
                run(page, server)
                page.evaluate("() => window.app.graph.arrange(60)")  # a node with a picture is larger than before
            fit(page)
            path = REPOSITORY / "example_workflows" / name
            path.with_name(f"{name}.json").write_text(json.dumps(page.evaluate("() => window.app.graph.serialize()")))
            image = picture(page, box_of(page))
            image.thumbnail((640, 640))
            image.save(path.with_name(f"{name}.jpg"), quality=85)
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
