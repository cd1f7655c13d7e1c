"""A real ComfyUI server with this repository as a custom node, and a client for it."""

import importlib.util
import io
import os
import re
import sys
from pathlib import Path

from server import Process, add_toy, copy_parts, free_port

PARTS = ("__init__.py", "nodes", "sampling", "demo", "js", "example_workflows", "docs", "pyproject.toml")


def checkout():
    """The ComfyUI checkout to test against, or None where there is none or its requirements are not installed."""
    path = Path(os.environ.get("COMFYUI_PATH") or Path.home() / "comfy" / "ComfyUI")
    installed = all(importlib.util.find_spec(name) for name in ("comfyui_frontend_package", "torchsde"))
    return path if installed and (path / "main.py").exists() else None


class Server(Process):
    """`with Server(folder) as server`: starts ComfyUI on the CPU with its files in `folder`, which is empty before.

    COMFYUI_ARGUMENTS holds more arguments, as of an older front end: --front-end-root folder. toy: with that solver.
    """

    def __init__(self, folder, toy=False):
        super().__init__(folder)
        self.toy = toy

    def __enter__(self):
        copy_parts(PARTS, self.folder / "custom_nodes" / "seeds-samplers")
        if self.toy:
            add_toy(self.folder / "custom_nodes" / "seeds-samplers")
        for name in ("input", "output", "temp", "user", "models"):
            (self.folder / name).mkdir()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "main.py", "--cpu", "--disable-auto-launch", "--base-directory", str(self.folder)]
        command += ["--port", str(port), *os.environ.get("COMFYUI_ARGUMENTS", "").split()]
        self.start(command, "/system_stats", cwd=checkout(), env=self.environment())
        return self

    @staticmethod
    def environment():
        return {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": "", "HF_HUB_OFFLINE": "1"}

    def queue(self, graph):
        """Queue a graph; its id."""
        return self.post("/prompt", {"prompt": graph})["prompt_id"]

    def finish(self, prompt, seconds=180):
        """The history of a prompt once it is done."""
        return self.wait(lambda: self.get(f"/history/{prompt}").get(prompt), seconds)

    def run(self, graph, seconds=180):
        """Run a graph to its end; its outputs by node id. RuntimeError with the server's message if it fails."""
        history = self.finish(self.queue(graph), seconds)
        if history["status"]["status_str"] != "success":
            errors = [data for kind, data in history["status"]["messages"] if kind == "execution_error"]
            raise RuntimeError(errors[0]["exception_message"] if errors else str(history["status"]))
        return history["outputs"]

    def images(self, outputs):
        """The saved images of a run, as PIL images."""
        from PIL import Image

        found = [image for node in outputs.values() for image in node.get("images", [])]
        return [Image.open(io.BytesIO(self.get("/view", **image))).convert("RGB") for image in found]

    def tracebacks(self):
        """What the log says went wrong in our code or because of it."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", self.log.read_text())
        return [
            line for line in text.splitlines() if "Traceback" in line or ("seeds-samplers" in line and "Error" in line)
        ]
