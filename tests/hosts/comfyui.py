"""A real ComfyUI server with this repository as a custom node, and a client for it."""

import importlib.util
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
# What a user's clone has; tests and what they leave behind stay out of the folder that the server scans.
PARTS = ("__init__.py", "nodes", "sampling", "demo", "js", "locales", "example_workflows", "docs", "pyproject.toml")


def checkout():
    """The ComfyUI checkout to test against, or None where there is none or its requirements are not installed."""
    path = Path(os.environ.get("COMFYUI_PATH") or Path.home() / "comfy" / "ComfyUI")
    installed = all(importlib.util.find_spec(name) for name in ("comfyui_frontend_package", "torchsde"))
    return path if installed and (path / "main.py").exists() else None


class Rejected(Exception):
    """The server's answer to a graph that it does not accept."""


class Server:
    """`with Server(folder) as server`: starts ComfyUI on the CPU with its files in `folder`, which is empty before.

    COMFYUI_ARGUMENTS holds more arguments, as of an older front end: --front-end-root folder.
    """

    def __init__(self, folder):
        self.folder, self.log = Path(folder), Path(folder) / "log.txt"

    def __enter__(self):
        pack = self.folder / "custom_nodes" / "seeds-samplers"
        pack.mkdir(parents=True)
        for name in ("input", "output", "temp", "user", "models"):
            (self.folder / name).mkdir()
        for part in PARTS:
            source = REPOSITORY / part
            if source.is_dir():
                shutil.copytree(source, pack / part, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy(source, pack / part)
        helpers = Path(__file__).parent / "comfyui_test_nodes.py"
        if helpers.exists():
            shutil.copy(helpers, self.folder / "custom_nodes")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        command = [sys.executable, "main.py", "--cpu", "--disable-auto-launch", "--base-directory", str(self.folder)]
        command += ["--port", self.url.rpartition(":")[2], *os.environ.get("COMFYUI_ARGUMENTS", "").split()]
        self.process = subprocess.Popen(
            command, cwd=checkout(), stdout=self.log.open("w"), stderr=subprocess.STDOUT, env=self.environment()
        )
        self.wait(lambda: self.get("/system_stats"), 180)
        return self

    @staticmethod
    def environment():
        return {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": "", "HF_HUB_OFFLINE": "1"}

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait(self, condition, seconds):
        """The first true answer of `condition`, which may raise OSError until the server listens."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"ComfyUI ended:\n{self.log.read_text()[-3000:]}")
            try:
                if answer := condition():
                    return answer
            except OSError:
                pass
            time.sleep(0.1)
        raise TimeoutError(f"ComfyUI did not answer in {seconds} s:\n{self.log.read_text()[-3000:]}")

    def get(self, path, **query):
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
            data = answer.read()
            return json.loads(data) if answer.headers.get_content_type() == "application/json" else data

    def post(self, path, data):
        request = urllib.request.Request(
            self.url + path, json.dumps(data).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or "{}")
        except urllib.error.HTTPError as error:
            raise Rejected(error.read().decode()) from None

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
