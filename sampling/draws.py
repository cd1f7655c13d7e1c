"""The noise of a run: the unit normals of each of its stages, wherever they come from."""

import itertools
import math
import sys
import weakref
from functools import cache, partial
from itertools import pairwise

import numpy as np
import torch

from . import fused
from .checks import DTYPES
from .noise import NoisePath
from .noise.gaussians import send

_RUNS = weakref.WeakValueDictionary()  # for a compiled graph, which can hold the number of a run but not the run
_NUMBERS = itertools.count()
compiling = getattr(torch.compiler, "is_compiling", lambda: False)  # not in every torch, nor is custom_op
_COPY = f"{id(_RUNS):x}"  # a host may hold two copies of this package, or load it anew


def like(tensor, x, source):
    """`tensor` if it is a floating-point one of x's shape and device; ValueError naming where it came from if not."""
    if not isinstance(tensor, torch.Tensor) or tensor.shape != x.shape:
        found = f"shape {tuple(tensor.shape)}" if isinstance(tensor, torch.Tensor) else type(tensor).__name__
        raise ValueError(f"{source}: returned {found}; expected a tensor of x's shape, {tuple(x.shape)}")
    if tensor.dtype not in DTYPES:
        raise ValueError(f"{source}: returned {tensor.dtype}; expected one of {', '.join(map(str, DTYPES))}")
    if tensor.device != x.device:
        raise ValueError(f"{source}: returned a tensor on {tensor.device}; expected one on x's device, {x.device}")
    return tensor


class Draws:
    """The noise of `plan`, from a noise_sampler or, in its sampler's clock, a NoisePath.

    (i, k) is stage k of step i. in_kernel: what the kernel of fused.py draws itself of them.
    """

    def __init__(self, source, plan, x):
        self.source, self.plan, self.of_path = source, plan, isinstance(source, NoisePath)
        self.in_kernel, self.number = {}, None
        if self.of_path:
            like(x.new_empty(()).expand(source.shape), x, "noise_sampler")
        if self.of_path and source.drawing_device == x.device and fused.usable(x):
            self.in_kernel = self._gaussians(x.device)
        if self.of_path and "torch._dynamo" in sys.modules and hasattr(torch.library, "custom_op"):
            register()
            self.number = next(_NUMBERS)
            _RUNS[self.number] = self

    def _gaussians(self, device):
        """All of the run's Gaussians, sent to the device at once, so that the loop sends nothing."""
        ends, keys, weights, count = {}, [], [], 0
        for i, stages in enumerate(self.plan.steps):
            for k, stage in enumerate(stages):
                if not stage.noise:
                    continue
                found = self.source.gaussians(stage.sigma, stage.sigma_next, self.shortest(i))
                if found is None:
                    return {}
                keys.append(found[0])
                weights.append(found[1])
                ends[i, k] = count, count + len(found[1])
                count += len(found[1])
        if not count:
            return {}
        keys = send(torch.from_numpy(np.concatenate(keys).view(np.int32)), device)
        weights = send(torch.from_numpy(np.concatenate(weights).astype(np.float32)), device)
        return {stage: (keys, weights, *both) for stage, both in ends.items()}

    def shortest(self, i):
        """The length in lambda of the shortest interval of step i that noise is drawn for: its lattice is for all."""
        drawn = ((stage.sigma, stage.sigma_next) for stage in self.plan.steps[i] if stage.noise)
        return self.source.shortest(drawn) if self.of_path else math.inf

    def normals(self, i, k, x):
        """Of the stage's interval, like x."""
        if self.number is not None and compiling():
            return getattr(torch.ops.seeds_samplers, "normals_" + _COPY)(x, self.number, i, k)
        stage = self.plan.steps[i][k]
        if self.of_path:  # takes floats: nothing has to be read from the device
            noise = self.source.normals(stage.sigma, stage.sigma_next, self.shortest(i))
        else:
            noise = self.source(x.new_full((), stage.sigma), x.new_full((), stage.sigma_next))
        return like(noise, x, "noise_sampler")

    def add_pair(self, i, k, x, end):
        """Add the two Gaussians of a stage with a pair to the next point x and to the point at the step's end."""
        stage = self.plan.steps[i][k]
        pair = stage.pair
        if self.of_path:
            if self.number is not None and compiling():
                increment, integral = getattr(torch.ops.seeds_samplers, "pair_" + _COPY)(x, self.number, i, k)
            else:
                increment, integral = self.source.with_integral(stage.sigma, pair.sigma_end)
            if pair.path[0]:
                x.add_(increment, alpha=pair.path[0])
            x.add_(integral, alpha=pair.path[1])
            end.add_(increment, alpha=pair.deviation)
            return
        levels = [x.new_full((), level) for level in (stage.sigma, stage.sigma_next, pair.sigma_end)]
        for interval, of_next, of_end in zip(pairwise(levels), pair.next_point, pair.end, strict=True):
            noise = like(self.source(*interval), x, "noise_sampler")
            x.add_(noise, alpha=of_next)
            end.add_(noise, alpha=of_end)


def _empty(results, x, *_):
    """What the draws look like: float32, whatever x is."""
    empty = [x.new_empty(x.shape, dtype=torch.float32) for _ in range(results)]
    return tuple(empty) if results > 1 else empty[0]


@cache
def register():
    """Tell torch.compile of a path's draws, once: operations that it calls and does not look into."""

    def normals(x: torch.Tensor, run: int, step: int, stage: int) -> torch.Tensor:
        return _RUNS[run].normals(step, stage, x)

    def pair(x: torch.Tensor, run: int, step: int, stage: int) -> tuple[torch.Tensor, torch.Tensor]:
        found = _RUNS[run]
        here = found.plan.steps[step][stage]
        return found.source.with_integral(here.sigma, here.pair.sigma_end)

    for function, results in ((normals, 1), (pair, 2)):
        operation = torch.library.custom_op(f"seeds_samplers::{function.__name__}_{_COPY}", function, mutates_args=())
        operation.register_fake(partial(_empty, results))
