"""torch.compile of models and of samplers: the same images, and no graph broken once the sigmas are read."""

import shutil
import subprocess
import sys
from itertools import product

import pytest
import torch
from problems import METHODS, SIGMAS

from seeds_samplers.sampling import SAMPLERS

WEIGHTS = torch.randn(32, 32, generator=torch.Generator().manual_seed(0)) / 6
X = 20 * torch.randn(3, 32, generator=torch.Generator().manual_seed(1))


needs_a_compiler = pytest.mark.skipif(not shutil.which("g++"), reason="there is no C++ compiler")


def model(x, sigma):
    return torch.tanh(x @ WEIGHTS) / (1 + sigma[:, None])


def sampler_of(method):
    return METHODS.get(method) or (SAMPLERS[method], {})


@pytest.fixture(autouse=True)
def fresh():
    dynamo = pytest.importorskip("torch._dynamo")
    dynamo.reset()
    dynamo.utils.counters.clear()
    return dynamo.utils.counters


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=[needs_a_compiler, pytest.mark.slow])])
def test_a_compiled_model(backend):
    options = dict(seed=3, disable=True)
    plain = SAMPLERS["SEEDS-2"](model, X, SIGMAS, **options)
    compiled = SAMPLERS["SEEDS-2"](torch.compile(model, backend=backend), X, SIGMAS, **options)
    torch.testing.assert_close(compiled, plain, rtol=1e-4, atol=1e-4)


QUICK = {("SEEDS-M", "path")}  # the others are as slow, and slow together


@pytest.mark.parametrize(
    ("method", "noise"),
    [
        pytest.param(*case, marks=[] if case in QUICK else pytest.mark.slow)
        for case in product([*METHODS, "SEEDS-M", "ER-SDE"], ["path", "plain"])
    ],
)
def test_a_compiled_sampler_is_one_graph(fresh, method, noise):
    """Reading the sigmas breaks it, and nothing else: all model calls, updates and draws are one graph."""
    sampler, variant = sampler_of(method)
    options = dict(seed=3, disable=True, **variant)
    if noise == "plain":
        options["noise_sampler"] = lambda sigma, sigma_next: torch.cos(X * (sigma + sigma_next))
    plain = sampler(model, X, SIGMAS, **options)
    compiled = torch.compile(sampler, backend="aot_eager")(model, X, SIGMAS, **options)
    torch.testing.assert_close(compiled, plain, rtol=1e-5, atol=1e-5)
    assert fresh["stats"]["unique_graphs"] == 1
    assert len(fresh["graph_break"]) == 1 and "_prepare" in next(iter(fresh["graph_break"]))


@pytest.mark.slow
@needs_a_compiler
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("method", ["SEEDS-2b", "SEEDS-2s"])
def test_other_precisions(dtype, method):
    sampler, variant = METHODS[method]
    options = dict(seed=3, disable=True, **variant)

    def simple(x, sigma):
        return x / (1 + sigma[:, None])

    plain = sampler(simple, X.to(dtype), SIGMAS, **options)
    compiled = torch.compile(sampler)(simple, X.to(dtype), SIGMAS, **options)
    assert compiled.dtype == dtype
    # in one graph, what bfloat16 would round between the operations stays in float32
    assert (compiled - plain).norm() <= (2e-2 if dtype == torch.bfloat16 else 1e-6) * plain.norm()


@pytest.mark.slow
def test_torch_that_does_not_know_of_it_yet():
    """torch 2.1 to 2.3 have no custom_op, and the first of them no is_compiling."""
    code = """
import torch._dynamo
del torch.compiler.is_compiling
del torch.library.custom_op
from seeds_samplers.sampling import SAMPLERS, sigmas_karras
for sampler in SAMPLERS.values():
    sampler(lambda x, s: x / (1 + s[:, None]), torch.ones(2, 8), sigmas_karras(4, 0.1, 5), seed=1, disable=True)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_another_seed_needs_no_other_graph_for_long(fresh):
    compiled = torch.compile(SAMPLERS["SEEDS-2"], backend="aot_eager")
    for seed in range(5):
        found = compiled(model, X, SIGMAS, seed=seed, disable=True)
        torch.testing.assert_close(found, SAMPLERS["SEEDS-2"](model, X, SIGMAS, seed=seed, disable=True))
    assert fresh["stats"]["unique_graphs"] <= 2


@pytest.mark.slow
@needs_a_compiler
def test_in_a_new_process_with_inductor():
    """Nothing has been imported or called before; and importing us does not import Dynamo, which takes a second."""
    code = """
import sys, torch
from seeds_samplers.sampling import sample_seeds_m, sigmas_karras
assert "torch._dynamo" not in sys.modules
model = lambda x, sigma: x / (1 + sigma[:, None]) ** 2
x, sigmas = torch.randn(2, 8), sigmas_karras(4, 0.1, 5)
compiled = torch.compile(sample_seeds_m)(model, x, sigmas, seed=1, disable=True)
torch.testing.assert_close(compiled, sample_seeds_m(model, x, sigmas, seed=1, disable=True))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_two_copies_of_the_package_do_not_meet():
    """As in a web UI, which loads an extension anew, or beside an installed one."""
    code = """
import sys, torch
def copy():
    for name in [name for name in sys.modules if name.startswith("seeds_samplers")]:
        del sys.modules[name]
    from seeds_samplers.sampling import sample_seeds_1, sigmas_karras
    return lambda compiled: compiled(lambda x, s: x / (1 + s[:, None]), torch.ones(2, 8), sigmas_karras(4, 0.1, 5),
                                     seed=1, disable=True), sample_seeds_1
import torch._dynamo
for run, sampler in [copy(), copy(), copy()]:
    assert torch.equal(run(torch.compile(sampler, backend="aot_eager")), run(sampler))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_the_first_runs_of_several_threads():
    """Where Dynamo is loaded, the first of them makes what the others need."""
    code = """
import threading
import torch, torch._dynamo
from seeds_samplers.sampling import sample_seeds_1, sigmas_karras
failed, together = [], threading.Barrier(8)
def run():
    together.wait()
    try:
        sample_seeds_1(lambda x, s: x / 2, torch.ones(2, 3), sigmas_karras(3, 1, 2), seed=1, disable=True)
    except Exception as error:
        failed.append(error)
threads = [threading.Thread(target=run) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failed, failed
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
