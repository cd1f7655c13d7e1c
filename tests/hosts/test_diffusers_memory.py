"""SEEDSScheduler where diffusers moves or compiles the networks: the images stay the same.

On the CPU, so that what is moved to a GPU is moved nowhere; the hooks, the loading and the graphs are the real ones.
"""

from types import SimpleNamespace

import pytest
import torch

pytest.importorskip("diffusers")
pytest.importorskip("accelerate")

import diffusers_pipelines as tiny
from test_diffusers_pipelines import PIPELINES, latents, use


@pytest.fixture(params=["StableDiffusion", "Flux"])
def pipeline(request):
    build, scheduler, size, text = PIPELINES[request.param]
    pipeline = SimpleNamespace(pipe=build(scheduler), size=size, text=text, name=request.param)
    use(pipeline)
    return pipeline


def network_of(pipe):
    return "unet" if hasattr(pipe, "unet") else "transformer"


def test_model_cpu_offload(pipeline):
    plain = latents(pipeline, [1])
    pipeline.pipe.enable_model_cpu_offload(device="cpu")
    assert hasattr(getattr(pipeline.pipe, network_of(pipeline.pipe)), "_hf_hook")
    assert torch.equal(latents(pipeline, [1]), plain)


def test_group_offload_a_layer_at_a_time(pipeline):
    plain = latents(pipeline, [1])
    network = getattr(pipeline.pipe, network_of(pipeline.pipe))
    network.enable_group_offload(onload_device=torch.device("cpu"), offload_type="leaf_level")
    assert torch.equal(latents(pipeline, [1]), plain)


def test_loaded_with_a_device_map(pipeline, tmp_path):
    plain = latents(pipeline, [1])
    pipeline.pipe.save_pretrained(tmp_path)
    absent = {name: None for name, part in pipeline.pipe.components.items() if part is None}
    pipeline.pipe = tiny.quiet(type(pipeline.pipe).from_pretrained(tmp_path, device_map="balanced", **absent))
    torch.testing.assert_close(latents(pipeline, [1]), plain, rtol=1e-4, atol=1e-4)  # weights lie elsewhere in memory


def test_a_compiled_network_is_compiled_once(pipeline):
    """Our levels reach it as tensors: no step makes it compile anew."""
    plain = latents(pipeline, [1], steps=8)
    torch._dynamo.reset()
    name, graphs = network_of(pipeline.pipe), []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    setattr(pipeline.pipe, name, torch.compile(getattr(pipeline.pipe, name), backend=backend))
    torch.testing.assert_close(latents(pipeline, [1], steps=8), plain, rtol=1e-5, atol=1e-5)
    made = len(graphs)
    latents(pipeline, [2], steps=12)
    assert made and len(graphs) == made
