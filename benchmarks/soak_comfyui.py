"""Many prompts in one ComfyUI server on the CPU: random options, valid or not, interrupts, batches, masks, caches.

    COMFYUI_PATH=... python benchmarks/soak_comfyui.py --prompts 1000

with the Python of ComfyUI's environment. Prints what happened and ends with status 1 if anything is not as it should
be: a prompt fails that should not, a refusal does not name its input, the log has a traceback of anything else or a
warning about numbers, or the server's memory does not stay as it was after the first tenth of the prompts.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "hosts"))

from comfyui import Server, checkout
from server import Rejected
from soak_prompts import KINDS, OURS, SAMPLE, Inputs, invalid, prompt

FLAT = 0.02  # of the memory after the first WARM prompts, which load what each sampler needs
WARM = 100
TOGETHER = ("r_1", "r_2", "scheduler")  # inputs that may be valid alone and refused with others


def memory(server):
    """The server's resident memory in MiB."""
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


class Soak:
    def __init__(self, server, seed):
        self.server, self.rng, self.inputs = server, random.Random(seed), Inputs(server)
        self.counts, self.wrong, self.memory, self.failed, self.read = Counter(), [], [], 0, 0

    def one(self, number):
        """Queue one prompt, see what becomes of it, and check that."""
        rng = self.rng
        what = rng.choices(["valid", "invalid", "interrupted"], [75, 22, 3])[0]
        kind = "KSampler" if what == "interrupted" else rng.choice(OURS if what == "invalid" else KINDS)
        graph, target, kinds = prompt(rng, self.inputs, kind, steps=3000 if what == "interrupted" else None)
        named = None
        if what == "invalid":
            named = rng.choice([*kinds])
            graph[target]["inputs"][named] = invalid(rng, *kinds[named])
        outcome, told = self.outcome(graph, what == "interrupted")
        self.counts[outcome] += 1
        if named and outcome not in ("refused when queued", "refused when run"):
            self.wrong.append((number, f"{named} = {graph[target]['inputs'][named]!r} ran"))
        if outcome == "refused when run":
            self.failed += 1
            allowed = [*TOGETHER, *([named.split(".")[-1]] if named else [])]
            if not any(told.startswith(f"{name}:") for name in allowed):
                self.wrong.append((number, f"{named}: {told}"))
        if outcome == "refused when queued" and (not named or named not in told):
            self.wrong.append((number, f"{named}: {told}"))
        if warnings := [line for line in self.said().splitlines() if "RuntimeWarning" in line]:
            ours = {key: graph[key]["inputs"] for key in ("40", "41", SAMPLE) if key in graph}
            self.wrong.append((number, f"{warnings[0]} with {ours}"))
        self.memory.append(memory(self.server))

    def said(self):
        """What the log has got since this was asked last."""
        text = self.server.log.read_text()
        new, self.read = text[self.read :], len(text)
        return new

    def outcome(self, graph, interrupt):
        server = self.server
        try:
            prompt = server.queue(graph)
        except Rejected as error:
            names = [
                one.get("extra_info", {}).get("input_name")
                for errors in json.loads(str(error))["node_errors"].values()
                for one in errors["errors"]
            ]
            return "refused when queued", names
        if interrupt:
            server.wait(lambda: server.get("/queue")["queue_running"] or server.get(f"/history/{prompt}"), 60)
            time.sleep(self.rng.uniform(0, 0.5))
            server.post("/interrupt", {})
        history = server.finish(prompt, 300)
        server.post("/history", {"delete": [prompt]})  # the server keeps ten thousand
        if history["status"]["status_str"] == "success":
            return "drawn", ""
        messages = dict(history["status"]["messages"])
        if "execution_interrupted" in messages:
            return "interrupted", ""
        return "refused when run", messages["execution_error"]["exception_message"].strip()

    def check(self):
        """What the log and the memory say of the whole."""
        text = self.server.log.read_text()
        found = text.count("Traceback (most recent call last)")
        if found != self.failed:
            self.wrong.append(("log", f"{found} tracebacks for {self.failed} refusals"))
        tenth = max(1, len(self.memory) // 10)
        warm = min(WARM, len(self.memory) // 2)
        pieces = [statistics.median(self.memory[i : i + tenth]) for i in range(warm, len(self.memory), tenth)]
        growth = max(pieces) / pieces[0] - 1
        print(f"memory in MiB after {warm} prompts, medians of each {tenth}:", *(f"{piece:.0f}" for piece in pieces))
        print(f"growth: {100 * growth:.2f} %")
        if growth > FLAT:
            self.wrong.append(("memory", f"grew by {100 * growth:.1f} %"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", type=Path, help="where to keep the server's log")
    arguments = parser.parse_args()
    if checkout() is None:
        sys.exit("soak_comfyui.py: no ComfyUI checkout (COMFYUI_PATH) with its requirements in this environment")
    os.environ["PYTHONWARNINGS"] = "always::RuntimeWarning"  # each time, not once
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, Server(folder) as server:
        soak = Soak(server, arguments.seed)
        try:
            for number in range(arguments.prompts):
                soak.one(number)
        finally:
            if arguments.log:
                arguments.log.write_text(server.log.read_text())
        print(f"{arguments.prompts} prompts in {time.perf_counter() - started:.0f} s:", dict(soak.counts))
        soak.check()
    for number, what in soak.wrong:
        print(f"wrong: {number}: {what}")
    sys.exit(bool(soak.wrong))


if __name__ == "__main__":
    main()
