"""ComfyUI in headless Chromium, for the tests and the pictures."""

import atexit
import functools
import shutil
from contextlib import contextmanager

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


@functools.cache
def browser():
    """The one browser of this process."""
    from playwright.sync_api import sync_playwright

    playwright = sync_playwright().start()
    atexit.register(playwright.stop)
    return playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())


@contextmanager
def page_of(server, nodes_2, width=1500, height=950, altered=None, **settings):
    """A page with ComfyUI's front end, in the classic renderer or in Nodes 2.0; `page.ours` gathers our errors.

    altered: a function of what the server says of all nodes, which the page is told instead. settings: of the user.
    """
    given = {"Comfy.TutorialCompleted": True, "Comfy.VueNodes.Enabled": nodes_2, "Comfy.ColorPalette": "dark"}
    server.post("/settings", given | settings)
    context = browser().new_context(viewport={"width": width, "height": height})
    try:
        page = context.new_page()
        page.ours, page.nodes_2 = [], nodes_2
        if altered:
            page.route("**/object_info", lambda route: route.fulfill(json=altered(server.get("/object_info"))))
        page.on("pageerror", lambda error: page.ours.append(str(error)))
        page.on("console", lambda message: keep(page, message))
        page.goto(server.url)
        page.wait_for_function("window.app?.graph && window.app.extensionManager", timeout=60_000)
        page.wait_for_function("window.app.extensions.some(one => one.name === 'seeds-samplers.chart')", timeout=60_000)
        page.wait_for_timeout(1500)
        yield page
    finally:
        context.close()


def keep(page, message):
    place = message.location.get("url", "")
    if message.type in ("error", "warning") and ("seeds" in place or "seeds" in message.text.lower()):
        page.ours.append(message.text)


def load(page, graph):
    """Show a graph in API format, with its seeds fixed."""
    page.evaluate("graph => window.app.loadApiJson(graph, 'test')", graph)
    page.evaluate(
        """() => { for (const node of window.app.graph._nodes) for (const widget of node.widgets ?? [])
            if (widget.name === "control_after_generate") widget.value = "fixed"; }"""
    )
    page.wait_for_timeout(800)


def show(page, workflow):
    """Show a workflow as a user has saved it."""
    page.evaluate("workflow => window.app.loadGraphData(workflow)", workflow)
    page.wait_for_timeout(600)


def fit(page):
    page.evaluate("() => window.app.extensionManager.command?.execute('Comfy.Canvas.FitView')")
    page.wait_for_timeout(1200)


def run(page, server):
    """Queue what is shown and wait for its end; the prompt's history."""
    before = set(server.get("/history"))
    page.evaluate("() => window.app.queuePrompt(0)")
    prompt = server.wait(lambda: next(iter(set(server.get("/history")) - before), None), 300)
    page.wait_for_timeout(800)
    return server.finish(prompt)
