"""The hash and the Gaussians of gaussians.py in Triton, for kernels that draw noise themselves. Importing needs Triton.

docs/noise.md, section 6, has the steps of all three side by side.
"""

import triton
import triton.language as tl

from . import gaussians

FIRST, SECOND = tl.constexpr(gaussians.FIRST), tl.constexpr(gaussians.SECOND)
STEP, ANGLE = tl.constexpr(gaussians.STEP), tl.constexpr(gaussians.ANGLE)


@triton.jit
def hashed(place):
    """gaussians.hashed_places."""
    bits = place.to(tl.uint32)
    bits = (bits ^ (bits >> 16)) * FIRST
    bits = (bits ^ (bits >> 15)) * SECOND
    return bits ^ (bits >> 16)


@triton.jit
def keyed(place, low, high):
    """gaussians.numpy_words: the words of a hashed place under the halves of a key."""
    bits = (place ^ low) * FIRST
    bits = ((bits ^ (bits >> 15)) + high) * SECOND
    return bits ^ (bits >> 16)


@triton.jit
def normals(keys, weights, begin, end, image, images, pair, half):
    """The sums of the weighted Gaussians begin to end of an image: of the pairs' first places and of their second."""
    place, other = hashed(pair), hashed(pair + half)
    first = tl.zeros(pair.shape, tl.float32)
    second = tl.zeros(pair.shape, tl.float32)
    for name in range(begin, end):
        low = tl.load(keys + 2 * name * images + image).to(tl.uint32, bitcast=True)
        high = tl.load(keys + (2 * name + 1) * images + image).to(tl.uint32, bitcast=True)
        uniform = (keyed(place, low, high) & 0x7FFFFFFF).to(tl.int32, bitcast=True).to(tl.float32)
        angle = keyed(other, low, high).to(tl.int32, bitcast=True).to(tl.float32) * ANGLE
        radius = tl.load(weights + name) * tl.sqrt(-2.0 * tl.log((uniform + 0.5) * STEP))
        first += radius * tl.cos(angle)
        second += radius * tl.sin(angle)
    return first, second
