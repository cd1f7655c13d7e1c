"""The one loop that runs a plan on tensors."""

import torch
from tqdm.auto import tqdm

from . import fused
from .draws import compiling, like
from .memory import History
from .tensors import add_terms


class Points:
    """Where a run is, and the terms known so far of the points to come, the nearest first."""

    def __init__(self, x):
        self.now, self.sums = x, []

    def spend(self, stage, denoised):
        """Add what a model call gives to the points to come, and go to the next of them."""
        for j, (a, b) in enumerate(zip(stage.state, stage.denoised, strict=True)):
            if j == len(self.sums):
                self.sums.append(None)
            self.sums[j] = add_terms(self.sums[j], self.now.dtype, (a, self.now), (b, denoised))
            if not any(stage.state[j + 1 :]):  # let go what is no longer needed: it keeps the peak of memory low
                self.now = self.now.new_empty(0)
        self.now = self.sums.pop(0)

    def leap(self, stage, denoised, drawn):
        """`spend` in one kernel that draws the noise too, if it is among `drawn`; False where that is not possible."""
        if compiling() or len(stage.state) > fused.MOST_POINTS or not fused.usable(self.now):
            return False
        points = fused.advance(stage, self.now, denoised, self.sums, drawn)
        if points is None:
            return False
        self.now, *self.sums = points
        return True


@torch.no_grad()
def run(plan, model, x, sigmas, draws, extra_args=None, callback=None, disable=None):
    """Run `plan` from x (B, ...) at sigmas[0]; returns the x that it ends with, in x's dtype.

    model(x, sigma, **extra_args) -> denoised, sigma (B,). draws: the Draws of `plan`.
    callback(dict) after the first model call of each step, with i, x, denoised, sigma (the element of `sigmas`) and
    sigma_hat (the level that the model was called at). Half-precision x is computed in float32; the model gets x and
    sigma in x's dtype, the noise_sampler gets float32 levels, since neighbouring ones may agree in half precision.
    Nothing here reads from the device, and only tensors that nobody else has seen are written to.
    """
    extra_args, dtype = {} if extra_args is None else extra_args, x.dtype
    precision = torch.promote_types(dtype, torch.float32)
    points, history = Points(x.to(precision)), History()
    del x  # what is no longer needed is let go at once
    for i, stages in enumerate(plan.steps if compiling() else tqdm(plan.steps, disable=disable)):
        for k, stage in enumerate(stages):
            seen = points.now.to(dtype)
            denoised = like(model(seen, seen.new_full((len(seen),), stage.sigma), **extra_args), seen, "model")
            if callback is not None and k == 0:
                level = points.now.new_full((), stage.sigma)
                callback({"x": seen, "i": i, "sigma": sigmas[i], "sigma_hat": level, "denoised": denoised})
            del seen
            before = None if stage.memory is None else points.now
            in_kernel = draws.in_kernel.get((i, k))
            if not points.leap(stage, denoised, in_kernel):
                points.spend(stage, denoised)
                in_kernel = None
            if stage.memory is not None:
                cond = getattr(model, "cond_denoised", None)
                cond = cond if cond is None else like(cond, before, "cond_denoised")
                history.add(stage.memory, before, denoised, cond, points.now)
            del denoised, before
            if stage.pair:
                draws.add_pair(i, k, points.now, points.sums[0])
            if stage.noise and not in_kernel:
                points.now.add_(draws.normals(i, k, points.now), alpha=stage.noise)
    return points.now.to(dtype)
