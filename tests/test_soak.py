"""Random arguments give finite latents or a refusal that names an argument (benchmarks/soak.py)."""

import pytest
import soak
import torch

from seeds_samplers.sampling import SAMPLERS, sample_seeds_2, sample_seeds_3


def check(sets, first):
    counts, wrong = soak.soak(sets, first=first)
    assert not wrong, [(number, complaint) for number, _, complaint in wrong]
    assert sum(counts.values()) == sets
    assert {what for what, _ in counts} == {"latents", "refusal"}


def test_100_sets():
    check(100, first=0)


@pytest.mark.slow
def test_2000_sets():
    check(2000, first=100)


def zero(x, sigma):
    return x * 0


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_what_float16_cannot_hold_is_refused_before_the_run(sampler):
    """Noise of a deviation of 1e6, and the same run in float32, which holds it."""
    calls = []

    def model(x, sigma):
        calls.append(sigma)
        return zero(x, sigma)

    x, sigmas = torch.ones(2, 3), [10.0, 5.0, 1.0]
    with pytest.raises(ValueError, match=r"^x, sigmas, s_noise: .* at most 7e\+04, which torch\.float16 holds$"):
        sampler(model, x.half(), sigmas, s_noise=1e6, disable=True)
    assert not calls
    assert sampler(model, x, sigmas, s_noise=1e6, seed=0, disable=True).isfinite().all()
    assert calls


@pytest.mark.parametrize("sampler", [sample_seeds_2, sample_seeds_3])
def test_the_noise_form_of_a_flow_model_outgrows_float16(sampler):
    """No stage has noise or a factor that float16 cannot hold: it is what the steps make of it together."""
    given = dict(sigmas=[1.0, 0.63, 0.54, 0.0], prediction="noise", noise_schedule="flow", seed=0, disable=True)
    x = torch.randn(4, 100, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=r"^x, sigmas, s_noise: "):
        sampler(zero, x.half(), **given)
    points = []
    sampler(zero, x, callback=lambda step: points.append(step["x"].abs().max().item()), **given)
    assert max(points) > torch.finfo(torch.float16).max
    sampler(zero, x.half(), **given | {"prediction": "data"})
    sampler(zero, x.half(), **given | {"sigmas": [0.5, 0.4, 0.0]})


RUNS = [(name, {}) for name in SAMPLERS] + [
    ("SEEDS-2", {"variant": "2s"}),
    ("SEEDS-2", {"prediction": "noise", "eta": 2.0}),
    ("SEEDS-3", {"variant": "3b", "prediction": "v"}),
]


@pytest.mark.parametrize("name, options", RUNS, ids=str)
def test_the_limit_is_four_deviations_of_what_a_run_makes_of_its_noise(name, options):
    """The noise being most of x, the deviation of all points is in proportion to s_noise."""
    largest = 0.0

    def model(x, sigma):
        nonlocal largest
        largest = max(largest, x.float().std().item())
        return x * 0

    def run(dtype, s_noise):
        x = 10 * torch.randn(100, 200, generator=torch.Generator().manual_seed(0))
        given = dict(s_noise=s_noise, seed=1, disable=True, **options)
        return SAMPLERS[name](model, x.to(dtype), [10.0, 6.0, 3.0, 1.0], **given)

    largest = max(run(torch.float32, 1000.0).std().item(), largest)
    limit = 1000.0 * torch.finfo(torch.float16).max / 4 / largest
    run(torch.float16, 0.97 * limit)
    with pytest.raises(ValueError, match=r"^x, sigmas, s_noise: "):
        run(torch.float16, 1.03 * limit)
