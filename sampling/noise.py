"""The noise of each image: a generator of its own, keyed by (seed, image), independent of the batch around it.

A sampler asks for the unit normal of an interval of noise levels, in the order of the run. The streams are not those of
torch.manual_seed(seed): a host draws the initial latent from those.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch

from .checks import as_int, choice

NOISE_DEVICES = ("cpu", "gpu")


def image_keys(seed, batch):
    """A key (seed, index) for each of `batch` images.

    seed: an int, image i gets (seed, i); a sequence of ints, image i gets (seed[i], 0); None, a seed from torch's
    global generator. Seeds count modulo 2^64. ValueError for anything else, or a sequence of another length.
    """
    if seed is None:
        seed = torch.randint(0, 2**63 - 1, (), dtype=torch.int64).item()
    one = as_int(seed)
    if one is not None:
        return [(one % 2**64, i) for i in range(batch)]
    several = isinstance(seed, (Sequence, np.ndarray, torch.Tensor)) and not isinstance(seed, (str, bytes))
    seeds = [as_int(value) for value in seed] if several and np.ndim(seed) == 1 else [None]
    if None in seeds:
        raise ValueError(f"seed: {seed!r}; expected a whole number or one for each image")
    if len(seeds) != batch:
        raise ValueError(f"seed: a sequence of {len(seeds)}; expected one seed for each of the {batch} images")
    return [(value % 2**64, 0) for value in seeds]


def generator_of(purpose, seed, index, device="cpu"):
    """A torch.Generator for one image, from a hash, so that neighbouring keys and other purposes are unrelated."""
    text = f"seeds-samplers {purpose} {seed} {index}".encode()
    stream = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
    return torch.Generator(device).manual_seed(stream)


class ImageNoise:
    """noise_sampler(sigma, sigma_next) -> unit normals like x, one generator for each image.

    x (B, ...): gives shape, dtype and device. seed: see image_keys. noise_device: "cpu" draws there and moves the
    numbers, so that every device gets the same; "gpu" draws on x's device. Drawn in float32 whatever x's dtype, so that
    every dtype gets the same too.
    """

    def __init__(self, x, seed=None, *, noise_device="cpu"):
        self.shape, self.device = x.shape, x.device
        self.source = x.device if choice("noise_device", noise_device, NOISE_DEVICES) == "gpu" else torch.device("cpu")
        self.generators = [generator_of("noise", *key, self.source) for key in image_keys(seed, x.shape[0])]

    def __call__(self, sigma, sigma_next):
        noise = torch.empty(self.shape, dtype=torch.float32, device=self.source)
        for image, generator in zip(noise, self.generators, strict=True):
            image.normal_(generator=generator)
        return noise.to(self.device, non_blocking=self.device.type == "cuda")  # elsewhere that is not safe
