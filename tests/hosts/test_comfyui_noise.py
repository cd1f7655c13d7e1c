"""SEEDSNoise with each of ComfyUI's samplers: in one process with ComfyUI's own code, and in a real server.

Skipped where there is no ComfyUI checkout (COMFYUI_PATH) with its requirements.
"""

import sys

import numpy as np
import pytest
import torch
from comfyui import Server, checkout
from comfyui_graphs import LATENT, custom_graph, node

if checkout() is None:
    pytest.skip("no ComfyUI checkout (COMFYUI_PATH) with its requirements", allow_module_level=True)
sys.path.insert(0, str(checkout()))

import comfy.cli_args

comfy.cli_args.args.cpu = True

import comfy.samplers  # noqa: E402
from every_sampler import Bench, rms  # noqa: E402

from seeds_samplers.nodes.dropdown import HOST_SAMPLERS, register  # noqa: E402
from seeds_samplers.nodes.noise import names_with_noise, with_path  # noqa: E402

register()
ALL_NAMES = names_with_noise()
NAMES = [name for name in ALL_NAMES if not name.endswith("_gpu")]  # with the path those are the others
MULTISTEP = ("2m", "3m", "res_multistep", "er_sde", "sa_solver", "ER-SDE", "SEEDS-M")  # what remembers earlier calls
ONE_STEP = [name for name in NAMES if not any(part in name for part in MULTISTEP)]
QUICK = ("SEEDS-2", "SEEDS-M", "dpmpp_2m_sde", "er_sde", "euler_ancestral", "seeds_2")  # the others are alike, and slow
ROUNDING = 2e-3  # of pixels in -1 to 1: less than what an 8 bit image keeps


@pytest.fixture(scope="module", params=["edm", "flow"])
def bench(request):
    return Bench(request.param)


def test_which_samplers_take_noise():
    assert {"euler_ancestral", "dpmpp_2m_sde", "er_sde", "seeds_2", "sa_solver", "lcm", "SEEDS-2"} <= set(ALL_NAMES)
    assert not {"euler", "dpmpp_2m", "uni_pc", "dpm_fast", "ddim"} & set(ALL_NAMES)


@pytest.mark.parametrize("name", ["euler", "dpmpp_2m", "uni_pc", "dpm_fast", "dpm_adaptive", "heunpp2"])
def test_a_sampler_without_noise_is_refused_by_its_name(name):
    with pytest.raises(ValueError, match=rf"^sampler: {name} takes no noise.*expected one of euler_ancestral, .*lcm"):
        with_path(comfy.samplers.sampler_object(name))
    with pytest.raises(ValueError, match=r"^sampler: Sampler takes no noise"):
        with_path(comfy.samplers.Sampler())


def each(names):
    """Parameters for `name`, slow but for those in QUICK."""
    return [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", each(NAMES))
def test_an_image_is_the_same_in_any_batch(bench, name):
    batch = bench.run(bench.sampler(name, indices=[3, 1]), bench.sigmas(5), [3, 1])
    alone = bench.run(bench.sampler(name, indices=[1]), bench.sigmas(5), [1])
    assert batch.isfinite().all() and rms(batch[0], batch[1]) > 0.05
    assert (batch[1:2] - alone).abs().max() < ROUNDING


@pytest.mark.parametrize("name", each(ONE_STEP))
def test_a_split_run_of_a_one_step_method_is_one_run(bench, name):
    sampler = bench.sampler(name)
    whole = bench.run(sampler, bench.sigmas(6), [0])
    assert (bench.split(sampler, 6, 3, [0]) - whole).abs().max() < ROUNDING


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ONE_STEP])
def test_a_split_run_of_a_multistep_method_is_near(name):
    """It starts afresh at the cut: less away with more steps, and less than an image of another seed."""
    bench = Bench("edm")
    sampler = bench.sampler(name)
    whole = [bench.run(sampler, bench.sigmas(steps), [0, 1]) for steps in (8, 48)]
    few, many = (rms(bench.split(sampler, n, n // 2, [0, 1]), one) for n, one in zip((8, 48), whole, strict=True))
    assert many <= 0.7 * few or few < ROUNDING
    assert many < 0.5 * rms(whole[1][0], whole[1][1])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name != "lcm" and "cfg_pp" not in name])
def test_more_steps_refine(name):
    """Four times the steps: nearer to the image of many steps. (lcm and CFG++ have no limit: docs/compare.md.)"""
    bench = Bench("edm")
    last, *images = (bench.run(bench.sampler(name), bench.sigmas(steps), [0, 1, 2]) for steps in (128, 8, 32))
    few, many = (rms(one, last) for one in images)
    assert many < 0.8 * few, (few, many)


def test_the_options_of_a_sampler_stay_and_variation_mixes():
    bench = Bench("edm")
    options = {"eta": 0.5, "s_noise": 0.9}
    plain = comfy.samplers.ksampler("dpmpp_2m_sde", options)
    given = with_path(plain, variation_seed=9, variation_strength=0.3)
    assert given.extra_options == options and plain.sampler_function is not given.sampler_function
    images = [
        bench.run(with_path(plain, variation_seed=9, variation_strength=strength), bench.sigmas(8), [0])
        for strength in (0.0, 0.3, 1.0)
    ]
    assert 0 < rms(images[0], images[1]) < rms(images[0], images[2])
    torch.testing.assert_close(images[0], bench.run(with_path(plain), bench.sigmas(8), [0]))


@pytest.mark.parametrize("name", ["SEEDS-2", "SEEDS-M"])
def test_our_own_samplers_keep_their_noise_and_their_counts(name):
    bench = Bench("edm")
    plain = comfy.samplers.sampler_object(name)
    given = with_path(plain)
    assert given.sampler_function.calls_per_step == HOST_SAMPLERS[name].calls_per_step
    torch.testing.assert_close(*(bench.run(one, bench.sigmas(6), [0, 1]) for one in (plain, given)), rtol=0, atol=0)
    again = with_path(given, variation_seed=1, variation_strength=1.0)  # the last one counts
    assert rms(bench.run(again, bench.sigmas(6), [0]), bench.run(given, bench.sigmas(6), [0])) > 0.01


@pytest.mark.parametrize("name", [name for name in NAMES if name not in HOST_SAMPLERS])
def test_core_asks_for_noise_in_its_own_sigma(bench, name):
    """Each interval lies within one step: what a path needs to be one path, whatever core changes."""
    sampler, sigmas, asked = bench.sampler(name, path=False), bench.sigmas(6), []

    def noise(sigma, sigma_next):
        asked.append((float(sigma), float(sigma_next)))
        return torch.zeros(1, 3, 16, 16)

    sampler.extra_options = {**sampler.extra_options, "noise_sampler": noise}
    bench.run(sampler, sigmas, [0])
    steps = list(zip(sigmas.tolist(), sigmas.tolist()[1:], strict=False))
    for start, end in asked:
        if abs(start - end) <= 1e-5 * start:  # no length, but for rounding
            continue
        assert any(first * 1.000001 >= start >= end >= last * 0.999999 for first, last in steps), (start, end)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("comfyui")) as server:
        yield server


def graph_of(batch, name="euler_ancestral", pick=None):
    """A SamplerCustom with the node; pick: one image of the batch alone."""
    graph = custom_graph() | {
        "29": node("KSamplerSelect", sampler_name=name),
        "30": node("SEEDSNoise", sampler=["29", 0], variation_seed=0, variation_strength=0.0, noise_device="cpu"),
    }
    graph["4"]["inputs"]["batch_size"] = batch
    if pick is not None:
        graph["40"] = node("LatentFromBatch", samples=LATENT, batch_index=pick, length=1)
        graph["5"]["inputs"]["latent_image"] = graph["30"]["inputs"]["latent_image"] = ["40", 0]
    return graph


class TestServer:
    def test_an_image_of_a_batch_is_redrawn_alone(self, server):
        batch, alone = (
            [np.asarray(image).astype(int) for image in server.images(server.run(graph))]
            for graph in (graph_of(3), graph_of(3, pick=2))
        )
        assert abs(batch[2] - alone[0]).max() <= 2 < abs(batch[1] - alone[0]).max()

    def test_what_takes_no_noise_says_so(self, server):
        with pytest.raises(
            RuntimeError, match=r"^sampler: euler takes no noise from outside; expected one of euler_an"
        ):
            server.run(graph_of(1, "euler"))

    def test_it_has_a_help_page(self, server):
        assert server.get("/extensions/seeds-samplers/docs/SEEDSNoise.md").startswith(b"# ")
