"""The keyed Gaussians: as Gaussian and as independent as true ones, and the same however they are drawn."""

import math

import numpy as np
import pytest
import torch

from seeds_samplers.sampling.noise import sums
from seeds_samplers.sampling.noise.gaussians import torch_sums
from seeds_samplers.sampling.noise.keys import key_of, key_pairs
from seeds_samplers.sampling.noise.sums import GaussianSums, numpy_sums

CPU = torch.device("cpu")
IMAGES = [key_of("image", 7, i) for i in range(3)]


def drawn(names, images, size, weights=None, draw=numpy_sums):
    """The weighted sum of the Gaussians of `names`: (images, size)."""
    half = size // 2
    ours = GaussianSums(half, CPU)
    places = ours.places
    if draw is torch_sums:
        places = torch.from_numpy(places.view(np.int32))
    tensor = ours.empty(len(images))
    keys = key_pairs([key_of("node", name) for name in names], images)
    return draw([(tensor, keys, np.ones(len(names)) if weights is None else weights)], [(1.0, tensor)], places).flatten(
        1
    )


@pytest.fixture(scope="module")
def rows():
    """(48, 65536): 16 neighbouring names in 3 neighbouring images."""
    return torch.cat([drawn([name], IMAGES, 1 << 16) for name in range(16)]).double()


def test_moments_and_distribution(rows):
    values, count = rows.flatten(), rows.numel()
    # each over the standard deviation that it has for true Gaussians
    deviations = [values.mean(), (values.var() - 1) / 2**0.5, (values**3).mean() / 15**0.5]
    deviations += [((values**4).mean() - 3) / 96**0.5]
    assert max(abs(deviation) for deviation in deviations) * count**0.5 < 4.5
    expected = torch.special.ndtr(values.sort().values)
    distance = (expected - (torch.arange(count, dtype=torch.float64) + 0.5) / count).abs().max()
    assert distance * count**0.5 < 1.95  # Kolmogorov and Smirnov, p = 0.001
    tail = (values.abs() > 4).sum() - count * math.erfc(4 / 2**0.5)
    assert abs(tail) < 4.5 * (count * math.erfc(4 / 2**0.5)) ** 0.5


@pytest.mark.parametrize("function", [lambda z: z, lambda z: (z**2 - 1) / 2**0.5])
def test_names_images_and_places_are_unrelated(rows, function):
    """No correlation, of values or of squares: between rows, between neighbours, between the partners of a pair."""
    values = function(rows)
    count = values.shape[1]
    between = (values @ values.T / count**0.5).triu(1)
    assert between.abs().max() < 5.2
    for lag in (1, 2, 3, 7, 64, 256, count // 2 - 1, count // 2, count // 2 + 1):
        along = (values[:, lag:] * values[:, :-lag]).sum(1) / (count - lag) ** 0.5
        assert along.abs().max() < 5, lag


def test_a_name_without_its_neighbours():
    """64 bits each of 100,000 keys: no two agree, and every bit is set in half of them."""
    keys = key_pairs([key_of("node", i) for i in range(10_000)], [key_of("image", 0, i) for i in range(10)])
    whole = keys[:, 0].astype(np.uint64) | keys[:, 1].astype(np.uint64) << np.uint64(32)
    assert len(np.unique(whole)) == whole.size
    ones = [(whole >> np.uint64(bit) & np.uint64(1)).mean() for bit in range(64)]
    assert max(abs(np.array(ones) - 0.5)) < 5 * 0.5 / whole.size**0.5
    assert len({key_of("node", 12), key_of("node", 1, 2), key_of("cell", 12), key_of("node", 12.0)}) == 4


WORD, LONG = 2**32 - 1, 2**64 - 1


def mixed(value):
    """The finalizer of splitmix64 (Steele, Lea and Flood 2014), in Python's integers."""
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & LONG
    value = (value ^ value >> 27) * 0x94D049BB133111EB & LONG
    return value ^ value >> 31


def gaussian(key, number, half):
    """Number `number` of the 2 * half Gaussians of a key: gaussians.py in plain Python, one number at a time."""

    def bits(place):
        place = (place ^ place >> 16) * 0x7FEB352D & WORD
        place = (place ^ place >> 15) * 0x846CA68B & WORD
        place = ((place ^ place >> 16) ^ (key & WORD)) * 0x7FEB352D & WORD
        place = ((place ^ place >> 15) + (key >> 32)) * 0x846CA68B & WORD
        return place ^ place >> 16

    pair = number % half
    uniform = ((bits(pair) & 0x7FFFFFFF) + 0.5) / 2**31
    angle = math.pi * (bits(pair + half) - (bits(pair + half) >> 31 << 32)) / 2**31
    return math.sqrt(-2 * math.log(uniform)) * (math.sin(angle) if number >= half else math.cos(angle))


def test_keys_are_splitmix64s():
    assert mixed(0x9E3779B97F4A7C15) == 0xE220A8397B1DCDAF  # the generator's first number for the seed 0
    names, images = [0, 1, 2**64 - 1, 0x123456789ABCDEF0], [0, 5, 2**63]
    for row, name in zip(key_pairs(names, images), names, strict=True):
        assert [low | high << 32 for low, high in row.T.tolist()] == [mixed(name ^ image) for image in images]


@pytest.mark.parametrize("draw", [numpy_sums, torch_sums])
def test_gaussians_are_those_of_a_plain_implementation(draw):
    """A sum of two, weights -0.5 and 2, in three images of 2000 numbers each."""
    found = drawn([3, 4], IMAGES, 2000, np.array([-0.5, 2.0]), draw)
    for i, image in enumerate(IMAGES):
        first, second = (mixed(key_of("node", name) ^ image) for name in (3, 4))
        expected = [2 * gaussian(second, j, 1000) - 0.5 * gaussian(first, j, 1000) for j in range(2000)]
        assert found[i].tolist() == pytest.approx(expected, rel=2e-6, abs=2e-6)


@pytest.mark.parametrize("draw", [numpy_sums, torch_sums])
def test_the_largest_and_the_smallest_radius(draw):
    """Uniforms are (k + 1/2) / 2^31 for k from 0 to 2^31 - 1: never 0, and 1 to rounding at most."""
    places = np.array([[0, 1, WORD >> 1, WORD], [0, 0, 0, 0]], dtype=np.uint32)
    undone = np.array([[_before(int(place)) for place in row] for row in places], dtype=np.uint32)
    tensor = GaussianSums(4, CPU).empty(1)
    keys, here = np.zeros((1, 2, 1), np.uint32), undone
    if draw is torch_sums:
        here = torch.from_numpy(undone.view(np.int32))
    found = draw([(tensor, keys, np.ones(1))], [(1.0, tensor)], here)[0, 0]
    expected = [math.sqrt(-2 * math.log((k + 0.5) / 2**31)) for k in (0, 1)]
    assert found.tolist() == pytest.approx([*expected, 0, 0], abs=1e-3) and found.isfinite().all()
    assert found[:2].tolist() == pytest.approx(expected, rel=1e-6)


def _before(bits):
    """The hashed place whose bits under the key 0 are these: the second half of the hash, undone."""
    inverse = [pow(factor, -1, 2**32) for factor in (0x846CA68B, 0x7FEB352D)]
    bits = (bits ^ bits >> 16) * inverse[0] & WORD
    bits ^= bits >> 15 ^ bits >> 30
    return bits * inverse[1] & WORD


def test_torch_draws_what_numpy_draws():
    weights = np.array([0.3, -2.0, 1e-3])
    ours, torchs = (drawn([1, 2, 3], IMAGES, 5000, weights, draw) for draw in (numpy_sums, torch_sums))
    torch.testing.assert_close(torchs, ours, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("images", "size"), [(1, 3000), (3, 3000), (40, 6), (40, 2)])
def test_slices_threads_and_layout_change_nothing(monkeypatch, images, size):
    keys = [key_of("image", 7, i) for i in range(images)]
    whole = drawn([1, 2], keys, size)
    for i in (0, images - 1):
        torch.testing.assert_close(drawn([1, 2], keys[i : i + 1], size)[0], whole[i], rtol=1e-6, atol=1e-6)
    monkeypatch.setattr(sums, "PAIRS", 64)
    torch.testing.assert_close(drawn([1, 2], keys, size), whole, rtol=1e-6, atol=1e-6)
    monkeypatch.setattr(sums, "PAIRS_OF_MANY", 16)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    torch.testing.assert_close(drawn([1, 2], keys, size), whole, rtol=1e-6, atol=1e-6)
