"""The noise path of each image, seeded from what a pipeline has: generators, or the latents that it starts from."""

import hashlib
from collections import Counter

import torch

from ..sampling import NoisePath


def _number(data):
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def of_generator(generator):
    """A seed from where the generator is now. Nothing is drawn from it; where it is further on, the seed is another."""
    return _number(generator.get_state().numpy().tobytes())


def of_generators(generators):
    """An int for one generator, a list for a list; of a list of one, as diffusers takes it, that of the one."""
    if isinstance(generators, torch.Generator):
        return of_generator(generators)
    seeds = [of_generator(generator) for generator in generators]
    return seeds[0] if len(seeds) == 1 else seeds


def of_latents(latents):
    """(seeds, indices) of images (B, ...) from their own numbers; images that are equal are told apart by the index.

    Reads the latents from their device.
    """
    rows = latents.detach().flatten(1).cpu().contiguous().view(torch.uint8).numpy()
    seeds, seen, indices = [_number(row.tobytes()) for row in rows], Counter(), []
    for seed in seeds:
        indices.append(seen[seed])
        seen[seed] += 1
    return seeds, indices


def noise_of(sample, seed, generator, noise_device):
    """The noise of the images of a run: of the seed, if there is one, else of the generators, else of the latents."""
    indices = None
    if seed is None and generator is not None:
        seed = of_generators(generator)
    elif seed is None:
        seed, indices = of_latents(sample)
    return NoisePath(sample, seed, indices=indices, noise_device=noise_device)
