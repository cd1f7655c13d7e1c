"""A real ComfyUI server, used as a browser uses it; skipped where there is no checkout (COMFYUI_PATH)."""

import copy
import itertools
import json
import math
import time

import numpy as np
import pytest
import torch
from comfyui import Server, checkout
from comfyui_graphs import (
    LATENT,
    MODEL,
    POSITIVE,
    SOLVER,
    again,
    custom_graph,
    default_graph,
    inpaint_graph,
    node,
    seeds_graph,
    split_graph,
)
from comfyui_saved import SAVED
from server import Rejected

from seeds_samplers.demo.classifier import load_classifier
from seeds_samplers.demo.glyphs import labels_of
from seeds_samplers.sampling import SAMPLERS

pytestmark = pytest.mark.skipif(checkout() is None, reason="no ComfyUI checkout (COMFYUI_PATH) with its requirements")
NUMBERS = itertools.count()
MANY_CALLS = {"budget": "model calls"}
SEEDS_M = {"solver": "SEEDS-M", "solver.eta_cap": 0.5}
ONE_STEP = {"budget": "steps", "budget.steps": 1}
LEVEL = 2  # of 255: what rounding may do to a saved image


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("comfyui")) as server:
        server.expected_tracebacks = 0  # of the tests that make a node fail: the server logs one for each
        yield server
        assert len(server.tracebacks()) == server.expected_tracebacks, server.log.read_text()


def pictures(server, graph):
    """(B, H, W, 3), 0 to 255."""
    save = graph["7"]["inputs"] | {"filename_prefix": f"test {next(NUMBERS)}"}  # a cached node tells no images
    graph = graph | {"7": node("SaveImage", **save)}
    return np.stack([np.asarray(image).astype(int) for image in server.images(server.run(graph))])


def close(a, b):
    return abs(a - b).max() <= LEVEL


class TestDropdown:
    @pytest.mark.parametrize("name", ["KSampler", "KSamplerAdvanced", "KSamplerSelect"])
    def test_has_every_sampler_once(self, server, name):
        options = server.get(f"/object_info/{name}")[name]["input"]["required"]["sampler_name"]
        names = options[0] if isinstance(options[0], list) else options[1]["options"]
        assert [names.count(sampler) for sampler in SAMPLERS] == [1] * len(SAMPLERS)
        if name != "KSamplerSelect":
            assert "seeds" in str(server.get(f"/object_info/{name}")[name]["input"]["required"]["scheduler"])
        assert names[0] == "euler"

    @pytest.mark.parametrize("sampler", SAMPLERS)
    def test_the_default_graph_draws_what_the_prompt_says(self, server, sampler):
        classifier, right = load_classifier(), 0
        for glyph in "AS7":
            images = pictures(server, default_graph(glyph, batch=4, sampler_name=sampler))[:, ::8, ::8]
            with torch.no_grad():
                scores = classifier(torch.from_numpy(images).movedim(-1, 1).float() / 127.5 - 1)
            right += (scores.argmax(1) == torch.tensor(labels_of(glyph))).sum().item()
        assert right >= 11

    def test_an_image_is_the_same_in_any_batch_and_with_more_steps_nearly(self, server):
        alone, batch = pictures(server, default_graph()), pictures(server, default_graph(batch=4))
        assert close(alone[0], batch[0]) and not close(batch[1], batch[0])
        coarse, fine = (pictures(server, default_graph(steps=steps)) for steps in (40, 80))
        assert abs(coarse - fine).mean() < 0.3 * abs(batch[1] - batch[0]).mean()

    @pytest.mark.parametrize("sampler", ["SEEDS-1", "SEEDS-2", "SEEDS-3"])
    def test_a_run_split_over_two_samplers_is_one_run(self, server, sampler):
        whole = pictures(server, default_graph(sampler_name=sampler))
        assert close(pictures(server, split_graph(sampler_name=sampler)), whole)

    def test_image_to_image(self, server):
        graph = default_graph()
        change = abs(pictures(server, again(graph, "20", denoise=0.3)) - pictures(server, graph)).mean()
        assert 0.5 < change < 30

    def test_inpainting_keeps_what_the_mask_keeps(self, server):
        original, painted = pictures(server, default_graph()), pictures(server, inpaint_graph())
        assert abs(painted - original)[:, :, :128].max() <= 1
        assert abs(painted - original)[:, :, 128:].mean() > 1


class TestNodes:
    def test_one_node_and_the_dropdown_agree(self, server):
        assert close(pictures(server, seeds_graph(batch=2)), pictures(server, default_graph(batch=2)))

    def test_custom_sampling_agrees_too(self, server):
        whole = pictures(server, default_graph())
        assert close(pictures(server, custom_graph()), whole)
        assert not close(pictures(server, custom_graph(scheduler="uniform lambda")), whole)

    def test_an_image_of_a_batch_is_redrawn_alone(self, server):
        batch = pictures(server, seeds_graph(batch=4))
        graph = seeds_graph(batch=4)
        graph["40"] = node("LatentFromBatch", samples=LATENT, batch_index=2, length=1)
        graph["5"]["inputs"]["latent_image"] = ["40", 0]
        assert close(pictures(server, graph)[0], batch[2])

    def test_variation(self, server):
        plain, same, other = (
            pictures(server, seeds_graph(**inputs))
            for inputs in ({}, {"variation_seed": 6, "variation_strength": 0.05}, {"seed": 6})
        )
        whole = pictures(server, seeds_graph(variation_seed=6, variation_strength=1.0))
        assert close(whole, other) and abs(same - plain).mean() < abs(other - plain).mean()
        assert not close(same, plain)

    def test_denoised_output_is_the_last_denoised(self, server):
        graph = seeds_graph()
        latent = pictures(server, graph)
        graph["6"]["inputs"]["samples"] = ["5", 1]
        assert close(pictures(server, graph), latent)


@pytest.mark.parametrize("path", sorted(SAVED.glob("*/comfyui/*.api.json")), ids=lambda path: path.name.split(".")[0])
def test_a_saved_prompt_runs(server, path):
    graph = json.loads(path.read_text())
    if "CheckpointLoaderSimple" in path.read_text():
        pytest.skip("its checkpoint is the user's")
    assert server.images(server.run(graph))


@pytest.mark.parametrize("solver", SAMPLERS)
def test_a_prompt_from_before_there_were_options_runs_with_their_defaults(server, solver):
    graph = seeds_graph(**{"budget.steps": 4})
    given = {key: value for key, value in graph["5"]["inputs"].items() if not key.startswith("solver.")}
    graph["5"]["inputs"] = given | {"solver": solver}
    assert close(pictures(server, graph), pictures(server, default_graph(sampler_name=solver, steps=4)))


class TestOddGraphs:
    def test_clip_skip_on_the_demo_model_and_then_another_graph(self, server):
        """Between prompts ComfyUI asks what it has cached, the CLIP among it."""
        plain = pictures(server, default_graph())
        graph = default_graph() | {"50": node("CLIPSetLastLayer", clip=["1", 1], stop_at_clip_layer=-2)}
        graph["2"]["inputs"]["clip"] = ["50", 0]
        assert close(pictures(server, graph), plain)
        assert close(pictures(server, default_graph(seed=6)), pictures(server, default_graph(seed=6)))

    def test_zeroed_conditioning_is_no_glyph(self, server):
        zeroed = default_graph() | {"50": node("ConditioningZeroOut", conditioning=POSITIVE)}
        zeroed["5"]["inputs"]["negative"] = ["50", 0]
        assert close(pictures(server, zeroed), pictures(server, default_graph()))

    @pytest.mark.parametrize("scheduler, steps, denoise", [("simple", 20, 0.01), ("ddim_uniform", 7, 1.0)])
    def test_schedulers_that_repeat_levels_or_give_more(self, server, scheduler, steps, denoise):
        given = dict(scheduler=scheduler, denoise=denoise)
        one = pictures(server, seeds_graph(**given, **{"budget.steps": steps}))
        assert close(one, pictures(server, default_graph(**given, steps=steps)))

    def test_a_flow_model_whose_first_level_is_1(self, server):
        flow = node("ModelSamplingFlux", model=MODEL, max_shift=9.0, base_shift=9.0, width=256, height=256)
        graph = seeds_graph(scheduler="simple") | {"50": flow}
        graph["5"]["inputs"]["model"] = ["50", 0]
        (chart,) = server.run(graph)["5"]["seeds_chart"]
        assert chart["words"] == "12 steps, 23 model calls" and len(chart["steps"]) == 12

    def test_an_unknown_solver_says_so(self, server):
        graph = seeds_graph(solver="SEEDS-9")
        server.expected_tracebacks += 1
        with pytest.raises(RuntimeError, match="solver: not known to this version; expected one of SEEDS-2, "):
            server.run(graph)


class TestPages:
    @pytest.mark.parametrize("name", ["SEEDSSampler", "SEEDSScheduler", "SEEDSKSampler", "SEEDSDemoCheckpoint"])
    def test_every_node_has_help_with_a_picture(self, server, name):
        assert server.get(f"/extensions/seeds-samplers/docs/{name}.md").startswith(b"# ")
        assert server.get(f"/extensions/seeds-samplers/docs/{name}.png")[1:4] == b"PNG"

    @pytest.mark.parametrize(
        ("name", "beside"),
        [
            ("SEEDSSampler", "KSamplerSelect"),
            ("SEEDSScheduler", "BasicScheduler"),
            ("SEEDSKSampler", "KSampler"),
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


class TestWhatDoesNotFit:
    @pytest.mark.parametrize(
        ("inputs", "message"),
        [
            ({"solver.r": 2.0}, "bigger than max"),
            ({"solver.eta": -1.0}, "smaller than min"),
            ({"solver.r": math.nan}, r"Value nan smaller than min of 0.01.*solver\.r"),
            ({"solver.eta": math.nan}, r"Value nan.*solver\.eta"),
            ({"solver.s_noise": math.inf}, r"Value inf bigger than max of 100.0.*solver\.s_noise"),
            ({"cfg": math.nan}, "Value nan.*cfg"),
            ({"cfg": -math.inf}, "Value -inf.*cfg"),
            ({"denoise": "nan"}, "Value nan.*denoise"),
            ({"variation_strength": math.nan}, "Value nan.*variation_strength"),
            ({"budget.steps": math.nan}, r"Value nan smaller than min of 1.*budget\.steps"),
            ({"budget.steps": 12.5}, r"Value 12.5.*budget\.steps"),
            ({"budget.steps": "many"}, r"Value many.*budget\.steps"),
            (MANY_CALLS | {"budget.model_calls": 0.5}, r"Value 0.5.*budget\.model_calls"),
            (SEEDS_M | {"solver.order": 1.5}, r"Value 1.5.*solver\.order"),
            (SEEDS_M | {"solver.order": 3}, r"Value 3 bigger than max of 2.*solver\.order"),
            ({"seed": math.inf}, "seed, inf, cannot convert float infinity to integer"),
            ({"scheduler": "karass"}, "not in list"),
            ({"budget.steps": 0}, "smaller than min"),
        ],
    )
    def test_is_rejected_when_it_is_queued(self, server, inputs, message):
        with pytest.raises(Rejected, match=message):
            server.queue(seeds_graph(**inputs))

    @pytest.mark.parametrize("steps", [12.0, "12"])
    def test_whole_numbers_in_other_forms_are_welcome(self, server, steps):
        assert close(pictures(server, seeds_graph(**{"budget.steps": steps})), pictures(server, seeds_graph()))

    def test_a_whole_number_from_another_node(self, server):
        graph = seeds_graph(**{"budget.steps": ["60", 0]}) | {"60": node("PrimitiveInt", value=12)}
        assert close(pictures(server, graph), pictures(server, seeds_graph()))
        graph["60"] = node("PrimitiveFloat", value=12.5)
        server.expected_tracebacks += 1
        with pytest.raises(RuntimeError, match=r"^steps: 12.5; expected a whole number"):
            server.run(graph)

    def test_options_that_contradict_each_other(self, server):
        """The error names the field in its first word: ComfyUI cannot see before a run that two do not fit."""
        solver = {key: value for key, value in SOLVER.items() if key not in ("solver.variant", "solver.r")}
        solver |= {"solver": "SEEDS-3", "solver.variant": "3a", "solver.r_1": 0.7, "solver.r_2": 0.4}
        graph = seeds_graph()
        graph["5"]["inputs"] = {k: v for k, v in graph["5"]["inputs"].items() if not k.startswith("solver")} | solver
        server.expected_tracebacks += 1
        with pytest.raises(RuntimeError, match=r"^r_2: 0.4; expected more than r_1, 0.7"):
            server.run(graph)


def test_a_scheduler_without_levels_is_named_in_the_dropdown_too(server):
    for graph in (default_graph(scheduler="kl_optimal", steps=1), seeds_graph(scheduler="kl_optimal", **ONE_STEP)):
        server.expected_tracebacks += 1
        with pytest.raises(RuntimeError, match=r"^scheduler: 'kl_optimal' has no noise levels for 1 steps"):
            server.run(graph)


def test_interrupt_and_run_again(server):
    before = pictures(server, default_graph(seed=31))
    long = server.queue(default_graph(seed=32, steps=3000, batch=4))
    server.wait(lambda: server.get("/queue")["queue_running"], 20)
    time.sleep(1.5)
    server.post("/interrupt", {})
    status = server.finish(long, 30)["status"]
    assert any(kind == "execution_interrupted" for kind, _ in status["messages"])
    graph = copy.deepcopy(default_graph(seed=31))
    graph["7"]["inputs"]["filename_prefix"] = "again"
    graph["5"]["inputs"]["cfg"] = 2.0000001  # not from the cache
    assert close(pictures(server, graph), before)
