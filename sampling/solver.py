"""The one loop that runs a plan on tensors."""

from itertools import pairwise

import torch
from tqdm.auto import tqdm

from .noise import NoisePath


def add_terms(total, dtype, *terms):
    """total + the sum of weight * tensor over terms, in place on `total`, or a new tensor where that is None.

    The terms' tensors are only read: the model or a callback may hold them. A term of weight 0 is left out, so that
    what is not finite in it does not spread.
    """
    for weight, tensor in terms:
        if weight == 0:
            continue
        if total is None:
            total = torch.mul(tensor.to(dtype), weight)
        else:
            total.add_(tensor, alpha=weight)
    return total


def inner(a, b):
    """The inner product of two images of the same size, (B,). No matrix product: autocast would round that one."""
    return (a * b).flatten(1).sum(1)


def quotient(a, b, otherwise):
    """a / b, or `otherwise` where both are 0."""
    return (a / b).nan_to_num(nan=otherwise)


class History:
    """What the stage before leaves for an extrapolation: its denoised, what is expected of x, and its difference."""

    def __init__(self):
        self.denoised = self.expectation = self.difference = None

    def extrapolate(self, extrapolation, x, denoised):
        """The term that is added to the next point: (share (B, 1, ...), difference)."""
        difference = denoised.to(x.dtype) - self.denoised
        surprise = add_terms(None, x.dtype, (extrapolation.scale, x), (-1.0, self.expectation))
        size = inner(difference, difference)
        theta = quotient(inner(surprise, difference), size, 1.0).abs().clamp(max=1)
        share = (theta * extrapolation.most).clamp(min=extrapolation.least)
        if self.difference is not None:
            rho = quotient(inner(difference, self.difference), inner(self.difference, self.difference), 0.0)
            share = torch.lerp(share, torch.full_like(share, extrapolation.turned), (1 - theta) * (-rho).clamp(0, 1))
        self.difference = difference
        return share.view(-1, *[1] * (x.ndim - 1)), difference

    def keep(self, stage, x, denoised):
        """Remember a stage, if the next one asks for it."""
        if stage.expectation is not None:
            of_x, of_denoised = stage.expectation
            self.expectation = add_terms(None, x.dtype, (of_x, x), (of_denoised, denoised))
            self.denoised = denoised


def like(tensor, x, source):
    """`tensor` if it has x's shape; ValueError naming where it came from if not."""
    if not isinstance(tensor, torch.Tensor) or tensor.shape != x.shape:
        found = f"shape {tuple(tensor.shape)}" if isinstance(tensor, torch.Tensor) else type(tensor).__name__
        raise ValueError(f"{source}: returned {found}; expected a tensor of x's shape, {tuple(x.shape)}")
    return tensor


def add_pair(stage, x, end, noise_sampler):
    """Add the two Gaussians of a stage with a pair to the next point x and to the point at the step's end."""
    pair = stage.pair
    if isinstance(noise_sampler, NoisePath):
        increment, integral = noise_sampler.with_integral(stage.sigma, pair.sigma_end)
        x.add_(integral, alpha=pair.of_integral)
        end.add_(increment, alpha=pair.of_increment)
        return
    levels = [x.new_full((), level) for level in (stage.sigma, stage.sigma_next, pair.sigma_end)]
    for interval, of_next, of_end in zip(pairwise(levels), pair.next_point, pair.end, strict=True):
        noise = like(noise_sampler(*interval), x, "noise_sampler")
        x.add_(noise, alpha=of_next)
        end.add_(noise, alpha=of_end)


@torch.no_grad()
def run(plan, model, x, sigmas, extra_args=None, callback=None, disable=None, noise_sampler=None):
    """Run `plan` from x (B, ...) at sigmas[0]; returns the x that it ends with, in x's dtype.

    model(x, sigma, **extra_args) -> denoised, sigma (B,). noise_sampler(sigma, sigma_next) -> unit normals like x.
    callback(dict) after the first model call of each step, with i, x, denoised, sigma (the element of `sigmas`) and
    sigma_hat (the level that the model was called at). Half-precision x is computed in float32; the model gets x and
    sigma in x's dtype, the noise_sampler gets float32 levels, since neighbouring ones may agree in half precision.
    Nothing here reads from the device, and only tensors that nobody else has seen are written to.
    """
    extra_args, dtype = {} if extra_args is None else extra_args, x.dtype
    precision = torch.promote_types(dtype, torch.float32)
    x = x.to(precision)
    sums = []  # the points still to be reached, the nearest first: the terms known of each so far
    history = History()
    for i, stages in enumerate(tqdm(plan.steps, disable=disable)):
        if isinstance(noise_sampler, NoisePath):
            shortest = noise_sampler.shortest((stage.sigma, stage.sigma_next) for stage in stages if stage.noise)
        for k, stage in enumerate(stages):
            seen = x.to(dtype)
            denoised = model(seen, seen.new_full((seen.shape[0],), stage.sigma), **extra_args)
            like(denoised, x, "model")
            level = x.new_full((), stage.sigma)
            if callback is not None and k == 0:
                callback({"x": seen, "i": i, "sigma": sigmas[i], "sigma_hat": level, "denoised": denoised})
            del seen  # what is no longer needed is let go at once, which keeps the peak of memory low
            added = history.extrapolate(stage.extrapolation, x, denoised) if stage.extrapolation else None
            history.keep(stage, x, denoised)
            for j, (a, b) in enumerate(zip(stage.state, stage.denoised, strict=True)):
                if j == len(sums):
                    sums.append(None)
                sums[j] = add_terms(sums[j], precision, (a, x), (b, denoised))
                x = x if any(stage.state[j + 1 :]) else None
            x = sums.pop(0)
            if added:
                x.addcmul_(*added)
            del denoised, added
            if stage.pair:
                add_pair(stage, x, sums[0], noise_sampler)
            if stage.noise:
                if isinstance(noise_sampler, NoisePath):  # takes floats: nothing has to be read from the device
                    noise = noise_sampler.normals(stage.sigma, stage.sigma_next, shortest)
                else:
                    noise = noise_sampler(level, x.new_full((), stage.sigma_next))
                x.add_(like(noise, x, "noise_sampler"), alpha=stage.noise)
                del noise
    return x.to(dtype)
