"""SEEDSCompare in a real ComfyUI server, and what it finds out about ComfyUI's own samplers.

Skipped where there is no ComfyUI checkout (COMFYUI_PATH) with its requirements.
"""

import csv
import io
import sys
import time

import pytest
import torch
from comfyui import Server, checkout
from comfyui_graphs import MODEL, NEGATIVE, POSITIVE, default_graph, node

if checkout() is None:
    pytest.skip("no ComfyUI checkout (COMFYUI_PATH) with its requirements", allow_module_level=True)
sys.path.insert(0, str(checkout()))

import comfy.cli_args

comfy.cli_args.args.cpu = True

import comfy.samplers  # noqa: E402
from every_sampler import Bench  # noqa: E402

from seeds_samplers.demo.kdiffusion import ODE, SDE  # noqa: E402
from seeds_samplers.nodes.compare import Drawing, digest_of, parts_of, sampler_of  # noqa: E402
from seeds_samplers.nodes.dropdown import register  # noqa: E402

register()


@pytest.fixture(scope="module", params=["edm", "flow"])
def bench(request):
    return Bench(request.param)


def drawing(bench, batch=1, schedulers=("karras",), denoise=1.0, **latent):
    given = {"samples": torch.zeros(batch, 3, 16, 16), **latent}
    return Drawing(bench.model, *bench.conditioning, given, 5, 2.0, list(schedulers), denoise, None)


@pytest.mark.parametrize(
    ("equation", "names"),
    [
        (SDE, "seeds_2 seeds_3 dpmpp_sde dpmpp_2m_sde dpmpp_3m_sde_gpu euler_ancestral dpm_2_ancestral SEEDS-M"),
        (ODE, "euler heun dpm_2 lms dpm_fast dpmpp_2m ipndm deis res_multistep uni_pc ddim heunpp2 exp_heun_2_x0"),
        (None, "lcm er_sde sa_solver euler_ancestral_cfg_pp dpmpp_2m_cfg_pp euler_cfg_pp"),
    ],
)
def test_the_equation_of_a_sampler_of_core(bench, equation, names):
    host = drawing(bench)
    for name in names.split():
        assert host.sampler(name).equation(*host.levels) == (equation or name), name


def test_the_steps_that_calls_allow(bench):
    """Counted on plain numbers: as many as the model is called in a run."""
    host, seen = drawing(bench), []
    for name in ("euler", "heun", "heunpp2", "dpm_2_ancestral", "dpmpp_sde", "sa_solver_pece", "uni_pc", "SEEDS-3"):
        sampler, seen[:] = host.sampler(name), []
        steps = sampler.steps(9, lambda steps: host.sigmas("karras", steps))

        def count(apply_model, args):
            seen.append(args["timestep"][0].item())
            return apply_model(args["input"], args["timestep"], **args["c"])

        model = bench.model.clone()
        model.set_model_unet_function_wrapper(count)
        noise, latent = torch.randn(1, 3, 16, 16), torch.zeros(1, 3, 16, 16)
        levels = host.sigmas("karras", steps)
        comfy.sample.sample_custom(
            model, noise, 1.0, host.objects[name], levels, *bench.conditioning, latent, seed=5, disable_pbar=True
        )
        assert len(seen) == sampler.calls(levels) <= 9, name


@pytest.mark.parametrize("scheduler", ["ddim_uniform", "simple", "beta", "karras", "seeds", "uniform lambda"])
@pytest.mark.parametrize("denoise", [1.0, 0.4])
def test_all_runs_start_at_one_level(bench, scheduler, denoise):
    """Otherwise they would not draw one picture."""
    host = drawing(bench, schedulers=["karras", scheduler], denoise=denoise)
    for steps in (3, 8):
        sigmas = host.sigmas(scheduler, steps)
        assert sigmas[0] == host.start and sigmas[-1] == 0 and (sigmas.diff() < 0).all() and len(sigmas) == steps + 1


def test_what_tells_cells_apart():
    cond = [[torch.ones(1, 2), {"pooled": torch.zeros(2), "strength": 1.0}]]
    same = [[torch.ones(1, 2), {"pooled": torch.zeros(2), "strength": 1.0}]]
    other = [[torch.ones(1, 2), {"pooled": torch.tensor([0.0, 1e-6]), "strength": 1.0}]]
    assert digest_of(cond) == digest_of(same) != digest_of(other)
    assert digest_of(torch.zeros(2, 2)) != digest_of(torch.zeros(4)) and digest_of("1") != digest_of(1)
    assert parts_of("SEEDS-M, euler\n\n euler ,SEEDS-2 r=0.4 \n") == ["SEEDS-M", "euler", "SEEDS-2 r=0.4"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("eiler", "samplers: 'eiler'; expected one of"),
        ("SEEDS-2 order=3", "samplers: SEEDS-2 has no option order, only eta"),
        ("dpmpp_2m_sde eta", "samplers: 'dpmpp_2m_sde eta'; expected NAME option=value, not 'eta'"),
    ],
)
def test_a_sampler_that_is_not_there(bench, text, message):
    with pytest.raises(ValueError, match=rf"^{message}"):
        sampler_of(text, bench.model.get_model_object("model_sampling"))


def test_options_reach_a_sampler_of_core(bench):
    sampler, found = sampler_of("dpmpp_2m_sde eta=0.5 solver_type=heun", bench.model.get_model_object("model_sampling"))
    assert found.extra_options == sampler.options == {"eta": 0.5, "solver_type": "heun"}
    assert sampler.equation(*drawing(bench).levels) == sampler.name


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("comfyui")) as server:
        yield server


def graph_of(batch=2, **inputs):
    given = dict(samplers="SEEDS-M\ndpmpp_2m_sde", schedulers="karras", model_calls="4, 6", reference_calls=12)
    given |= dict(seed=5, cfg=2.0, denoise=1.0) | inputs
    conditioning = dict(model=MODEL, positive=POSITIVE, negative=NEGATIVE, latent_image=["4", 0], vae=["1", 2])
    graph = default_graph(batch=batch) | {"5": node("SEEDSCompare", **conditioning, **given)}
    graph["4"]["inputs"] |= {"width": 128, "height": 128}
    graph["8"] = node("SaveImage", images=["5", 1], filename_prefix="grid")
    graph["9"] = node("SaveImage", images=["5", 2], filename_prefix="chart")
    graph["10"] = node("PreviewAny", source=["5", 3])
    return graph


class TestServer:
    def test_latents_grid_chart_table_and_report(self, server):
        outputs = server.run(graph_of(), 600)
        assert len(outputs["7"]["images"]) == 2 * (4 + 1)  # two images of four cells, and the reference
        (grid,), (chart,) = (server.images({"": outputs[key]}) for key in ("8", "9"))
        assert grid.width > 600 and chart.width > 400
        rows = list(csv.DictReader(io.StringIO(outputs["10"]["text"][0])))
        assert [(row["sampler"], row["calls"], row["reference"]) for row in rows] == [
            (name, calls, SDE) for name in ("SEEDS-M", "dpmpp_2m_sde") for calls in ("4", "6")
        ]
        assert "6 model calls, SDE: " in outputs["5"]["text"][0]

    @pytest.mark.slow
    def test_an_interrupted_run_goes_on_with_what_is_missing(self, server):
        long = dict(samplers="SEEDS-1", model_calls="4", reference_calls=200, seed=6)
        prompt = server.queue(graph_of(**long))
        server.wait(lambda: server.get("/queue")["queue_running"], 60)
        time.sleep(8)
        server.post("/interrupt", {})
        status = server.finish(prompt, 120)["status"]
        assert any(kind == "execution_interrupted" for kind, _ in status["messages"])
        server.run(graph_of(**long), 600)
        started = time.monotonic()
        server.run(graph_of(**long | {"model_calls": "4, 5"}), 600)  # all but one cell is there
        again = time.monotonic() - started
        started = time.monotonic()
        server.run(graph_of(**long | {"seed": 7}), 600)
        assert again < 0.5 * (time.monotonic() - started)

    @pytest.mark.parametrize(
        ("inputs", "message"),
        [
            ({"samplers": "eiler"}, "samplers: 'eiler'; expected one of"),
            ({"samplers": " "}, "samplers: empty; expected at least one"),
            ({"schedulers": "karass"}, "schedulers: 'karass'; expected one of"),
            ({"model_calls": "4, many"}, "model-calls: 'many'; expected"),
            ({"model_calls": "8"}, "reference-calls: 12; expected at least twice the most model calls, 16"),
        ],
    )
    def test_what_is_wrong_is_said(self, server, inputs, message):
        with pytest.raises(RuntimeError, match=rf"^{message}"):
            server.run(graph_of(**inputs))
