"""What users of a version have saved: workflows and prompts with a value of its own in every input.

    python tests/hosts/comfyui_saved.py tests/saved/VERSION/comfyui

writes them with this version's front end: NAME.json, a workflow, and NAME.api.json, the prompt that it stands for.
Files once written are never written again: later versions have to load them.
"""

import json
import sys
import tempfile
from pathlib import Path

from browser import load, page_of
from comfyui import Server
from comfyui_examples import EXAMPLES
from comfyui_graphs import MODEL, custom_graph, node, seeds_graph
from comfyui_pictures import present
from server import REPOSITORY

SAVED = REPOSITORY / "tests" / "saved"
SOLVERS = {
    "SEEDS-1": {"eta": 0.8, "s_noise": 1.05, "prediction": "v", "noise_device": "gpu"},
    "SEEDS-2": {"eta": 0.7, "s_noise": 1.02, "prediction": "noise", "noise_device": "gpu", "variant": "2a", "r": 0.35},
    "SEEDS-3": {"eta": 0.6, "s_noise": 1.03, "prediction": "v", "noise_device": "gpu", "variant": "3b", "r_1": 0.25,
                "r_2": 0.75},
    "SEEDS-M": {"eta": 0.5, "s_noise": 1.04, "noise_device": "gpu", "order": 1, "eta_cap": 0.8},
    "ER-SDE": {"s_noise": 1.01, "noise_device": "gpu", "order": 2, "noise_scale": "sde"},
}  # fmt: skip


def saved_graph(solver):
    """KSampler (SEEDS) with model calls given, and SEEDS Sampler and Scheduler with steps; no input has its default."""
    chosen = {"solver": solver} | {f"solver.{name}": value for name, value in SOLVERS[solver].items()}
    graph = seeds_graph("E")
    first = {key: value for key, value in graph["5"]["inputs"].items() if not key.startswith(("solver", "budget"))}
    first |= dict(seed=123, cfg=3.5, scheduler="sgm_uniform", denoise=0.9, variation_seed=77, variation_strength=0.25)
    graph["5"]["inputs"] = first | chosen | {"budget": "model calls", "budget.model_calls": 13}
    levels = dict(scheduler="uniform lambda", denoise=0.8, budget="steps") | {"budget.steps": 7}
    return graph | {
        "30": node("SEEDSSampler", **chosen),
        "31": node("SEEDSScheduler", model=MODEL, sampler=["30", 0], **levels),
        "32": custom_graph("E")["5"],
        "33": node("VAEDecode", samples=["32", 1], vae=["1", 2]),
        "34": node("SaveImage", images=["33", 0], filename_prefix="SEEDS custom"),
    }


def prompt_of(page):
    """The prompt of what is shown, as the front end would queue it."""
    return page.evaluate("async () => (await window.app.graphToPrompt()).output")


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    with Server(tempfile.mkdtemp()) as server, page_of(server, False) as page:
        for name, shown in [*((solver, saved_graph(solver)) for solver in SOLVERS), *EXAMPLES.items()]:
            load(page, shown) if name in SOLVERS else present(page, shown)
            workflow = page.evaluate("() => window.app.graph.serialize()")
            (folder / f"{name}.json").write_text(json.dumps(workflow) + "\n")
            (folder / f"{name}.api.json").write_text(json.dumps(prompt_of(page)) + "\n")


if __name__ == "__main__":
    main()
