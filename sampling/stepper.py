"""A plan on tensors, taken one model call at a time; `run` takes all of them."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from tqdm.auto import tqdm

from . import fused
from .checks import tensor_like
from .compiled import compiling
from .draws import Draws
from .plan import Plan, Stage
from .tensors import add_terms


class Stepper:
    """Runs `plan` from x (B, ...), at its first level. Until it is `done`, call the model and `advance`:

        while not stepper.done:
            stepper.advance(model(stepper.x, stepper.stage.sigma))

    x is then the plan's result. Half precision is computed in float32; `x` has the dtype of the x that was given.
    draws: the Draws of `plan`. Nothing here reads from the device, and only tensors that nobody else has seen are
    written to.
    """

    def __init__(self, plan: Plan, x: torch.Tensor, draws: Draws) -> None:
        self.plan, self.draws, self.dtype = plan, draws, x.dtype
        self.calls = 0  # of the model, so far
        self._now: Any = x.to(torch.promote_types(x.dtype, torch.float32))
        self._sums: list[Any] = []  # the terms known so far of the points to come, the nearest first
        self._history: Any = None  # of the plan's corrections
        self._drawn = False  # whether a kernel has added this stage's noises

    @property
    def done(self) -> bool:
        return self.calls == len(self.plan.stages)

    @property
    def stage(self) -> Stage:
        """What the next model call is for; at `stage.sigma`, in the host's sigma."""
        return self.plan.stages[self.calls]

    @property
    def x(self) -> torch.Tensor:
        """What the model is to see next, or the result."""
        return self._now.to(self.dtype)

    def advance(
        self, denoised: torch.Tensor, cond_denoised: torch.Tensor | None = None, x: torch.Tensor | None = None
    ) -> None:
        """Go on with what the model made of `x`: the denoised x, like it.

        cond_denoised: the denoised without guidance, if it is known. x: what the model saw, where the host has changed
        it since `x` was read.
        """
        self.move(denoised, cond_denoised, x)
        self.add_noises()

    def move(
        self, denoised: torch.Tensor, cond_denoised: torch.Tensor | None = None, x: torch.Tensor | None = None
    ) -> None:
        """`advance` without the noises: add_noises has to follow. Between the two the denoised can be let go."""
        stage = self.stage
        if x is not None:
            self._now = tensor_like("x", x, self._now).to(self._now.dtype)
        denoised = tensor_like("model", denoised, self._now)
        before = None if stage.correction is None else self._now
        in_kernel = self.draws.in_kernel.get(self.calls)
        if not self._leap(stage, denoised, in_kernel):
            self._spend(stage, denoised)
            in_kernel = None
        if stage.correction is not None:
            cond = None if cond_denoised is None else tensor_like("cond_denoised", cond_denoised, self._now)
            self._history = stage.correction.add(self._history, before, denoised, cond, self._now)
        self._drawn = bool(in_kernel)

    def _spend(self, stage: Stage, denoised: torch.Tensor) -> None:
        """Add what a model call gives to the points to come, and go to the next of them."""
        for j, (a, b) in enumerate(zip(stage.state, stage.denoised, strict=True)):
            if j == len(self._sums):
                self._sums.append(None)
            self._sums[j] = add_terms(self._sums[j], self._now.dtype, (a, self._now), (b, denoised))
            if not any(stage.state[j + 1 :]):  # let go what is no longer needed: it keeps the peak of memory low
                self._now = self._now.new_empty(0)
        self._now = self._sums.pop(0)

    def _leap(self, stage: Stage, denoised: torch.Tensor, drawn: Any) -> bool:
        """`_spend` in one kernel that draws the noise too, if it is among `drawn`; False where that cannot be."""
        if compiling() or denoised.requires_grad or len(stage.state) > fused.MOST_POINTS or not fused.usable(self._now):
            return False
        points = fused.advance(stage, self._now, denoised, self._sums, drawn)
        if points is None:
            return False
        self._now, *self._sums = points
        return True

    def add_noises(self) -> None:
        """The stage's Gaussians, each to the points that it completes; on to the next model call."""
        points = (self._now, *self._sums)
        for j, gaussian in enumerate(() if self._drawn else self.draws.of(self.calls)):
            normals = self.draws.normals(self.calls, j, self._now)
            for point, deviation in zip(points, gaussian.deviations, strict=False):
                if deviation:
                    point.add_(normals, alpha=deviation)
        self.calls += 1


@torch.no_grad()
def run(
    plan: Plan, model: Callable[..., torch.Tensor], x: torch.Tensor, sigmas: torch.Tensor, draws: Draws,
    extra_args: Mapping[str, Any] | None = None, callback: Callable[[dict], Any] | None = None,
    disable: bool | None = None,
) -> torch.Tensor:  # fmt: skip
    """Run `plan` from x (B, ...) at sigmas[0]; returns the x that it ends with, in x's dtype.

    model(x, sigma, **extra_args) -> denoised, sigma (B,). draws: the Draws of `plan`.
    callback(dict) after the first model call of each step, with i, x, denoised, sigma (the element of `sigmas`) and
    sigma_hat (the level that the model was called at). The model gets x and sigma in x's dtype, the noise_sampler gets
    float32 levels, since neighbouring ones may agree in half precision.
    """
    extra_args = {} if extra_args is None else extra_args
    precision = torch.promote_types(x.dtype, torch.float32)
    stepper = Stepper(plan, x, draws)
    del x  # what is no longer needed is let go at once
    for i, stages in enumerate(plan.steps if compiling() else tqdm(plan.steps, disable=disable)):
        for k, stage in enumerate(stages):
            seen = stepper.x
            denoised = tensor_like("model", model(seen, seen.new_full((len(seen),), stage.sigma), **extra_args), seen)
            if callback is not None and k == 0:
                level = seen.new_full((), stage.sigma, dtype=precision)
                callback({"x": seen, "i": i, "sigma": sigmas[i], "sigma_hat": level, "denoised": denoised})
            del seen
            stepper.move(denoised, getattr(model, "cond_denoised", None))
            del denoised  # before the noise is drawn
            stepper.add_noises()
    return stepper.x
