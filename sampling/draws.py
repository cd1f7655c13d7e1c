"""The noise of a run: the Gaussians of each of its stages, wherever they come from."""

from collections.abc import Callable
from typing import Any

import torch

from . import compiled, fused
from .checks import tensor_like
from .noise import NoisePath
from .plan import Gaussian, Plan


class Draws:
    """The noise of `plan`, from a noise_sampler or, in its solver's clock, a NoisePath.

    in_kernel: what the kernel of fused.py draws itself, by the number of the model call.
    """

    def __init__(self, source: Callable[..., torch.Tensor] | None, plan: Plan, x: torch.Tensor) -> None:
        self.source: Any = source
        self.plan, self.number = plan, None
        self.path = source if isinstance(source, NoisePath) else None
        self.in_kernel: dict[int, tuple] = {}
        if self.path is not None:
            tensor_like("noise_sampler", x.new_empty(()).expand(self.path.shape), x)
            self.number = compiled.number_of(self)
            if self.path.drawing_device == x.device and fused.usable(x):
                self.in_kernel = fused.gaussians(plan, self.path)

    def of(self, call: int) -> tuple[Gaussian, ...]:
        """The Gaussians of a model call's stage."""
        stage = self.plan.stages[call]
        return stage.noises if self.path is not None or stage.simple is None else stage.simple

    def normals(self, call: int, j: int, x: torch.Tensor) -> torch.Tensor:
        """Gaussian number j of a model call's stage, like x."""
        if self.number is not None and compiled.compiling():
            return compiled.normals(self.number, call, j, x)
        one = self.of(call)[j]
        if self.path is None:
            noise = self.source(x.new_full((), one.sigma), x.new_full((), one.sigma_next))
        elif one.integral:
            noise = self.path.integral(one.sigma, one.sigma_next)
        else:  # a path takes floats: nothing has to be read from the device
            noise = self.path.normals(one.sigma, one.sigma_next, one.lattice)
        return tensor_like("noise_sampler", noise, x)
