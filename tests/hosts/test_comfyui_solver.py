"""A solver that is one file (tests/toy.py), in a real ComfyUI."""

import pytest
from comfyui import Server, checkout
from comfyui_graphs import default_graph, seeds_graph

if checkout() is None:
    pytest.skip("no ComfyUI checkout (COMFYUI_PATH) with its requirements", allow_module_level=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("comfyui"), toy=True) as server:
        yield server


def test_the_dropdowns_and_the_nodes_have_it(server):
    nodes = server.get("/object_info")
    assert nodes["KSampler"]["input"]["required"]["sampler_name"][0][-1] == "Toy"
    for name in ("SEEDSSampler", "SEEDSKSampler"):
        solvers = {one["key"]: one["inputs"] for one in nodes[name]["input"]["required"]["solver"][1]["options"]}
        inputs = solvers["Toy"]["required"] | solvers["Toy"].get("optional", {})
        assert {"s_noise", "noise_device", "glow", "shade"} == set(inputs)
        assert inputs["glow"][1]["tooltip"] == "How much noise a step adds." and inputs["glow"][1]["max"] == 1


def test_it_draws(server):
    toy = {"solver": "Toy", "solver.s_noise": 1.0, "solver.noise_device": "cpu", "solver.shade": "dark"}
    drawn = server.images(server.run(default_graph(sampler_name="Toy")))
    ours = server.images(server.run(seeds_graph(**toy, **{"solver.glow": 0.0})))
    glowing = server.images(server.run(seeds_graph(**toy, **{"solver.glow": 0.5})))
    assert drawn[0].tobytes() == ours[0].tobytes() != glowing[0].tobytes()
