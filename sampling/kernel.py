"""The kernel of fused.py. Importing this needs Triton."""

import triton
import triton.language as tl

from .noise.kernel import normals


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
    """A stage of stepper.py for BLOCK pairs of numbers of one image."""
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
