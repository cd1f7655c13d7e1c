"""Gaussian numbers as a pure function of a key and a place: counter-based, so that no draw depends on another.

An integer hash of the place takes in the two halves of a 64-bit key on its way; Box and Muller's transform makes two
Gaussians of two such words. Multipliers and shifts are C. Wellons' (hash-prospector, public domain): lowbias32 for the
places, its steps again for the keys. docs/noise.md, section 6, has the steps of numpy, torch and Triton (kernel.py)
side by side: the same words in all three, and the same Gaussians to rounding.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from .keys import Keys

FIRST, SECOND = 0x7FEB352D, 0x846CA68B  # with shifts by 16, 15, 16
STEP, ANGLE = 2.0**-31, math.pi * 2.0**-31

Words = npt.NDArray[np.uint32]
Drawn = Sequence[tuple[torch.Tensor, Keys, np.ndarray]]  # what to fill, and the keys and weights of its Gaussians
Factors = Sequence[tuple[float, torch.Tensor]]


def hashed_places(half: int) -> Words:
    """The hashed places of an image's pairs, (2, half): place j is paired with place j + half."""
    words = np.arange(2 * half, dtype=np.uint32)
    words ^= words >> 16
    words *= np.uint32(FIRST)
    words ^= words >> 15
    words *= np.uint32(SECOND)
    words ^= words >> 16
    return words.reshape(2, half)


def numpy_words(places: Words, low: Words, high: Words, out: Words, spare: Words) -> Words:
    """The words of hashed places under the halves of a key, in `out`; `spare` is overwritten."""
    words = np.bitwise_xor(places, low, out=out)
    words *= np.uint32(FIRST)
    words ^= np.right_shift(words, np.uint32(15), out=spare)
    words += high
    words *= np.uint32(SECOND)
    words ^= np.right_shift(words, np.uint32(16), out=spare)
    return words


def torch_words(places: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """`numpy_words` in int32, which wraps around as uint32 does, but shifts copies of its sign in: they are masked."""
    words = (places ^ low) * _signed(FIRST)
    words ^= words >> 15 & 0x1FFFF
    words = (words + high) * _signed(SECOND)
    words ^= words >> 16 & 0xFFFF
    return words


def _signed(number: int) -> int:
    return number - (number >> 31 << 32)


class Scratch:
    """The arrays of one thread for slices of up to `size` numbers; they fit a core's cache, and are used again."""

    def __init__(self, size: int) -> None:
        self.words, self.spare = (np.empty(size, np.uint32) for _ in range(2))
        self.floats = np.empty(size, np.float32)

    def like(self, array: np.ndarray) -> np.ndarray:
        """`floats` in the shape and in the layout of `array`."""
        order = np.argsort(array.strides)[::-1]
        return self.floats[: array.size].reshape(np.take(array.shape, order)).transpose(np.argsort(order))

    def shaped(self, shape: tuple[int, ...]) -> tuple[Words, Words, np.ndarray]:
        """words, spare and floats in this shape."""
        size = math.prod(shape)
        words, spare = (room[:size].reshape(shape) for room in (self.words, self.spare))
        return words, spare, self.floats[:size].reshape(shape)

    def fill(self, target: np.ndarray, keys: Keys, weights: np.ndarray, places: Words) -> None:
        """Write a sum of weighted Gaussians to `target` (images, 2, count).

        keys: (names, 2, images). weights: (names,). places: (2, count), hashed.
        """
        if target.strides[0] < target.strides[2]:  # the images come last in memory
            total, places = target.transpose(1, 2, 0), places[:, :, None]
        else:
            total, places, keys = target.transpose(1, 0, 2), places[:, None], keys[..., None]
        words, spare, floats = self.shaped(total.shape)
        total.fill(0)
        for (low, high), weight in zip(keys, weights.astype(np.float32), strict=True):
            numpy_words(places, low, high, words, spare)
            normal = numpy_normal(words, weight, floats, spare)
            (np.subtract if weight < 0 else np.add)(total, normal, out=total)


def numpy_normal(words: Words, weight: np.float32, floats: np.ndarray, spare: Words) -> np.ndarray:
    """Gaussians of standard deviation |weight| (equation 17), in the memory of `spare`; all arguments are overwritten.

    The first axis of each array holds the two partners of a pair: the first's word gives the radius, the second's the
    angle.
    """
    of_radius = words[0]
    of_radius &= np.uint32(0x7FFFFFFF)
    np.copyto(floats, words.view(np.int32), casting="same_kind")
    radius, angle = floats
    radius += np.float32(0.5)
    radius *= np.float32(STEP)
    np.log(radius, out=radius)
    radius *= -2 * weight * weight
    np.sqrt(radius, out=radius)
    angle *= np.float32(ANGLE)
    normal = spare.view(np.float32)
    np.cos(angle, out=normal[0])
    np.sin(angle, out=normal[1])
    normal *= radius
    return normal


def torch_sums(drawn: Drawn, factors: Factors, places: torch.Tensor) -> torch.Tensor:
    """`GaussianSums.combine` with torch's operations, on the places' device. places: hashed, (2, half) int32."""
    for total, keys, weights in drawn:
        halves = send(torch.from_numpy(keys.view(np.int32)), total.device)[..., None]
        total.zero_()
        for (low, high), weight in zip(halves, weights.tolist(), strict=True):
            words = torch_words(places[:, None], low, high)
            radius = (words[0] & 0x7FFFFFFF).to(torch.float32).add_(0.5).mul_(STEP)
            radius = radius.log_().mul_(-2 * weight * weight).sqrt_()
            angle = words[1].to(torch.float32).mul_(ANGLE)
            for part, function in enumerate((torch.cos, torch.sin)):
                total[:, part].add_(function(angle).mul_(radius), alpha=math.copysign(1, weight))
    return torch.as_tensor(sum(tensor * factor for factor, tensor in factors))


def send(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A CPU tensor on a device. From pinned memory where that lets the host go on, which only CUDA is known to do."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
