"""The keyed Gaussians: as Gaussian and as independent as true ones, and the same however they are drawn."""

import math

import numpy as np
import pytest
import torch

from seeds_samplers.sampling import normals
from seeds_samplers.sampling.normals import Normals, key_of, key_pairs

CPU = torch.device("cpu")
IMAGES = [key_of("image", 7, i) for i in range(3)]


def drawn(names, images, size, weights=None, draw=normals._on_cpu):
    """The weighted sum of the Gaussians of `names`: (images, size)."""
    half = size // 2
    ours = Normals(half, CPU)
    places = ours.places
    if draw is normals._on_device:
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
    assert key_of("node", 12) != key_of("node", 1, 2) != key_of("node1", 2)


def test_torch_draws_what_numpy_draws():
    weights = np.array([0.3, -2.0, 1e-3])
    ours, torchs = (drawn([1, 2, 3], IMAGES, 5000, weights, draw) for draw in (normals._on_cpu, normals._on_device))
    torch.testing.assert_close(torchs, ours, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("images", "size"), [(1, 3000), (3, 3000), (40, 6), (40, 2)])
def test_slices_threads_and_layout_change_nothing(monkeypatch, images, size):
    keys = [key_of("image", 7, i) for i in range(images)]
    whole = drawn([1, 2], keys, size)
    for i in (0, images - 1):
        torch.testing.assert_close(drawn([1, 2], keys[i : i + 1], size)[0], whole[i], rtol=1e-6, atol=1e-6)
    monkeypatch.setattr(normals, "PAIRS", 64)
    torch.testing.assert_close(drawn([1, 2], keys, size), whole, rtol=1e-6, atol=1e-6)
    monkeypatch.setattr(normals, "PAIRS_OF_MANY", 16)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    torch.testing.assert_close(drawn([1, 2], keys, size), whole, rtol=1e-6, atol=1e-6)
