"""What a Gaussian is called, and its key: 64 bits that follow from the name and from the image (docs/noise.md, 6)."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

# What a key is for. A Gaussian is named by its purpose and numbers: (CELL, 3) is that of cell 3.
IMAGE = "image"  # seed, index: all Gaussians of an image
CELL = "cell"  # number: the increment over a cell
NODE = "node"  # position: the value in the middle of an interval of the tree, given those at its ends
REST = "rest"  # lambda at its start: an increment that ends at sigma 0
INTERVAL = "interval"  # lambda at both ends: an increment too short for any lattice
BRIDGES = "bridges"  # both ends: what an integral has beyond the values at the ends of its pieces
LATENT = "latent"  # seed: the generator of an initial latent (demo/draw.py), which no path uses
PURPOSES = (IMAGE, CELL, NODE, REST, INTERVAL, BRIDGES, LATENT)

Name = tuple[str | int | float, ...]  # a purpose and its numbers
Keys = npt.NDArray[np.uint32]  # (names, 2, images): the lower and the upper half of each 64-bit key


def key_of(*name: str | int | float) -> int:
    """64 bits from a purpose and plain Python numbers: neighbouring numbers and other purposes are unrelated."""
    purpose, *numbers = name
    if purpose not in PURPOSES:
        raise ValueError(f"purpose: {purpose!r}; expected one of {', '.join(map(repr, PURPOSES))}")
    text = " ".join(["seeds-samplers", str(purpose), *map(repr, numbers)]).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def key_pairs(names: Iterable[int], images: Sequence[int]) -> Keys:
    """The two halves of the key of each name in each image, from the 64-bit keys of both: (names, 2, images)."""
    of_names, of_images = (np.array([*keys], dtype=np.uint64) for keys in (names, images))
    mixed = of_names[:, None] ^ of_images
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # the last steps of splitmix64
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return np.stack([mixed & np.uint64(0xFFFFFFFF), mixed >> np.uint64(32)], axis=1).astype(np.uint32)
