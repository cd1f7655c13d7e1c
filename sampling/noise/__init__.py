"""The noise of each image: one Brownian path, a function of (seed, image, noise level) and nothing else.

docs/noise.md derives it, and its equations have the numbers that comments here cite. seeds.py reads seeds, keys.py
names Gaussians, gaussians.py draws them, clock.py knows the law of a path, brownian.py and integral.py say which
weights on which Gaussians make up a path, increments.py puts these together, path.py is what users see. kernel.py draws
the same Gaussians in Triton.
"""

from .path import NOISE_DEVICES, NoisePath

__all__ = ["NOISE_DEVICES", "NoisePath"]
