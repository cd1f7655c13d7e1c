"""What the servers of all hosts have in common: a process, its log, and HTTP."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def copy_parts(parts, target):
    """Copy the files and folders of the repository that a user's clone has: tests and what they leave stay out."""
    target.mkdir(parents=True)
    for part in parts:
        source = REPOSITORY / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, target / part)


def add_toy(target):
    """Add the solver of tests/toy.py, as one file, to a copy of the repository."""
    shutil.copy(REPOSITORY / "tests" / "toy.py", target / "sampling" / "solvers")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Rejected(Exception):
    """The server's answer to a request that it does not accept."""


class Process:
    """A server process whose files lie in `folder`; subclasses start it: url, log and process."""

    def __init__(self, folder):
        self.folder, self.log = Path(folder), Path(folder) / "log.txt"

    def start(self, command, ready, said="", **given):
        """Start it and wait until its log has `said` and the path `ready` answers."""
        self.process = subprocess.Popen(command, stdout=self.log.open("w"), stderr=subprocess.STDOUT, **given)
        try:
            self.wait(lambda: said in self.log.read_text() and self.get(ready), 180)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __exit__(self, *_):
        self.stop()

    def wait(self, condition, seconds):
        """The first true answer of `condition`, which may raise OSError until the server listens."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended:\n{self.log.read_text()[-3000:]}")
            try:
                if answer := condition():
                    return answer
            except OSError:
                pass
            time.sleep(0.1)
        raise TimeoutError(f"no answer in {seconds} s:\n{self.log.read_text()[-3000:]}")

    def get(self, path, **query):
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
            data = answer.read()
            return json.loads(data) if answer.headers.get_content_type() == "application/json" else data

    def post(self, path, data, seconds=30):
        request = urllib.request.Request(
            self.url + path, json.dumps(data).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return json.loads(answer.read() or "{}")
        except urllib.error.HTTPError as error:
            raise Rejected(error.read().decode()) from None
