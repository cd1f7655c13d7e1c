"""The kernel of fused.py. Importing this needs Triton."""

import triton
import triton.language as tl

from . import normals as of_cpu

FIRST, SECOND = tl.constexpr(of_cpu.FIRST), tl.constexpr(of_cpu.SECOND)
STEP, ANGLE = tl.constexpr(of_cpu.STEP), tl.constexpr(of_cpu.ANGLE)


@triton.jit
def hashed(place):
    """normals.place_bits."""
    bits = place.to(tl.uint32)
    bits = (bits ^ (bits >> 16)) * FIRST
    bits = (bits ^ (bits >> 15)) * SECOND
    return bits ^ (bits >> 16)


@triton.jit
def keyed(place, low, high):
    """The bits of a hashed place under the halves of a key."""
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


@triton.jit
def point(to, at, mask, x, a, denoised, b, noise, KNOWN: tl.constexpr):
    """Write a x + b denoised + noise to a point, added to the terms known of it."""
    value = noise
    if KNOWN:
        value += tl.load(to + at, mask=mask, other=0.0)
    value += tl.where(a != 0, x * a, 0.0)  # what is not finite in a term without weight does not spread
    value += tl.where(b != 0, denoised * b, 0.0)
    tl.store(to + at, value, mask=mask)


@triton.jit(do_not_specialize=["begin", "end"])  # they change from stage to stage
def advance(
    x, denoised, keys, weights, begin, end, size, half, images, deviation,
    to_0, a_0, b_0, to_1, a_1, b_1, to_2, a_2, b_2,
    POINTS: tl.constexpr, KNOWN: tl.constexpr, DRAWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """A stage of solver.py for BLOCK pairs of numbers of one image."""
    blocks = tl.cdiv(half, BLOCK)
    image = tl.program_id(0) // blocks
    pair = (tl.program_id(0) % blocks) * BLOCK + tl.arange(0, BLOCK)
    none = tl.zeros(pair.shape, tl.float32)
    first, second = none, none
    if DRAWS:
        first, second = normals(keys, weights, begin, end, image, images, pair, half)
    for part in tl.static_range(2):
        place = pair + part * half
        mask = (pair < half) & (place < size)
        at = image.to(tl.int64) * size + place
        value = tl.load(x + at, mask=mask, other=0.0).to(tl.float32)
        result = tl.load(denoised + at, mask=mask, other=0.0).to(tl.float32)
        added = first if part == 0 else second
        point(to_0, at, mask, value, a_0, result, b_0, deviation * added, KNOWN > 0)
        if POINTS > 1:
            point(to_1, at, mask, value, a_1, result, b_1, none, KNOWN > 1)
        if POINTS > 2:
            point(to_2, at, mask, value, a_2, result, b_2, none, KNOWN > 2)
