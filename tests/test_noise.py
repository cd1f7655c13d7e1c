"""The noise of each image."""

import math

import numpy as np
import pytest
import torch

from seeds_samplers.sampling import SAMPLERS, sigmas_karras
from seeds_samplers.sampling.noise import ImageNoise, image_keys

SIGMAS = sigmas_karras(5, 0.1, 10)


def draw(x, seed, **options):
    return SAMPLERS["SEEDS-2"](lambda x, sigma: x * 0.9, x, SIGMAS, disable=True, seed=seed, **options)


def test_a_seed_gives_one_result_and_another_seed_another():
    x = torch.ones(2, 3, 8)
    assert torch.equal(draw(x, 5), draw(x, 5))
    assert not torch.equal(draw(x, 5), draw(x, 6))


def test_an_image_does_not_depend_on_the_batch_around_it():
    x = torch.ones(4, 3, 8)
    whole = draw(x, 11)
    assert torch.equal(whole[:1], draw(x[:1], 11))
    assert torch.equal(whole[:3], draw(x[:3], 11))
    assert torch.equal(draw(x, [7, 8, 9, 11])[3:], whole[:1])
    assert not torch.equal(whole[0], whole[1])


def test_the_seed_may_come_with_the_models_arguments():
    x, model = torch.ones(2, 3), lambda x, sigma, seed=None: x * 0.9
    sampler = SAMPLERS["SEEDS-1"]
    keyword = sampler(model, x, SIGMAS, disable=True, seed=3)
    assert torch.equal(sampler(model, x, SIGMAS, extra_args={"seed": 3}, disable=True), keyword)
    assert torch.equal(sampler(model, x, SIGMAS, extra_args={"seed": 9}, disable=True, seed=3), keyword)


def test_without_a_seed_torchs_global_generator_decides():
    x = torch.ones(2, 3)
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(draw(x, None))
    assert torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])


def test_keys():
    assert image_keys(5, 3) == [(5, 0), (5, 1), (5, 2)]
    assert image_keys([7, 8], 2) == image_keys(torch.tensor([7, 8]), 2) == image_keys(np.array([7, 8]), 2)
    assert image_keys([7, 8], 2) == [(7, 0), (8, 0)]
    assert image_keys(np.int64(5), 1) == image_keys(torch.tensor(5), 1) == image_keys(np.array(5), 1) == [(5, 0)]
    assert image_keys(-1, 1) == image_keys(2**64 - 1, 1) == [(2**64 - 1, 0)]
    assert image_keys(3, 0) == []
    with pytest.raises(ValueError, match="seed: True"):
        image_keys(True, 1)


def test_it_is_unrelated_to_what_a_host_draws_from_the_same_seed():
    """The noise of every interval against the initial latent of torch.manual_seed(seed): no correlation."""
    count = 200_000
    x = torch.zeros(2, count)
    latent = torch.randn(2, count, generator=torch.Generator().manual_seed(42))
    noise = ImageNoise(x, 42)
    draws = [noise(None, None) for _ in range(3)]
    rows = torch.stack([latent, *draws]).flatten(0, 1)
    correlation = torch.corrcoef(rows) - torch.eye(len(rows))
    assert correlation.abs().max() < 5 / math.sqrt(count)
    assert (rows.std(1) - 1).abs().max() < 5 / math.sqrt(2 * count)
    assert rows.mean(1).abs().max() < 5 / math.sqrt(count)


def test_every_dtype_gets_the_same_numbers():
    single = ImageNoise(torch.ones(1, 4), 0)(None, None)
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        assert torch.equal(ImageNoise(torch.ones(1, 4, dtype=dtype), 0)(None, None), single)


def test_the_device_that_draws():
    """Where there is no GPU, x's own device is the CPU: both choices draw there."""
    x = torch.ones(2, 3)
    assert torch.equal(draw(x, 1, noise_device="cpu"), draw(x, 1, noise_device="gpu"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_cpu_and_the_gpu_agree():
    x = torch.ones(2, 3, 8)
    torch.testing.assert_close(draw(x.cuda(), 5).cpu(), draw(x, 5), rtol=1e-5, atol=1e-5)
