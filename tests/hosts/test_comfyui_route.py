"""What the server tells the front end: of the nodes, and for the chart of a run, before it and by it."""

import itertools
import math

import pytest
from comfyui import checkout
from comfyui_graphs import MODEL, SOLVER, custom_graph, node, seeds_graph, seeds_part

pytestmark = pytest.mark.skipif(checkout() is None, reason="no ComfyUI checkout (COMFYUI_PATH) with its requirements")
KARRAS = {"budget": "steps", "budget.steps": 12, "scheduler": "karras", "denoise": 1.0}
NOISY = {"end_at_step": 5, "return_with_leftover_noise": "enable"}


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


@pytest.mark.parametrize(("graph", "teller"), [(seeds_graph, "5"), (seeds_part, "5"), (custom_graph, "31")])
def test_a_graph_from_the_cache_tells_its_chart_again(server, graph, teller):
    first, again = (server.run(graph("Q"))[teller]["seeds_chart"] for _ in range(2))
    assert first == again


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
        ({}, {"sampler_name": "heun"}, "12 steps, 23 model calls"),
        ({}, {"sampler_name": "dpm_adaptive"}, "12 steps, model calls unknown"),
        ({}, {"sampler_name": "SEEDS-3"}, "12 steps, 34 model calls"),
        ({}, {}, "12 steps, model calls unknown"),
        ({}, None, "steps and model calls are counted by a run"),
        ({"budget": "model calls"}, SOLVER, "steps and model calls are counted by a run"),
        ({"start_at_step": 5}, SOLVER, "7 steps, 13 model calls"),
        (NOISY, SOLVER, "5 steps, 10 model calls"),
        ({"end_at_step": 5, "return_with_leftover_noise": "disable"}, SOLVER, "5 steps, 9 model calls"),
        (NOISY, {"sampler_name": "heun"}, "5 steps, 10 model calls"),
        ({"start_at_step": 12}, SOLVER, "no steps"),
        ({"end_at_step": None}, SOLVER, "steps and model calls are counted by a run"),
        ({"budget.steps": None}, SOLVER, "steps and model calls are counted by a run"),
        ({"scheduler": "kl_optimal", "budget.steps": 1}, SOLVER,
         "scheduler: 'kl_optimal' has no noise levels for 1 steps; expected another, or more steps"),
        ({}, SOLVER | {"solver": "SEEDS-9"}, "solver: not known to this version; expected one of SEEDS-2, SEEDS-1, "
         "SEEDS-3, SEEDS-M, ER-SDE, or update the pack"),
        ({}, {"solver": "SEEDS-3", "solver.r_1": 0.8, "solver.r_2": 0.4}, "r_2: 0.4; expected more than r_1, 0.8"),
    ],
)  # fmt: skip
def test_words(server, values, sampler, words):
    """Whether the model is known or not."""
    assert ask(server, values, sampler)["words"] == words
    if "denoise" not in values and "scheduler" not in values and not (sampler or {}).get("solver.r_1"):
        assert ask(server, values, sampler, loader="")["words"] == words


def test_the_chart_of_a_part_of_a_run(server):
    part = {"start_at_step": 3, "end_at_step": 7, "return_with_leftover_noise": "enable"}
    promised, whole = ask(server, part), ask(server)
    (told,) = server.run(seeds_part(seed=79, **part))["5"]["seeds_chart"]
    assert {key: told[key] for key in promised} == promised and told["words"] == "4 steps, 8 model calls"
    assert (told["steps"], told["end"]) == (whole["steps"][3:7], whole["steps"][7])


def test_what_a_link_decides_is_not_guessed(server):
    chart = ask(server, sampler=SOLVER | {"solver.r": None})
    assert chart == {"words": "12 steps, 23 model calls", "note": "The noise levels show after a run."}


def test_a_flow_model_whose_first_level_is_1(server):
    flow = node("ModelSamplingFlux", model=MODEL, max_shift=9.0, base_shift=9.0, width=256, height=256)
    graph = seeds_graph(scheduler="simple") | {"50": flow}
    graph["5"]["inputs"]["model"] = ["50", 0]
    (chart,) = server.run(graph)["5"]["seeds_chart"]
    assert chart["words"] == "12 steps, 23 model calls" and len(chart["steps"]) == 12


class TestSigmasChart:
    @staticmethod
    def shown(server, sigmas, *nodes, **inputs):
        """What the chart of the levels of a node shows; the run has no sampler."""
        graph = {
            "1": node("SEEDSDemoCheckpoint"),
            "2": sigmas,
            "9": node("SEEDSSigmasChart", sigmas=["2", 0], **inputs),
        }
        (told,) = server.run(graph | dict(nodes))["9"]["seeds_chart"]
        return told

    def test_it_shows_the_levels_of_any_scheduler_again_and_again(self, server):
        karras = node("BasicScheduler", model=MODEL, scheduler="karras", steps=12, denoise=1.0)
        for _ in range(2):  # the second is from the cache
            told = self.shown(server, karras)
            assert told["words"] == "12 steps, sigma 80 to 0" and told["further"] == [] and told["end"] is None
            assert told["steps"] == ask(server)["steps"]

    def test_the_levels_pass_through(self, server):
        plain, through = custom_graph(), custom_graph()
        through["9"] = node("SEEDSSigmasChart", sigmas=["31", 0])
        through["5"]["inputs"]["sigmas"] = ["9", 0]
        first, second = (server.images(server.run(graph)) for graph in (plain, through))
        assert first[0].tobytes() == second[0].tobytes()

    def test_a_flow_models_levels(self, server):
        flow = node("ModelSamplingFlux", model=MODEL, max_shift=1.15, base_shift=0.5, width=256, height=256)
        simple = node("BasicScheduler", model=["3", 0], scheduler="simple", steps=10, denoise=0.5)
        told = self.shown(server, simple, ("3", flow), model=["3", 0])
        assert told["words"].startswith("10 steps, sigma 0.") and "flow" not in told["words"]
        guessed = self.shown(server, simple, ("3", flow))
        assert guessed["steps"] == told["steps"] and guessed["words"] == told["words"] + (
            ", as of a flow model: connect the model to be sure"
        )

    @pytest.mark.parametrize(
        ("sigmas", "words", "ends"),
        [
            ("80, 20, 5, 1", "3 steps, sigma 80 to 1", (-math.log(80), -math.log(5), 0)),
            ("1, 0.5, 0.25", "2 steps, sigma 1 to 0.25, as of a flow model: connect the model to be sure", None),
            ("0, 1, 20", "2 steps, sigma 0 to 20", (-math.log(20), 0, None)),  # FlipSigmas
            ("20, 5, 10, 0", "3 steps, sigma 20 to 0", (-math.log(20), -math.log(5), None)),  # restarts
            ("5", "no steps", None),
            ("-1, 5", "sigmas: -1.0 at index 1; expected", None),
        ],
    )
    def test_whatever_levels_there_are(self, server, sigmas, words, ends):
        told = self.shown(server, node("ManualSigmas", sigmas=sigmas))
        assert told["words"].startswith(words)
        if ends:
            assert (told["steps"][0], told["steps"][-1]) == pytest.approx(ends[:2])
            assert told["end"] == (None if ends[2] is None else pytest.approx(ends[2]))

    def test_levels_that_a_flow_model_has_not(self, server):
        flow = node("ModelSamplingFlux", model=MODEL, max_shift=1.15, base_shift=0.5, width=256, height=256)
        told = self.shown(server, node("ManualSigmas", sigmas="14, 1, 0"), ("3", flow), model=["3", 0])
        assert told["wrong"] and told["words"].startswith("sigmas: 14.0 at index 0; expected")


NODES = ("SEEDSSampler", "SEEDSScheduler", "SEEDSSigmasChart", "SEEDSKSampler", "SEEDSKSamplerAdvanced")
NODES += ("SEEDSDemoCheckpoint",)


class TestPages:
    @pytest.mark.parametrize("name", NODES)
    def test_every_node_has_help_with_a_picture(self, server, name):
        assert server.get(f"/extensions/seeds-samplers/docs/{name}.md").startswith(b"# ")
        assert server.get(f"/extensions/seeds-samplers/docs/{name}.png")[1:4] == b"PNG"

    @pytest.mark.parametrize(
        ("name", "beside"),
        [
            ("SEEDSSampler", "KSamplerSelect"),
            ("SEEDSScheduler", "BasicScheduler"),
            ("SEEDSSigmasChart", "BasicScheduler"),
            ("SEEDSKSampler", "KSampler"),
            ("SEEDSKSamplerAdvanced", "KSamplerAdvanced"),
            ("SEEDSDemoCheckpoint", "CheckpointLoaderSimple"),
        ],
    )
    def test_every_node_is_beside_comfyuis_own(self, server, name, beside):
        category, expected = (server.get(f"/object_info/{one}")[one]["category"] for one in (name, beside))
        assert category == expected

    @pytest.mark.parametrize("name", ["SEEDSSampler", "SEEDSKSampler"])
    def test_what_a_new_node_starts_with_and_what_finds_it(self, server, name):
        info = server.get(f"/object_info/{name}")[name]
        assert {"er-sde", "er_sde", "seeds_2", "SEEDS-M"} <= set(info["search_aliases"])
        first = info["input"]["required"]["solver"][1]["options"][0]
        assert first["key"] == "SEEDS-2" and list(first["inputs"]["optional"])[:2] == ["eta", "variant"]
