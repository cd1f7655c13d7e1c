"""Parts of a run and of a batch in a real ComfyUI server: compared as latents, to the last bit where that is meant."""

import itertools

import pytest
import torch
from comfyui import checkout
from comfyui_graphs import (
    LATENT,
    SOLVER,
    advanced_graph,
    alone,
    default_graph,
    node,
    seeds_graph,
    seeds_part,
    seeds_split_graph,
)
from safetensors.torch import load_file
from server import Rejected

pytestmark = pytest.mark.skipif(checkout() is None, reason="no ComfyUI checkout (COMFYUI_PATH) with its requirements")
NUMBERS = itertools.count()
ROUNDING = 2e-3  # of pixels in -1 to 1, by batches of another size: less than what an 8 bit image keeps
NOISE = {"sampler": ["29", 0], "variation_seed": 0, "variation_strength": 0.0, "noise_device": "cpu"}


def latent(server, graph, output=0):
    """The latent (B, 3, 32, 32) that the graph's sampler gives."""
    name = f"latent {next(NUMBERS)}"
    graph = {key: one for key, one in graph.items() if one["class_type"] not in ("SaveImage", "VAEDecode")}
    server.run(graph | {"9": node("SaveLatent", samples=["5", output], filename_prefix=name)})
    (path,) = (server.folder / "output").glob(f"{name}_*")
    return load_file(path)["latent_tensor"]


def core_graph(**inputs):
    """KSampler (Advanced) with the sampler of seeds_graph."""
    graph = default_graph()
    given = {key: value for key, value in graph["5"]["inputs"].items() if key not in ("seed", "denoise")}
    given |= dict(noise_seed=5, add_noise="enable", start_at_step=0, end_at_step=10000) | inputs
    graph["5"] = node("KSamplerAdvanced", **{"return_with_leftover_noise": "disable"} | given)
    return graph


class TestARunInParts:
    @pytest.mark.parametrize("scheduler", ["karras", "seeds"])
    def test_two_samplers_draw_what_one_draws(self, server, scheduler):
        whole, parts = (latent(server, graph(scheduler=scheduler)) for graph in (seeds_graph, seeds_split_graph))
        assert torch.equal(parts, whole)

    @pytest.mark.parametrize(
        "part",
        [
            {"end_at_step": 5},
            {"end_at_step": 5, "return_with_leftover_noise": "enable"},
            {"start_at_step": 5},
            {"start_at_step": 5, "add_noise": "disable"},
            {"start_at_step": 3, "end_at_step": 7, "return_with_leftover_noise": "enable"},
            {"end_at_step": 12, "return_with_leftover_noise": "enable"},  # the last step: there is no noise to leave
        ],
        ids=lambda part: ", ".join(f"{name} {value}" for name, value in part.items()),
    )
    def test_they_mean_what_they_mean_in_comfyuis_own(self, server, part):
        assert torch.equal(latent(server, seeds_part(**part)), latent(server, core_graph(**part)))

    @pytest.mark.parametrize(
        "part", [{"start_at_step": 12}, {"start_at_step": 7, "end_at_step": 7}, {"end_at_step": 0}]
    )
    @pytest.mark.parametrize("output", [0, 1])
    def test_no_step_leaves_the_latent_as_it_is(self, server, part, output):
        graph = seeds_part(**part)
        graph["8"] = seeds_graph()["5"]
        graph["5"]["inputs"]["latent_image"] = ["8", 0]
        assert torch.equal(latent(server, graph, output), latent(server, seeds_graph()))

    def test_with_model_calls_given_steps_are_those_of_the_whole_run(self, server):
        given = {"budget": "model calls", "budget.model_calls": 23}  # 12 steps
        whole, parts = (latent(server, graph(**given)) for graph in (seeds_graph, seeds_split_graph))
        assert torch.equal(parts, whole)

    @pytest.mark.parametrize(
        ("inputs", "message"),
        [
            ({"start_at_step": -1}, "smaller than min of 0"),
            ({"end_at_step": 2.5}, "Value 2.5"),
            ({"add_noise": "no"}, "not in list"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, server, inputs, message):
        with pytest.raises(Rejected, match=message):
            server.queue(seeds_part(**inputs))


class TestOneImageOfABatch:
    """In SamplerCustomAdvanced, which tells a sampler nothing of the batch."""

    @pytest.mark.parametrize("place", [0, 2])
    @pytest.mark.parametrize("name", ["SEEDSSampler", "SEEDSNoise"])
    def test_it_is_redrawn_alone(self, server, name, place):
        sampler = ("SEEDSSampler", SOLVER) if name == "SEEDSSampler" else (name, NOISE)
        core = {"29": node("KSamplerSelect", sampler_name="euler_ancestral")}
        batch = latent(server, advanced_graph(batch=4, sampler=sampler) | core)
        graph = advanced_graph(batch=4, sampler=(sampler[0], sampler[1] | {"latent_image": LATENT})) | core
        one = latent(server, alone(graph, place))
        assert batch.shape == (4, 3, 32, 32) and one.shape == (1, 3, 32, 32)
        assert (one[0] - batch[place]).abs().max() < ROUNDING < 0.1 < (batch[1] - batch[place]).abs().max()

    def test_without_the_latent_it_gets_the_noise_of_the_first(self, server):
        """Why the input is there."""
        batch = latent(server, advanced_graph(batch=4))
        one = latent(server, alone(advanced_graph(batch=4), 2))
        assert (one[0] - batch[2]).abs().max() > 0.1

    def test_a_whole_batch_may_be_connected(self, server):
        graph = advanced_graph(batch=2, sampler=("SEEDSSampler", SOLVER | {"latent_image": LATENT}))
        assert torch.equal(latent(server, graph), latent(server, advanced_graph(batch=2)))
