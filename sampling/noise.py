"""The noise of each image: one Brownian path, a function of (seed, image, noise level) and nothing else.

So an image does not change with the batch around it, more steps refine it, a run may be split, and every device draws
the same. The keys have nothing in common with the streams of torch.manual_seed, from which hosts draw the latent.
"""

import copy
import math
from collections.abc import Sequence

import numpy as np
import torch

from .brownian import UNIT, path_clock, positions
from .checks import as_int, choice, latent, number
from .normals import key_of, key_pairs, send
from .paths import Paths
from .prediction import prediction_of
from .schedule import noise_schedule_of

NOISE_DEVICES = ("cpu", "gpu")


def whole_numbers(name, values, batch, expected):
    """A list of `batch` ints from a sequence of them; ValueError for anything else."""
    one_axis = getattr(values, "ndim", 1) == 1 and isinstance(values, (Sequence, np.ndarray, torch.Tensor))
    numbers = [as_int(value) for value in values] if one_axis and not isinstance(values, (str, bytes)) else [None]
    if None in numbers:
        raise ValueError(f"{name}: {values!r}; expected {expected}")
    if len(numbers) != batch:
        raise ValueError(f"{name}: a sequence of {len(numbers)}; expected one for each of the {batch} images")
    return numbers


def image_keys(seed, batch, indices=None, name="seed"):
    """A key (seed, index) for each of `batch` images.

    seed: an int, image i gets (seed, i); a sequence of ints, image i gets (seed[i], 0); None, a seed from torch's
    global generator. Seeds count modulo 2^64. indices: a whole number for each image, in place of i or 0. ValueError
    for anything else, or a sequence of another length, calls the seed `name`.
    """
    if seed is None:
        seed = torch.randint(0, 2**63 - 1, (), dtype=torch.int64, device="cpu").item()
    one = as_int(seed) if getattr(seed, "ndim", 0) == 0 else None
    seeds = (
        [one] * batch
        if one is not None
        else whole_numbers(name, seed, batch, "a whole number, one for each image, or None")
    )
    if indices is not None:
        indices = whole_numbers("indices", indices, batch, "a sequence of whole numbers")
    else:
        indices = range(batch) if one is not None else [0] * batch
    return [(value % 2**64, index) for value, index in zip(seeds, indices, strict=True)]


class NoisePath:
    """noise_sampler(sigma, sigma_next) -> unit normals like x, the increments of one Brownian path for each image.

    Args:
        x: (B, ...) floating point; gives shape, dtype and device.
        seed: an int (image i of the batch has the key (seed, i)), an int for each image (the keys are (seed[i], 0)), or
            None, a seed from torch's global generator. Seeds count modulo 2^64. The same key, and the same size of an
            image, give the same path in any batch.
        indices: a whole number for each image, to stand in the key for i or 0: for an image of a batch drawn alone.
        noise_device: "cpu" draws there and moves the numbers; "gpu" draws on x's device: the same, to rounding.
        variation_seed, variation_strength: mixes the path of that seed (keys as for `seed`) in, by the angle
            strength * pi / 2: 0 is the path of `seed`, 1 that of variation_seed, any strength in between as Gaussian.
        prediction, eta, sigma_data: the variance of the path grows as that of the noise that a sampler with these
            options adds (SEEDS, arXiv 2305.14267; prediction.py), so that its increments add up to those of longer
            intervals, weighted by the standard deviations of that noise. For k-diffusion's samplers the defaults are
            right. Our samplers set their own. An eta above 16 counts as 16 here.
        noise_schedule: what sigma means, "karras" or "flow".

    Every increment is exactly Gaussian. Intervals that do not overlap are independent where both are 1/16 in lambda or
    longer, or both shorter than that and longer than 1/256; of different lengths, ends are rounded differently, by up
    to 2^-11 in lambda (brownian.py says how much correlation that can make). An interval may be asked for in any order,
    and from its end to its start (the negative). One that ends at sigma 0 has a Gaussian of its own, unrelated to the
    rest of the path. ValueError naming what does not fit.
    """

    def __init__(
        self, x, seed, *, indices=None, noise_device="cpu", variation_seed=None, variation_strength=0.0,
        prediction="data", eta=1.0, sigma_data=1.0, noise_schedule="karras",
    ):  # fmt: skip
        batch = len(latent(x))
        self.shape, self.dtype, self.device = x.shape, x.dtype, x.device
        self.source = x.device if choice("noise_device", noise_device, NOISE_DEVICES) == "gpu" else torch.device("cpu")
        strength = number("variation_strength", variation_strength, least=0, most=1)
        self.keys = [(math.cos(strength * math.pi / 2), image_keys(seed, batch, indices))]
        if strength:
            if variation_seed is None:
                raise ValueError(f"variation_seed: None; expected a seed for variation_strength {strength}")
            self.keys.append(
                (math.sin(strength * math.pi / 2), image_keys(variation_seed, batch, indices, "variation_seed"))
            )
        number("eta", eta, above=0)
        self._set_clock(prediction_of(prediction, eta, sigma_data), noise_schedule_of(noise_schedule))

    def _set_clock(self, form, schedule):
        self.schedule = schedule
        clock = path_clock(form)
        half = (math.prod(self.shape[1:]) + 1) // 2
        self.paths = [(weight, Paths(keys, half, self.source, clock)) for weight, keys in self.keys]

    def in_clock(self, form, schedule):
        """The same paths in the clock of another form (prediction.py), asked for in that noise schedule's sigmas."""
        other = copy.copy(self)
        other._set_clock(form, schedule)
        return other

    def _read(self, sigma, sigma_next):
        """Both ends in lambda, in order, and 1 or -1: whether they were given in that order."""
        most = self.schedule.sigma_limit if self.schedule.sigma_limit < math.inf else None
        sigma, sigma_next = (
            number(name, value, least=0, most=most) for name, value in (("sigma", sigma), ("sigma_next", sigma_next))
        )
        if sigma == sigma_next:
            raise ValueError(f"sigma_next: {sigma_next}; expected another level than sigma, {sigma}")
        levels = map(self.schedule.level, self.schedule.read(sorted([sigma, sigma_next], reverse=True)))
        start, stop = (-math.log(level) if level else math.inf for level in levels)
        return start, stop, 1.0 if sigma > sigma_next else -1.0

    def _mixed(self, draw, sign):
        total = draw(self.paths[0][1])
        if len(self.paths) == 2:
            (weight, _), (other_weight, other) = self.paths
            total = weight * total + other_weight * draw(other)
            same = [a == b for a, b in zip(*(keys for _, keys in self.keys), strict=True)]
            if any(same):  # one path mixed with itself is that path
                factors = [1 / (weight + other_weight) if one else 1.0 for one in same]
                total *= send(torch.tensor(factors, dtype=torch.float32, device="cpu"), total.device)[:, None, None]
        if sign < 0:
            total = -total
        images = total.flatten(1)[:, : math.prod(self.shape[1:])].reshape(self.shape)
        return send(images.contiguous(), self.device)

    def shortest(self, intervals):
        """The length in lambda of the shortest of some intervals (sigma, sigma_next > 0); infinite for none."""
        levels = [[self.schedule.level(sigma) for sigma in interval] for interval in intervals]
        return min((math.log(start) - math.log(stop) for start, stop in levels), default=math.inf)

    def normals(self, sigma, sigma_next, shortest=math.inf):
        """As a call, but in float32 whatever x's dtype: what the samplers take, with levels as floats.

        shortest: the ends are rounded as those of an interval of that length in lambda: with the shortest of a step,
        all of its intervals are on one lattice.
        """
        start, stop, sign = self._read(sigma, sigma_next)
        return self._mixed(lambda paths: paths.sum(*paths.parts(start, stop, shortest)), sign)

    def gaussians(self, sigma, sigma_next, shortest=math.inf):
        """What `normals` adds up, for whoever draws it himself: key_pairs (names, 2, B) uint32 and weights (names,).

        None where the images differ in more than their keys: a variation of some images with their own path.
        """
        start, stop, sign = self._read(sigma, sigma_next)
        if len(self.keys) == 2 and any(a == b for a, b in zip(*(keys for _, keys in self.keys), strict=True)):
            return None
        drawn = []
        for mix, paths in self.paths:
            parts, _ = paths.parts(start, stop, shortest)
            terms = [
                (key_of(*name), sign * mix * factor * weight)
                for factor, part in parts.values()
                for name, weight in part.items()
            ]
            keys, weights = zip(*terms, strict=True)
            drawn.append((key_pairs(keys, paths.keys), weights))
        return np.concatenate([keys for keys, _ in drawn]), np.concatenate([weights for _, weights in drawn])

    def __call__(self, sigma, sigma_next):
        """Unit normals of the interval, numbers or 0-d tensors in the noise schedule's sigma; x's shape and dtype."""
        return self.normals(sigma, sigma_next).to(self.dtype)

    def integral(self, sigma, sigma_next):
        """The path's integral over an interval, sigma > sigma_next > 0 (float32, like x).

        With G the path in its clock and tau the VE noise level, it is that of weight(tau) (G(tau) - G(sigma)) in
        lambda, divided by the standard deviation of G(sigma_next) - G(sigma). weight is 1 for the data form,
        tau sigma_data / sqrt(tau^2 + sigma_data^2) for v, -tau for noise: the effect on a step of the noise within it
        is, to first order, (1 + eta) times its standard deviation times this. It is Gaussian, with the exact covariance
        with the increment normals(sigma, sigma_next, 0), whose ends are on the finest lattice: what rounding leaves
        would limit the strong order of a method that takes integrals. The path is known at 32 places of the interval
        or more (fewer below 3e-5 in lambda); the bridges between them are drawn afresh: less than 1/1000 of the
        integral's variance given the increment, for lengths up to 1 and eta up to 1. Takes about 100 Gaussians.
        """
        start, stop, sign = self._read(sigma, sigma_next)
        if sign < 0 or stop == math.inf:
            expected = f"more than 0 and less than sigma, {float(sigma)}"
            raise ValueError(f"sigma_next: {float(sigma_next)}; expected {expected}")
        begin, end = positions(start, stop, 0.0)
        if begin < end:
            return self._mixed(lambda paths: paths.integral(begin, end, start / UNIT, stop / UNIT), sign)
        return self._mixed(lambda paths: paths.integral_of_one(start, stop), sign)

    def with_integral(self, sigma, sigma_next):
        """The increment over an interval, its ends on the finest lattice, and the path's integral over it."""
        integral = self.integral(sigma, sigma_next)
        return self.normals(sigma, sigma_next, 0.0), integral
