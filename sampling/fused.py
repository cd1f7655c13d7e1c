"""A stage's whole update in one CUDA kernel, where Triton is installed: points, and the noise drawn inside.

The numbers are those of the plain operations, to rounding. The kernel reads x, the model's result and the terms known
so far of the points to come, and writes those points; a NoisePath that draws on x's device becomes a list of keyed
Gaussians (gaussians.py), drawn in registers. What makes this impossible (no Triton, no compiler for it, float64) is
remembered in `reason`, and the plain operations take over.
"""

import os
from contextlib import nullcontext
from functools import cache
from typing import Any

import numpy as np
import torch

from .noise.gaussians import send

MOST_POINTS = 3
LARGEST = 2**30  # numbers in an image: the kernel counts them in 32 bits
BLOCK = 512  # pairs of numbers that one program takes
INTERPRETED = "TRITON_INTERPRET"  # Triton's own switch: kernels run in numpy, on the CPU, for tests
reason = None  # why the kernel is not used, once it was tried


@cache
def kernel() -> Any:
    """The kernel, or None where Triton is not installed."""
    global reason
    try:
        from .kernel import advance
    except ImportError:
        reason = "Triton is not installed"
        return None
    return advance


def usable(x):
    """Whether the kernel may be tried for an x that is computed in float32."""
    on_device = x.is_cuda or os.environ.get(INTERPRETED) == "1"
    single = torch.promote_types(x.dtype, torch.float32) == torch.float32
    fits = x.ndim > 1 and x[:1].numel() < LARGEST
    return reason is None and on_device and single and fits and kernel() is not None


def gaussians(plan, path):
    """What the kernel draws of a plan's noise, {number of the model call: `drawn` of advance}; sent to x's device.

    All at once, so that the loop sends nothing.
    """
    ends, keys, weights, count = {}, [], [], 0
    for call, stage in enumerate(plan.stages):
        if not stage.noises or stage.simple is not None:
            continue
        (one,) = stage.noises
        found = path.gaussians(one.sigma, one.sigma_next, one.lattice)
        if found is None:
            return {}
        keys.append(found[0])
        weights.append(found[1])
        ends[call] = count, count + len(found[1])
        count += len(found[1])
    if not count:
        return {}
    keys = send(torch.from_numpy(np.concatenate(keys).view(np.int32)), path.device)
    weights = send(torch.from_numpy(np.concatenate(weights).astype(np.float32)), path.device)
    return {call: (keys, weights, *both) for call, both in ends.items()}


def advance(stage, x, denoised, sums, drawn=None):
    """[the next point, the terms known of those after it]; None, with nothing changed, where the kernel cannot run.

    x (B, ...) float32 and denoised, like x, are only read. sums: the terms known of the points to come, the nearest
    first, which are overwritten. drawn: the stage's Gaussians, (keys (names, 2, B) int32, weights (names,), begin,
    end): tensors on x's device, and which of the names. At most MOST_POINTS points.
    """
    global reason
    if not x.numel():
        return None
    x, denoised = x.contiguous(), denoised.contiguous()
    images, size, half = len(x), x[0].numel(), (x[0].numel() + 1) // 2
    points = sums + [torch.empty_like(x) for _ in stage.state[len(sums) :]]
    arguments = []
    for k in range(MOST_POINTS):
        here = k < len(points)
        arguments += [points[k], stage.state[k], stage.denoised[k]] if here else [x, 0.0, 0.0]
    keys, weights, begin, end = drawn or (x, x, 0, 0)
    block = min(BLOCK, 1 << (half - 1).bit_length())
    try:
        with torch.cuda.device(x.device) if x.is_cuda else nullcontext():
            kernel()[(-(-half // block) * images,)](
                x, denoised, keys, weights, begin, end, size, half, images, stage.noise, *arguments,
                POINTS=len(points), KNOWN=len(sums), DRAWS=drawn is not None, BLOCK=block,
            )  # fmt: skip
    except Exception as error:  # it does not compile here, and has written nothing
        reason = f"Triton: {type(error).__name__}: {error}"
        return None
    return points
