"""Gaussian numbers as a pure function of a key and a place: counter-based, so that no draw depends on another.

An integer hash of the place takes in the two halves of a 64-bit key on its way; Box and Muller's transform makes two
Gaussians of two such numbers. Multipliers and shifts are C. Wellons' (hash-prospector, public domain): lowbias32 for
the places, its steps again for the keys. On the CPU it is numpy (whose float32 functions are faster than torch's) in
slices that fit a core's cache, on other devices torch: the same bits, and the same numbers to rounding.
"""

import hashlib
import math
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import torch

FIRST, SECOND = 0x7FEB352D, 0x846CA68B  # with shifts by 16, 15, 16
PAIRS = 1 << 15  # of a slice: long enough for numpy, and the temporaries still fit a core's cache
PAIRS_OF_MANY = 1 << 17  # with several threads: they wait for each other between numpy's calls, so these are longer
MOST_WORKERS = 4
STEP, ANGLE = 2.0**-31, math.pi * 2.0**-31


def key_of(purpose, *numbers):
    """64 bits from a name and numbers: neighbouring numbers and other purposes are unrelated."""
    text = " ".join(["seeds-samplers", purpose, *map(repr, numbers)]).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def key_pairs(names, images):
    """The two halves of the key of each name in each image, from 64-bit keys: (names, 2, images) uint32."""
    names, images = (np.array(keys, dtype=np.uint64) for keys in (names, images))
    mixed = names[:, None] ^ images
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # the last steps of splitmix64
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return np.stack([mixed & np.uint64(0xFFFFFFFF), mixed >> np.uint64(32)], axis=1).astype(np.uint32)


def send(tensor, device):
    """A CPU tensor on a device. From pinned memory where that lets the host go on, which only CUDA is known to do."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def place_bits(half):
    """The hashed places of an image's pairs, (2, half) uint32."""
    bits = np.arange(2 * half, dtype=np.uint32)
    for shift, factor in ((16, FIRST), (15, SECOND)):
        bits ^= bits >> np.uint32(shift)
        bits *= np.uint32(factor)
    bits ^= bits >> np.uint32(16)
    return bits.reshape(2, half)


class _Worker:
    """The temporaries of one thread, for slices of up to `size` numbers."""

    def __init__(self, size):
        self.bits, self.more = (np.empty(size, np.uint32) for _ in range(2))
        self.uniform = np.empty(size, np.float32)

    def like(self, array):
        """Room in the layout of `array`."""
        order = np.argsort(array.strides)[::-1]
        return self.uniform[: array.size].reshape(np.take(array.shape, order)).transpose(np.argsort(order))

    def draw(self, target, keys, weights, places):
        """Write the sum of the normals of keys (names, 2, images) times weights (names,) to target (images, 2, count).

        places: (2, count), hashed.
        """
        if target.strides[0] < target.strides[2]:
            result, places = target.transpose(1, 2, 0), places[:, :, None]
        else:
            result, places, keys = target.transpose(1, 0, 2), places[:, None], keys[..., None]
        result.fill(0)
        rooms = (self.bits, self.more, self.uniform)
        bits, more, uniform = (room[: result.size].reshape(result.shape) for room in rooms)
        normal, (radius, angle) = more.view(np.float32), uniform
        for (low, high), weight in zip(keys, weights.astype(np.float32), strict=True):
            np.multiply(np.bitwise_xor(places, low, out=bits), np.uint32(FIRST), out=bits)
            np.bitwise_xor(bits, np.right_shift(bits, np.uint32(15), out=more), out=bits)
            np.multiply(np.add(bits, high, out=bits), np.uint32(SECOND), out=bits)
            np.bitwise_xor(bits, np.right_shift(bits, np.uint32(16), out=more), out=bits)
            np.bitwise_and(bits[0], np.uint32(0x7FFFFFFF), out=bits[0])
            np.copyto(uniform, bits.view(np.int32), casting="same_kind")
            np.multiply(np.add(radius, np.float32(0.5), out=radius), np.float32(STEP), out=radius)
            np.multiply(np.log(radius, out=radius), -2 * weight * weight, out=radius)
            np.multiply(angle, np.float32(ANGLE), out=angle)
            np.cos(angle, out=normal[0])
            np.sin(angle, out=normal[1])
            np.multiply(normal, np.sqrt(radius, out=radius), out=normal)
            (np.subtract if weight < 0 else np.add)(result, normal, out=result)


def _on_cpu(drawn, factors, places):
    result = np.zeros_like(factors[0][1].numpy())  # not torch's zeros: its threads would spin in the way of ours
    images, _, half = result.shape
    workers = min(MOST_WORKERS, torch.get_num_threads(), images * half // PAIRS_OF_MANY) or 1
    size = PAIRS if workers == 1 else min(PAIRS_OF_MANY, -(-images * half // workers))
    inner = min(size, max(images, half))  # whole rows of the axis that comes last in memory, if they fit
    rows, columns = (inner, size // inner) if images > half else (size // inner, inner)
    slices = list(product(range(0, images, rows), range(0, half, columns)))

    def work(number):
        worker = _Worker(2 * min(rows, images) * min(columns, half))
        for i, j in slices[number::workers]:
            here = slice(i, i + rows), slice(None), slice(j, j + columns)
            total = result[here]
            for tensor, keys, weights in drawn:
                worker.draw(tensor.numpy()[here], keys[:, :, here[0]], weights, places[:, here[2]])
            scaled = worker.like(total)
            for factor, tensor in factors:
                np.add(total, np.multiply(tensor.numpy()[here], np.float32(factor), out=scaled), out=total)

    if workers == 1:
        work(0)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, range(workers)))
    return torch.from_numpy(result)


def _signed(number):
    return number - (number >> 31 << 32)


def _on_device(drawn, factors, places):
    for total, keys, weights in drawn:
        halves = send(torch.from_numpy(keys.view(np.int32)), total.device)[..., None]
        total.zero_()
        for (low, high), weight in zip(halves, weights.tolist(), strict=True):
            bits = (places[:, None] ^ low) * _signed(FIRST)
            bits ^= bits >> 15 & 0x1FFFF
            bits = (bits + high) * _signed(SECOND)
            bits ^= bits >> 16 & 0xFFFF
            radius = (bits[0] & 0x7FFFFFFF).to(torch.float32).add_(0.5).mul_(STEP)
            radius = radius.log_().mul_(-2 * weight * weight).sqrt_()
            angle = bits[1].to(torch.float32).mul_(ANGLE)
            for part, function in enumerate((torch.cos, torch.sin)):
                total[:, part].add_(function(angle).mul_(radius), alpha=math.copysign(1, weight))
    return sum(tensor * factor for factor, tensor in factors)


class Normals:
    """Sums of Gaussians for images of 2 * half numbers each, on a device; tensors are (images, 2, half) float32."""

    def __init__(self, half, device):
        self.half, self.device, self.on_cpu = half, device, device.type == "cpu"
        places = place_bits(half)
        self.places = places if self.on_cpu else send(torch.from_numpy(places.view(np.int32)), device)

    def empty(self, images):
        """A tensor to fill. The longer axis comes last in memory, so that many small images are as quick as a large."""
        if images > self.half:
            return torch.empty(2, self.half, images, dtype=torch.float32, device=self.device).permute(2, 0, 1)
        return torch.empty(images, 2, self.half, dtype=torch.float32, device=self.device)

    def combine(self, drawn, factors):
        """Fill tensors with weighted sums of Gaussians, then return the sum of factor * tensor over `factors`.

        drawn: (tensor, keys from key_pairs, weights (names,)) each. A tensor's pairs [:, :, j] are drawn together.
        """
        if not factors[0][1].numel():
            return torch.zeros_like(factors[0][1])
        return (_on_cpu if self.on_cpu else _on_device)(drawn, factors, self.places)
