"""What the server tells the front end of a run, before it and by it, for the chart."""

import itertools
import math

import pytest
from comfyui import Server, checkout
from comfyui_graphs import MODEL, SOLVER, node, seeds_graph

pytestmark = pytest.mark.skipif(checkout() is None, reason="no ComfyUI checkout (COMFYUI_PATH) with its requirements")
KARRAS = {"budget": "steps", "budget.steps": 12, "scheduler": "karras", "denoise": 1.0}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("comfyui")) as server:
        yield server
        assert server.tracebacks() == []


def ask(server, values=(), sampler=SOLVER, **given):
    given = {"loader": "SEEDSDemoCheckpoint"} | given
    return server.post("/seeds-samplers/chart", {"values": KARRAS | dict(values), "sampler": sampler, **given})


@pytest.mark.parametrize("options", [{}, {"solver.r": 0.2}, {"solver.variant": "2s"}])
def test_a_run_makes_the_calls_that_were_promised(server, options):
    promised = ask(server, sampler=SOLVER | options)
    (told,) = server.run(seeds_graph(seed=77, **options))["5"]["seeds_chart"]
    assert {key: told[key] for key in promised} == promised and promised["words"] == "12 steps, 23 model calls"
    steps, further, place = promised["steps"], promised["further"], 0.75 if options.get("solver.variant") else None
    assert steps[0] == pytest.approx(-math.log(80)) and steps[-1] == pytest.approx(-math.log(0.01))
    place = place or options.get("solver.r", 0.5)
    assert further == pytest.approx([a + place * (b - a) for a, b in itertools.pairwise(steps)])
    assert promised["end"] is None


def test_a_runs_token_stands_for_its_model(server):
    graph = seeds_graph(seed=78, scheduler="simple") | {
        "50": node("ModelSamplingFlux", model=MODEL, max_shift=1.15, base_shift=0.5, width=256, height=256)
    }
    graph["5"]["inputs"]["model"] = ["50", 0]
    (told,) = server.run(graph)["5"]["seeds_chart"]
    simple = {"scheduler": "simple"}
    assert ask(server, simple, loader="ModelSamplingFlux", model=told["model"])["steps"] == told["steps"]
    for token in (None, "0-0"):
        unknown = ask(server, simple, loader="ModelSamplingFlux", model=token)
        assert unknown == {"words": told["words"], "note": "The noise levels show after a run."}


@pytest.mark.parametrize(
    ("values", "sampler", "words"),
    [
        ({"budget.steps": 1}, SOLVER, "1 step, 1 model call"),
        ({"denoise": 0.0}, SOLVER, "no steps"),
        ({}, {"sampler_name": "dpmpp_2m"}, "12 steps, 12 model calls"),
        ({}, {"sampler_name": "heun"}, "12 steps, model calls unknown"),
        ({}, {"sampler_name": "SEEDS-3"}, "12 steps, 34 model calls"),
        ({}, {}, "12 steps, model calls unknown"),
        ({}, None, "steps and model calls are counted by a run"),
        ({"budget.steps": None}, SOLVER, "steps and model calls are counted by a run"),
        ({"scheduler": "kl_optimal", "budget.steps": 1}, SOLVER,
         "scheduler: 'kl_optimal' has no noise levels for 1 steps; expected another, or more steps"),
        ({}, SOLVER | {"solver": "SEEDS-9"}, "solver: not known to this version; expected one of SEEDS-2, SEEDS-1, "
         "SEEDS-3, SEEDS-M, ER-SDE, or update the pack"),
        ({}, {"solver": "SEEDS-3", "solver.r_1": 0.8, "solver.r_2": 0.4}, "r_2: 0.4; expected more than r_1, 0.8"),
    ],
)  # fmt: skip
def test_words(server, values, sampler, words):
    assert ask(server, values, sampler)["words"] == words


def test_what_a_link_decides_is_not_guessed(server):
    chart = ask(server, sampler=SOLVER | {"solver.r": None})
    assert chart == {"words": "12 steps, 23 model calls", "note": "The noise levels show after a run."}
