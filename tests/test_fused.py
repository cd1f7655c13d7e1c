"""The kernel of a stage beside the plain operations: on a GPU, and with TRITON_INTERPRET=1 in Triton's interpreter."""

import math
import os

import pytest
import torch
from problems import METHODS, PREDICTIONS, SIGMAS, X, curved_denoiser, draw, flow_model

from seeds_samplers.sampling import SAMPLERS, NoisePath, fused, sigmas_flow
from seeds_samplers.sampling.plan import Stage, fresh

pytest.importorskip("triton")
INTERPRETED = os.environ.get(fused.INTERPRETED) == "1"
if not INTERPRETED and not torch.cuda.is_available():
    pytest.skip("there is no GPU, and TRITON_INTERPRET is not 1", allow_module_level=True)


@pytest.fixture(autouse=True)
def device(monkeypatch):
    """Where the kernel runs."""
    monkeypatch.setattr(fused, "reason", None)
    return "cpu" if INTERPRETED else "cuda"


class Counter:
    """Counts the kernel's launches."""

    def __init__(self, monkeypatch):
        self.launches, advance = 0, fused.advance

        def counted(*arguments):
            self.launches += 1
            return advance(*arguments)

        monkeypatch.setattr(fused, "advance", counted)


def both(monkeypatch, run):
    """The results of run() with the kernel and without, and the number of launches."""
    counter = Counter(monkeypatch)
    ours = run()
    assert fused.reason is None
    with monkeypatch.context() as context:
        context.setattr(fused, "usable", lambda x: False)
        return ours, run(), counter.launches


def close(ours, plain):
    """Equal but for the rounding of float32, relative to the whole."""
    assert (ours - plain).norm() <= 2e-6 * plain.norm()


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("known", [0, 1, 2])
@pytest.mark.parametrize("shape", [(2, 7), (3, 2, 5, 5), (1, 1), (2, 1300)])
def test_a_stage_in_double_precision(device, shape, known, count):
    """Points and sums against the same in float64."""
    generator = torch.Generator().manual_seed(0)
    state, weights = torch.randn(2, count, generator=generator).tolist()
    x, denoised, *sums = (torch.randn(shape, generator=generator) for _ in range(2 + min(known, count)))
    expected = [
        (sums[k].double() if k < len(sums) else 0) + state[k] * x.double() + weights[k] * denoised.double()
        for k in range(count)
    ]
    stage = Stage(2.0, 1.0, tuple(state), tuple(weights))
    given = [one.to(device) for one in (x, denoised, *sums)]
    points = fused.advance(stage, given[0], given[1], list(given[2:]))
    assert fused.reason is None and len(points) == count
    for found, wanted in zip(points, expected, strict=True):
        torch.testing.assert_close(found.cpu().double(), wanted, rtol=1e-6, atol=1e-6)
    assert torch.equal(given[0].cpu(), x) and torch.equal(given[1].cpu(), denoised)


def test_what_has_no_weight_does_not_spread(device):
    x = torch.full((2, 4), torch.nan, device=device)
    (point,) = fused.advance(Stage(1.0, 0.0, (0.0,), (1.0,)), x, torch.ones(2, 4, device=device), [])
    assert torch.equal(point.cpu(), torch.ones(2, 4))


@pytest.mark.parametrize("size", [1, 6, 7, 2049])
def test_the_noise_is_the_paths(device, monkeypatch, size):
    """Each interval's numbers, drawn by the kernel, are those of NoisePath on the CPU."""
    x = torch.zeros(3, size)
    path = NoisePath(x, [3, 4, 5], variation_seed=8, variation_strength=0.3)
    for ends in ((10, 5), (5, 4.99), (4.99, 4.99 - 1e-8), (0.3, 0)):
        keys, weights = path.gaussians(*ends)
        drawn = torch.from_numpy(keys.view("int32")).to(device), torch.tensor(weights, dtype=torch.float32).to(device)
        stage = Stage(*map(float, ends), (0.0,), (0.0,), fresh(*map(float, ends), 1.0, math.inf))
        (noise,) = fused.advance(stage, x.to(device), x.to(device), [], (*drawn, 0, len(weights)))
        torch.testing.assert_close(noise.cpu(), path.normals(*ends), rtol=0, atol=1e-5)  # weights of 10 and more cancel


@pytest.mark.parametrize("method", [*METHODS, "SEEDS-M", "ER-SDE"])
@pytest.mark.parametrize("noise_device", ["cpu", "gpu"])
def test_runs(device, monkeypatch, method, noise_device):
    """Whole runs; on the interpreter's CPU, noise is drawn there by either device, and so by the kernel."""
    sampler, variant = METHODS.get(method) or (SAMPLERS[method], {})
    x = X.to(device)
    options = dict(noise_device=noise_device, seed=4, disable=True, **variant)
    ours, plain, launches = both(monkeypatch, lambda: sampler(curved_denoiser, x, SIGMAS.to(device), **options))
    assert launches == (len(SIGMAS) - 2) * sampler.calls_per_step + 1
    close(ours, plain)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_forms_and_flow(device, monkeypatch, prediction):
    options = dict(prediction=prediction, sigma_data=0.7, noise_schedule="flow", sigmas=sigmas_flow(6))
    model = flow_model(curved_denoiser)
    close(*both(monkeypatch, lambda: draw("SEEDS-3b", x=X.to(device) / 20, model=model, **options))[:2])


def test_half_precision_and_models_that_do_not_keep_the_layout(device, monkeypatch):
    def model(x, sigma):
        return (x * 0.9).to(memory_format=torch.channels_last)

    x = X.to(device).half()
    ours, plain, _ = both(monkeypatch, lambda: draw("SEEDS-2b", x=x, model=model).float())
    assert (ours - plain).abs().max() <= 2**-10 * plain.abs().max()


@pytest.mark.parametrize("name", ["noise_sampler", "callback"])
def test_with_what_others_give(device, monkeypatch, name):
    def noise_sampler(sigma, sigma_next):
        return torch.full_like(X, float(sigma - sigma_next)).to(device)

    given = {"noise_sampler": noise_sampler} if name == "noise_sampler" else {"callback": lambda told: None}
    close(*both(monkeypatch, lambda: draw("SEEDS-2b", x=X.to(device), **given))[:2])


def test_images_of_one_path_mixed_with_itself_are_drawn_plainly(device, monkeypatch):
    path = NoisePath(X, [1, 2, 3], variation_seed=[1, 9, 9], variation_strength=0.5)
    assert path.gaussians(5, 2) is None
    close(*both(monkeypatch, lambda: draw("SEEDS-1", noise_sampler=path))[:2])


def test_what_the_caller_holds_is_not_written_to(device):
    seen = []

    def model(x, sigma):
        seen.append((x, x.clone()))
        return curved_denoiser(x, sigma)

    x = X.to(device)
    draw("SEEDS-3a", x=x, model=model)
    assert torch.equal(x.cpu(), X) and all(torch.equal(one, copy) for one, copy in seen)


@pytest.mark.parametrize("noise_device", ["cpu", "gpu"])
def test_a_kernel_that_cannot_run_leaves_the_run_to_the_plain_operations(device, monkeypatch, noise_device):
    expected = draw("SEEDS-2b", x=X.to(device), noise_device=noise_device)

    def broken(*_, **__):
        raise RuntimeError("no compiler here")

    class Kernel:
        def __getitem__(self, grid):
            return broken

    monkeypatch.setattr(fused, "kernel", Kernel)
    close(draw("SEEDS-2b", x=X.to(device), noise_device=noise_device), expected)
    assert fused.reason == "Triton: RuntimeError: no compiler here"
    close(draw("SEEDS-2b", x=X.to(device), noise_device=noise_device), expected)


def test_a_step_whose_stages_would_have_different_lattices(device, monkeypatch):
    """Stages of 0.07 and 0.02 in lambda: the shorter one's lattice is for both, in the kernel too."""
    sigmas = torch.tensor([5.0, 5 * 2.718281828**-0.09, 3.0], dtype=torch.float64)
    options = dict(sigmas=sigmas, noise_device="gpu", r=7 / 9)
    ours, plain, _ = both(monkeypatch, lambda: draw("SEEDS-2b", x=X.to(device), **options))
    close(ours, plain)


def test_float64_and_no_images_are_left_to_the_plain_operations(device):
    x = X.to(device)
    assert not fused.usable(x.double()) and fused.usable(x)
    assert draw("SEEDS-2b", x=x[:0]).shape == X[:0].shape
