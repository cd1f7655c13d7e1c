"""Weighted sums of Gaussians: with numpy, in slices for several threads, on the CPU; with torch on other devices.

numpy's float32 functions are faster than torch's, and its slices fit a core's cache.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import torch

from .gaussians import Drawn, Factors, Scratch, Words, hashed_places, send, torch_sums

PAIRS = 1 << 15  # of a slice: long enough for numpy, and the temporaries still fit a core's cache
PAIRS_OF_MANY = 1 << 17  # with several threads: they wait for each other between numpy's calls, so these are longer
MOST_WORKERS = 4


def _slices(images: int, half: int, size: int) -> tuple[int, int, list[tuple[int, int]]]:
    """Images and pairs of a slice of up to `size` pairs, and where each slice begins."""
    inner = min(size, max(images, half))  # whole rows of the axis that comes last in memory, if they fit
    rows, columns = (inner, size // inner) if images > half else (size // inner, inner)
    return rows, columns, list(product(range(0, images, rows), range(0, half, columns)))


def numpy_sums(drawn: Drawn, factors: Factors, places: Words) -> torch.Tensor:
    """`GaussianSums.combine` on the CPU. places: hashed, (2, half)."""
    result = np.zeros_like(factors[0][1].numpy())  # not torch's zeros: its threads would spin in the way of ours
    images, _, half = result.shape
    workers = min(MOST_WORKERS, torch.get_num_threads(), images * half // PAIRS_OF_MANY) or 1
    size = PAIRS if workers == 1 else min(PAIRS_OF_MANY, -(-images * half // workers))
    rows, columns, slices = _slices(images, half, size)

    def work(number: int) -> None:
        scratch = Scratch(2 * min(rows, images) * min(columns, half))
        for i, j in slices[number::workers]:
            here = slice(i, i + rows), slice(None), slice(j, j + columns)
            total = result[here]
            for tensor, keys, weights in drawn:
                scratch.fill(tensor.numpy()[here], keys[:, :, here[0]], weights, places[:, here[2]])
            scaled = scratch.like(total)
            for factor, tensor in factors:
                np.add(total, np.multiply(tensor.numpy()[here], np.float32(factor), out=scaled), out=total)

    if workers == 1:
        work(0)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, range(workers)))
    return torch.from_numpy(result)


class GaussianSums:
    """Sums of Gaussians for images of 2 * half numbers each, on a device; tensors are (images, 2, half) float32."""

    def __init__(self, half: int, device: torch.device) -> None:
        self.half, self.device, places = half, device, hashed_places(half)
        self.places: Words | torch.Tensor = places
        if device.type != "cpu":
            self.places = send(torch.from_numpy(places.view(np.int32)), device)

    def empty(self, images: int) -> torch.Tensor:
        """A tensor to fill. The longer axis comes last in memory, so that many small images are as quick as a large."""
        if images > self.half:
            return torch.empty(2, self.half, images, dtype=torch.float32, device=self.device).permute(2, 0, 1)
        return torch.empty(images, 2, self.half, dtype=torch.float32, device=self.device)

    def combine(self, drawn: Drawn, factors: Factors) -> torch.Tensor:
        """Fill tensors with weighted sums of Gaussians, then return the sum of factor * tensor over `factors`.

        drawn: (tensor, keys from key_pairs, weights (names,)) each. A tensor's pairs [:, :, j] are drawn together.
        """
        if not factors[0][1].numel():
            return torch.zeros_like(factors[0][1])
        if isinstance(self.places, torch.Tensor):
            return torch_sums(drawn, factors, self.places)
        return numpy_sums(drawn, factors, self.places)
