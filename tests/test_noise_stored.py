"""The noise of a seed is what it was: keys, weights and numbers stored when version 0.1.0 was made.

A change that fails here changes every user's images. If that is what you want, python tests/test_noise_stored.py
stores the noise as it is now.
"""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from seeds_samplers.sampling import NoisePath

FILE = Path(__file__).parent / "saved" / "noise.json"
STORED = json.loads(FILE.read_text())
OF_PATHS = {
    "data": dict(seed=5),
    "noise": dict(seed=2**63, prediction="noise", eta=0.3),
    "v": dict(seed=[-1, 9], indices=[3, 0], prediction="v", sigma_data=0.5, eta=6.0),
    "flow": dict(seed=0, noise_schedule="flow", eta=1e9),
    "varied": dict(seed=1, variation_seed=8, variation_strength=0.3),
}
OF_SIZES = {"one": (2, 1), "odd": (2, 3, 5), "large": (2, 4, 96, 96), "many": (4096, 6), "huge": (2, 4, 512, 160)}
# longer than 1/16 in lambda, between 1/256 and that, shorter, too short for any lattice, to 0, and backwards
INTERVALS = ((0.9, 0.2), (0.5, 0.49), (0.5, 0.4999), (0.5, 0.5 * (1 - 1e-9)), (0.1, 0.0), (0.3, 0.7))


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def arithmetic():
    """A digest of what numpy's float32 functions give here: other processors and versions round differently."""
    x = np.linspace(1e-3, 1, 4099, dtype=np.float32)
    return digest(np.stack([np.log(x), np.cos(3 * x), np.sin(3 * x), np.sqrt(x)]))


def path_of(name, shape=(2, 3, 5)):
    given = {**OF_PATHS[name]}
    if shape[0] != 2:
        given = dict(seed=5)
    return NoisePath(torch.zeros(shape), given.pop("seed"), **given)


def numbers_of(path):
    """What a path draws, in the order in which it is asked: increments, integrals, and increments on finer lattices."""
    drawn = [path(*interval) for interval in INTERVALS]
    for interval in INTERVALS[:4]:
        drawn += path.with_integral(*interval)
    return [*drawn, path.normals(0.9, 0.2, 0.01), path.normals(0.9, 0.2, 0.0)]


def described():
    """All that is stored, as it is now."""
    found = {"keys": {}, "weights": {}, "numbers": {}, "digests": {arithmetic(): {}}}
    for name in OF_PATHS:
        path = path_of(name)
        for interval in INTERVALS:
            keys, weights = path.gaussians(*interval)
            entry = f"{name} {interval}"
            found["keys"][entry] = digest(keys)
            found["weights"][entry] = np.asarray(weights).tolist()
        found["numbers"][name] = torch.stack(numbers_of(path_of(name))).flatten()[::7].tolist()
    for name in OF_PATHS:
        of_path = [digest(one.numpy()) for one in numbers_of(path_of(name))]
        found["digests"][arithmetic()][name] = of_path
    for name, shape in OF_SIZES.items():
        path = path_of("data", shape)
        drawn = [path(*one) for one in INTERVALS[:2]] if math.prod(shape) > 10_000 else numbers_of(path)
        found["digests"][arithmetic()][name] = [digest(one.numpy()) for one in drawn]
    return found


@pytest.fixture(scope="module", params=[1, 2])
def now(request):
    threads = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield described()
    torch.set_num_threads(threads)


def test_the_keys(now):
    assert now["keys"] == STORED["keys"]


def test_the_weights(now):
    """In double precision: what another C library rounds differently is left out of account."""
    assert now["weights"].keys() == STORED["weights"].keys()
    for entry, weights in STORED["weights"].items():
        assert now["weights"][entry] == pytest.approx(weights, rel=1e-12, abs=1e-15), entry


def test_the_numbers(now):
    """To the rounding of float32: sums of a hundred terms, a few of which are above 10."""
    assert now["numbers"].keys() == STORED["numbers"].keys()
    for name, numbers in STORED["numbers"].items():
        assert len(numbers) == len(now["numbers"][name]) and all(map(math.isfinite, numbers))
        assert now["numbers"][name] == pytest.approx(numbers, rel=1e-5, abs=1e-5), name


def test_every_bit(now):
    """Where logarithm, sine and cosine round as they did where the numbers were stored."""
    if arithmetic() not in STORED["digests"]:
        pytest.skip("numpy's float32 functions round differently here")
    assert now["digests"][arithmetic()] == STORED["digests"][arithmetic()]


if __name__ == "__main__":
    FILE.write_text(json.dumps(described(), indent=1) + "\n")
