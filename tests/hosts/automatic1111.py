"""AUTOMATIC1111's web UI with this repository as an extension: in this process, or as a server."""

import base64
import importlib.util
import io
import json
import os
import sys
from pathlib import Path

from server import REPOSITORY, Process, add_toy, copy_parts, free_port

PARTS = ("__init__.py", "sampling", "webui", "scripts", "metadata.ini", "install.py", "pyproject.toml", "nodes", "js")


def checkout():
    """The web UI checkout to test against, or None where there is none or its requirements are not installed."""
    path = Path(os.environ.get("WEBUI_PATH") or Path.home() / "stable-diffusion-webui")
    installed = all(importlib.util.find_spec(name) for name in ("gradio", "torchsde"))
    return path if installed and (path / "webui.py").exists() else None


def add_extension(folder):
    copy_parts(PARTS, Path(folder) / "extensions" / "seeds-samplers")


def image_of(text):
    from PIL import Image

    return Image.open(io.BytesIO(base64.b64decode(text)))


def text_of(image):
    data = io.BytesIO()
    image.save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


class Server(Process):
    """`with Server(folder, kind) as server`: starts the web UI with its API and a stand-in model of that kind.

    toy: with the solver of tests/toy.py.
    """

    def __init__(self, folder, kind="eps", arguments=(), toy=False):
        super().__init__(folder)
        self.kind, self.arguments, self.toy = kind, arguments, toy

    def __enter__(self):
        add_extension(self.folder)
        if self.toy:
            add_toy(self.folder / "extensions" / "seeds-samplers")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        standin = Path(__file__).parent / "webui_standin.py"
        command = [sys.executable, str(standin), str(checkout()), str(self.folder), self.kind, "--port", str(port)]
        # The stand-in's own files are of the repository; the extension is the copy.
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(REPOSITORY / "tests" / "hosts")}
        command += ["--api", *self.arguments]
        # A request before the end of its start would make the host fail: it could add nothing to its app any more.
        self.start(command, "/sdapi/v1/samplers", "Startup time", cwd=self.folder, env=environment)
        return self

    def draw(self, kind="txt2img", **request):
        """The images of a request, as PIL images, and their infotexts."""
        request = {"width": 256, "height": 256, "cfg_scale": 2, "steps": 8, "seed": 3, **request}
        answer = self.post(f"/sdapi/v1/{kind}", request, 120)
        return [image_of(text) for text in answer["images"]], json.loads(answer["info"])["infotexts"]

    def complaints(self):
        """What the host reports as errors, but for those that it answered a request with."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if line.startswith("***") and "API error" not in line]
