"""The noise of a run: the unit normals of each of its stages, wherever they come from."""

import itertools
import sys
import weakref
from functools import cache

import numpy as np
import torch

from . import fused
from .checks import DTYPES
from .noise import NoisePath
from .normals import send

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
    """The noise of `plan`, from a noise_sampler or, in its solver's clock, a NoisePath.

    in_kernel: what the kernel of fused.py draws itself, by the number of the model call.
    """

    def __init__(self, source, plan, x):
        self.source, self.plan, self.of_path = source, plan, isinstance(source, NoisePath)
        self.in_kernel, self.number = {}, None
        if self.of_path:
            like(x.new_empty(()).expand(source.shape), x, "noise_sampler")
        if self.of_path and source.source == x.device and fused.usable(x):
            self.in_kernel = self._for_kernel(x.device)
        if self.of_path and "torch._dynamo" in sys.modules and hasattr(torch.library, "custom_op"):
            register()
            self.number = next(_NUMBERS)
            _RUNS[self.number] = self

    def of(self, call):
        """The Gaussians of a model call's stage."""
        stage = self.plan.stages[call]
        return stage.noises if self.of_path or stage.simple is None else stage.simple

    def _for_kernel(self, device):
        """The keys of all of the run's Gaussians, sent to the device at once, so that the loop sends nothing."""
        ends, keys, weights, count = {}, [], [], 0
        for call, stage in enumerate(self.plan.stages):
            if not stage.noises or stage.simple is not None:
                continue
            (one,) = stage.noises
            found = self.source.gaussians(one.sigma, one.sigma_next, one.lattice)
            if found is None:
                return {}
            keys.append(found[0])
            weights.append(found[1])
            ends[call] = count, count + len(found[1])
            count += len(found[1])
        if not count:
            return {}
        keys = send(torch.from_numpy(np.concatenate(keys).view(np.int32)), device)
        weights = send(torch.from_numpy(np.concatenate(weights).astype(np.float32)), device)
        return {call: (keys, weights, *both) for call, both in ends.items()}

    def normals(self, call, j, x):
        """Gaussian number j of a model call's stage, like x."""
        if self.number is not None and compiling():
            return getattr(torch.ops.seeds_samplers, "normals_" + _COPY)(x, self.number, call, j)
        one = self.of(call)[j]
        if not self.of_path:
            noise = self.source(x.new_full((), one.sigma), x.new_full((), one.sigma_next))
        elif one.integral:
            noise = self.source.integral(one.sigma, one.sigma_next)
        else:  # a path takes floats: nothing has to be read from the device
            noise = self.source.normals(one.sigma, one.sigma_next, one.lattice)
        return like(noise, x, "noise_sampler")


def _empty(x, *_):
    """What the draws look like: float32, whatever x is."""
    return x.new_empty(x.shape, dtype=torch.float32)


@cache
def register():
    """Tell torch.compile of a path's draws, once: an operation that it calls and does not look into."""

    def normals(x: torch.Tensor, run: int, call: int, j: int) -> torch.Tensor:
        return _RUNS[run].normals(call, j, x)

    operation = torch.library.custom_op(f"seeds_samplers::normals_{_COPY}", normals, mutates_args=())
    operation.register_fake(_empty)
