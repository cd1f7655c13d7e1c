"""A kernel that writes the places and words of kernel.py, for test_noise_hash.py. Importing this needs Triton."""

import triton
import triton.language as tl

from seeds_samplers.sampling.noise.kernel import hashed, keyed


@triton.jit
def write(low, high, places, words, size, BLOCK: tl.constexpr):
    """Of the key number program_id, at `size` places."""
    key = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    place = hashed(at)
    of_key = tl.load(low + key).to(tl.uint32, bitcast=True), tl.load(high + key).to(tl.uint32, bitcast=True)
    word = keyed(place, of_key[0], of_key[1])
    tl.store(places + at, place.to(tl.int32, bitcast=True), mask=at < size)
    tl.store(words + key * size + at, word.to(tl.int32, bitcast=True), mask=at < size)
