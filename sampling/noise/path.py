"""NoisePath: the noise of a batch of images, asked for in a host's noise levels.

An image does not change with the batch around it, more steps refine it, a run may be split, and every device draws the
same. The keys have nothing in common with the streams of torch.manual_seed, from which hosts draw the latent.
"""

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..checks import choice, latent, number
from ..forms import form_of
from ..schedule import NoiseSchedule, noise_schedule_of
from .clock import Form, path_clock
from .gaussians import send
from .increments import Increments
from .keys import Keys, key_of, key_pairs
from .seeds import mixture

NOISE_DEVICES = ("cpu", "gpu")


def interval_of(schedule: NoiseSchedule, sigma: Any, sigma_next: Any) -> tuple[float, float, float]:
    """Both ends in lambda, in order, and 1 or -1: whether they were given in that order."""
    most = schedule.sigma_limit if schedule.sigma_limit < math.inf else None
    sigma, sigma_next = (
        number(name, value, least=0, most=most) for name, value in (("sigma", sigma), ("sigma_next", sigma_next))
    )
    if sigma == sigma_next:
        raise ValueError(f"sigma_next: {sigma_next}; expected another level than sigma, {sigma}")
    levels = map(schedule.level, schedule.read(sorted([sigma, sigma_next], reverse=True)))
    start, stop = (-math.log(level) if level else math.inf for level in levels)
    return start, stop, 1.0 if sigma > sigma_next else -1.0


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
            options adds (SEEDS, arXiv 2305.14267; forms.py), so that its increments add up to those of longer
            intervals, weighted by the standard deviations of that noise. For k-diffusion's samplers the defaults are
            right. Our samplers set their own. An eta above 16 counts as 16 here.
        noise_schedule: what sigma means, "karras" or "flow".

    Every increment is exactly Gaussian. Intervals that do not overlap are independent where both are 1/16 in lambda or
    longer, or both shorter than that and longer than 1/256; of different lengths, ends are rounded differently, by up
    to 2^-11 in lambda (docs/noise.md, section 4, says how much correlation that can make). An interval may be asked for
    in any order, and from its end to its start (the negative). One that ends at sigma 0 has a Gaussian of its own,
    unrelated to the rest of the path. ValueError naming what does not fit.
    """

    def __init__(
        self,
        x: torch.Tensor,
        seed: Any,
        *,
        indices: Any = None,
        noise_device: str = "cpu",
        variation_seed: Any = None,
        variation_strength: float = 0.0,
        prediction: str = "data",
        eta: float = 1.0,
        sigma_data: float = 1.0,
        noise_schedule: str = "karras",
    ) -> None:
        batch = len(latent(x))
        self.shape, self.dtype, self.device = x.shape, x.dtype, x.device
        on_device = choice("noise_device", noise_device, NOISE_DEVICES) == "gpu"
        self.drawing_device = x.device if on_device else torch.device("cpu")
        self.mixture = mixture(seed, batch, indices, variation_seed, variation_strength)
        number("eta", eta, above=0)
        self._set_clock(form_of(prediction, eta, sigma_data), noise_schedule_of(noise_schedule))

    def _set_clock(self, form: Form, schedule: NoiseSchedule) -> None:
        self.schedule, self.clock = schedule, path_clock(form)
        half = (math.prod(self.shape[1:]) + 1) // 2
        self.paths = [Increments(keys, half, self.drawing_device, self.clock) for keys in self.mixture.keys]

    def in_clock(self, form: Form, schedule: NoiseSchedule) -> "NoisePath":
        """The same paths in the clock of another form (forms.py), asked for in that noise schedule's sigmas."""
        other = copy.copy(self)
        other._set_clock(form, schedule)
        return other

    def _mixed(self, draw: Callable[[Increments], torch.Tensor], sign: float) -> torch.Tensor:
        """What `draw` makes of the paths, mixed and as images on x's device."""
        total = draw(self.paths[0])
        if len(self.paths) == 2:
            weight, other_weight = self.mixture.weights
            total = weight * total + other_weight * draw(self.paths[1])
        corrections = self.mixture.corrections()
        if corrections:
            factors = torch.tensor(corrections, dtype=torch.float32, device="cpu")
            total *= send(factors, total.device)[:, None, None]
        if sign < 0:
            total = -total
        images = total.flatten(1)[:, : math.prod(self.shape[1:])].reshape(self.shape)
        return send(images.contiguous(), self.device)

    def normals(self, sigma: Any, sigma_next: Any, shortest: float = math.inf) -> torch.Tensor:
        """As a call, but in float32 whatever x's dtype: what the samplers take, with levels as floats.

        shortest: the ends are rounded as those of an interval of that length in lambda: with the shortest of a step,
        all of its intervals are on one lattice.
        """
        start, stop, sign = interval_of(self.schedule, sigma, sigma_next)
        return self._mixed(lambda path: path.draw(*path.parts(start, stop, shortest)), sign)

    def gaussians(self, sigma: Any, sigma_next: Any, shortest: float = math.inf) -> tuple[Keys, np.ndarray] | None:
        """The keys (names, 2, B) and weights (names,) that `normals` sums, so that a kernel can draw them itself.

        None where the images differ in more than their keys: a variation of some images with their own path.
        """
        start, stop, sign = interval_of(self.schedule, sigma, sigma_next)
        if self.mixture.corrections():
            return None
        drawn = []
        for mix, path in zip(self.mixture.weights, self.paths, strict=True):
            parts, _ = path.parts(start, stop, shortest)
            terms = [
                (key_of(*name), sign * mix * factor * weight)
                for factor, weights in parts.values()
                for name, weight in weights.items()
            ]
            keys, weights = zip(*terms, strict=True)
            drawn.append((key_pairs(keys, path.images), weights))
        return np.concatenate([keys for keys, _ in drawn]), np.concatenate([weights for _, weights in drawn])

    def __call__(self, sigma: Any, sigma_next: Any) -> torch.Tensor:
        """Unit normals of the interval, numbers or 0-d tensors in the noise schedule's sigma; x's shape and dtype."""
        return self.normals(sigma, sigma_next).to(self.dtype)

    def integral(self, sigma: Any, sigma_next: Any) -> torch.Tensor:
        """The path's integral over an interval, sigma > sigma_next > 0 (float32): equation 11 of docs/noise.md.

        The path's distance from its start, weighted and integrated in lambda, in units of the increment's standard
        deviation. The effect on a step of the noise within it is, to first order, (1 + eta) times its standard
        deviation times this. It is Gaussian, with the exact covariance with normals(sigma, sigma_next, 0), the
        increment with its ends on the finest lattice: what rounding leaves would limit the strong order of a method
        that takes integrals. The path is known at 32 places of the interval or more (fewer below 3e-5 in lambda); the
        bridges between them are drawn afresh: about 1/1000 of the integral's variance given the increment, for
        lengths up to 1 and eta up to 1. Takes about 100 Gaussians.
        """
        start, stop, sign = interval_of(self.schedule, sigma, sigma_next)
        if sign < 0 or stop == math.inf:
            expected = f"more than 0 and less than sigma, {float(sigma)}"
            raise ValueError(f"sigma_next: {float(sigma_next)}; expected {expected}")
        return self._mixed(lambda path: path.integral(start, stop), sign)

    def with_integral(self, sigma: Any, sigma_next: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """The increment over an interval, its ends on the finest lattice, and the path's integral over it."""
        integral = self.integral(sigma, sigma_next)
        return self.normals(sigma, sigma_next, 0.0), integral
