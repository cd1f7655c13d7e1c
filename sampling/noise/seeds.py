"""Seeds as users give them, checked, and the key (seed, index) of each image that follows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..checks import as_int, number

ImageKey = tuple[int, int]  # seed modulo 2^64, index


def whole_numbers(name: str, values: Any, batch: int, expected: str) -> list[int]:
    """A list of `batch` ints from a sequence of them; ValueError for anything else."""
    one_axis = getattr(values, "ndim", 1) == 1 and isinstance(values, (Sequence, np.ndarray, torch.Tensor))
    given = [as_int(value) for value in values] if one_axis and not isinstance(values, (str, bytes)) else [None]
    numbers = [value for value in given if value is not None]
    if len(numbers) != len(given):
        raise ValueError(f"{name}: {values!r}; expected {expected}")
    if len(numbers) != batch:
        raise ValueError(f"{name}: a sequence of {len(numbers)}; expected one for each of the {batch} images")
    return numbers


def image_keys(seed: Any, batch: int, indices: Any = None, name: str = "seed") -> list[ImageKey]:
    """A key (seed, index) for each of `batch` images.

    seed: an int, image i gets (seed, i); a sequence of ints, image i gets (seed[i], 0); None, a seed from torch's
    global generator. Seeds count modulo 2^64. indices: a whole number for each image, in place of i or 0. ValueError
    for anything else, or a sequence of another length, calls the seed `name`.
    """
    if seed is None:
        seed = torch.randint(0, 2**63 - 1, (), dtype=torch.int64, device="cpu").item()
    one = as_int(seed) if getattr(seed, "ndim", 0) == 0 else None
    if one is not None:
        seeds, numbers = [one] * batch, list(range(batch))
    else:
        seeds = whole_numbers(name, seed, batch, "a whole number, one for each image, or None")
        numbers = [0] * batch
    if indices is not None:
        numbers = whole_numbers("indices", indices, batch, "a sequence of whole numbers")
    return [(value % 2**64, index) for value, index in zip(seeds, numbers, strict=True)]


@dataclass(frozen=True)
class Mixture:
    """The paths that each image's path is mixed from, by their keys: one or, in a variation, two."""

    weights: tuple[float, ...]
    keys: tuple[list[ImageKey], ...]

    def corrections(self) -> list[float] | None:
        """A factor for each image, so that a path mixed with itself is that path; None where no image needs one."""
        if len(self.keys) < 2:
            return None
        same = [key == other for key, other in zip(*self.keys, strict=True)]
        return [1 / sum(self.weights) if one else 1.0 for one in same] if any(same) else None


def mixture(seed: Any, batch: int, indices: Any, variation_seed: Any, variation_strength: float) -> Mixture:
    """The checked seeds of NoisePath. The angle strength * pi / 2 keeps the variance: cos^2 + sin^2 = 1."""
    strength = number("variation_strength", variation_strength, least=0, most=1)
    keys = image_keys(seed, batch, indices)
    if not strength:
        return Mixture((1.0,), (keys,))
    if variation_seed is None:
        raise ValueError(f"variation_seed: None; expected a seed for variation_strength {strength}")
    weights = math.cos(strength * math.pi / 2), math.sin(strength * math.pi / 2)
    return Mixture(weights, (keys, image_keys(variation_seed, batch, indices, "variation_seed")))
