"""One hash in numpy, torch and Triton: the same words to the last bit, and the same Gaussians to rounding."""

import os

import numpy as np
import pytest
import torch

from seeds_samplers.sampling import fused
from seeds_samplers.sampling.noise.gaussians import hashed_places, numpy_words, torch_words

HALF = 3000
RANDOM = np.random.default_rng(7)
LOW, HIGH = RANDOM.integers(0, 2**32, (2, 5), dtype=np.uint32)
# of every sign and carry: none, all, the highest and the lowest bit
LOW, HIGH = (np.concatenate([half, [0, 2**32 - 1, 2**31, 1]]).astype(np.uint32) for half in (LOW, HIGH))


def of_numpy(places):
    """(keys, 2, half)"""
    given = places[None], LOW[:, None, None], HIGH[:, None, None]
    return numpy_words(*given, *(np.empty((len(LOW), *places.shape), np.uint32) for _ in range(2)))


@pytest.fixture(scope="module")
def places():
    return hashed_places(HALF)


def test_places_are_all_different_and_scattered(places):
    assert len(np.unique(places)) == 2 * HALF
    ones = [(places >> bit & 1).mean() for bit in range(32)]
    assert max(abs(np.array(ones) - 0.5)) < 5 * 0.5 / (2 * HALF) ** 0.5


def test_torch_has_numpys_words(places):
    low, high, places_there = (torch.from_numpy(words.view(np.int32)) for words in (LOW, HIGH, places))
    found = torch_words(places_there[None], low[:, None, None], high[:, None, None])
    assert found.dtype == torch.int32 and np.array_equal(found.numpy().view(np.uint32), of_numpy(places))


@pytest.fixture(scope="module")
def of_triton():
    """Triton's places and words, on a GPU or in its interpreter: (2, half) and (keys, 2, half)."""
    triton = pytest.importorskip("triton")
    interpreted = os.environ.get(fused.INTERPRETED) == "1"
    if not interpreted and not torch.cuda.is_available():
        pytest.skip("there is no GPU, and TRITON_INTERPRET is not 1")
    import triton_words

    device = "cpu" if interpreted else "cuda"
    low, high = (torch.from_numpy(words.view(np.int32)).to(device) for words in (LOW, HIGH))
    places = torch.zeros(2 * HALF, dtype=torch.int32, device=device)
    words = torch.zeros(len(LOW), 2 * HALF, dtype=torch.int32, device=device)
    block = triton.next_power_of_2(2 * HALF)
    triton_words.write[(len(LOW),)](low, high, places, words, 2 * HALF, BLOCK=block)
    found = (one.cpu().numpy().view(np.uint32) for one in (places, words))
    return [one.reshape(*one.shape[:-1], 2, HALF) for one in found]


def test_triton_has_numpys_places(of_triton, places):
    assert np.array_equal(of_triton[0], places)


def test_triton_has_numpys_words(of_triton, places):
    assert np.array_equal(of_triton[1], of_numpy(places))
