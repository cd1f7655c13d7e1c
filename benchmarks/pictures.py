"""Real pictures, a few hundred of a kind, of which the sharp mixtures are made; nothing is downloaded.

A kind is pictures (K, channels, height, width), centred and of standard deviation 1 over all pixels, and labels (K,).
"""

import numpy as np
import torch

from seeds_samplers.demo.evaluate import rendered
from seeds_samplers.demo.glyphs import LUMA


def standard(pictures, labels):
    pictures = torch.as_tensor(np.ascontiguousarray(pictures), dtype=torch.float32)
    pictures = pictures - pictures.mean(0)
    return pictures / pictures.square().mean().sqrt(), torch.as_tensor(labels, dtype=torch.int64)


def digits(count=890):
    """scikit-learn's handwritten digits, 8 x 8; labels: the digit."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return standard(found.images[:count, None], found.target[:count])


def _patch(image, size, scale, random):
    row, column = (random.integers(0, length - scale * size) for length in image.shape[:2])
    patch = image[row : row + scale * size, column : column + scale * size].astype(float)
    return patch.reshape(size, scale, size, scale, 3).mean((1, 3)).transpose(2, 0, 1)


def patches(size=6, scales=(1, 2, 4), count=800, colour=False, clusters=8, seed=3):
    """Patches of scikit-learn's two photographs, shrunk by one of the scales; labels: clusters of them."""
    from sklearn.cluster import KMeans
    from sklearn.datasets import load_sample_images

    random, images = np.random.default_rng(seed), load_sample_images().images
    found = np.stack([_patch(images[k % len(images)], size, random.choice(scales), random) for k in range(count)])
    if not colour:
        found = np.einsum("c,kchw->khw", LUMA, found)[:, None]
    labels = KMeans(clusters, n_init=3, random_state=0).fit_predict(found.reshape(count, -1))
    return standard(found, labels)


def glyphs(count=900):
    """The demo's rendered letters and digits, in grey, 8 x 8; labels: the glyph."""
    pictures, labels = rendered(count)
    grey = torch.einsum("c,kchw->khw", torch.tensor(LUMA), pictures)[:, None]
    return standard(torch.nn.functional.avg_pool2d(grey, 4), labels)


KINDS = {
    "digits": digits,
    "patches": patches,
    "colour patches": lambda: patches(8, (2, 4, 8), 700, colour=True),
    "glyphs": glyphs,
}
