"""What a plan is: all numbers of a run, as Python floats, before the first model call."""

from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any, Protocol

import numpy as np

LARGEST = 1e38  # float32 holds a little more
AMPLIFIED = 1e30  # x itself may be large


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian of x's shape, and how much of it each of the points to come gets, the nearest first.

    It is the unit normals of the interval (sigma, sigma_next) of the host's sigma or, with `integral`, the integral of
    the noise path over it (NoisePath.integral). lattice: the length in lambda whose lattice the interval's ends are
    rounded to, where a path is drawn from; its own, if it is shorter.
    """

    sigma: float
    sigma_next: float
    deviations: tuple[float, ...]
    lattice: float
    integral: bool = False


class Correction(Protocol):
    """What a method that looks back on earlier model calls adds to the next point."""

    def add(self, history: Any, x: Any, denoised: Any, cond_denoised: Any, point: Any) -> Any:
        """Add to `point` in place; returns the history for the next correction, which starts as None.

        x (B, ...), only to be read, is what the model saw, and denoised what it returned; cond_denoised: the
        conditional part of that, or None.
        """


@dataclass(frozen=True)
class Stage:
    """One model call, at `sigma`, and the move to `sigma_next` that follows it (both in the host's sigma).

    The call's input x and its result D are spent at once: state[k] * x + denoised[k] * D is added to the point that
    is reached k stages later, k = 0 being sigma_next. Then come the correction and the noises. simple: the noises where
    the Gaussians do not come from a NoisePath, which alone knows integrals; None: the same.
    """

    sigma: float
    sigma_next: float
    state: tuple[float, ...]
    denoised: tuple[float, ...]
    noises: tuple[Gaussian, ...] = ()
    simple: tuple[Gaussian, ...] | None = None
    correction: Correction | None = None

    @property
    def noise(self) -> float:
        """The standard deviation of what the stage adds to the next point, if its noises are one Gaussian or none."""
        return self.noises[0].deviations[0] if self.noises else 0.0


def denoise(sigma: float) -> tuple[Stage]:
    """The last step, from sigma to 0: what the model returns."""
    return (Stage(sigma, 0.0, (0.0,), (1.0,)),)


def fresh(sigma: float, sigma_next: float, deviation: float, lattice: float) -> tuple[Gaussian, ...]:
    """The noise of that deviation of a stage that moves from sigma to sigma_next; none if it is 0."""
    return (Gaussian(sigma, sigma_next, (deviation,), lattice),) if deviation else ()


@dataclass(frozen=True)
class Plan:
    """The stages of every step."""

    steps: tuple[tuple[Stage, ...], ...]

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """Those of all steps, one for each model call."""
        return tuple(stage for step in self.steps for stage in step)

    @property
    def model_calls(self) -> int:
        return len(self.stages)

    @property
    def draws(self) -> int:
        """How many Gaussians of x's size the run needs."""
        return sum(len(stage.noises) for stage in self.stages)

    @cached_property
    def deviation(self) -> float:
        """The largest standard deviation of x on its way, from noise at first, where the model returns 0.

        x is a sum of independent Gaussians: what there is at first, and one for each that is drawn.
        """
        now, sums, drawn = np.zeros(1 + self.draws), [], count(1)
        now[0] = most = self.stages[0].sigma if self.stages else 0.0
        for stage in self.stages:
            sums += [np.zeros_like(now) for _ in stage.state[len(sums) :]]
            sums = [total + factor * now for total, factor in zip(sums, stage.state, strict=True)]
            now = sums.pop(0)
            for gaussian in stage.noises if stage.simple is None else stage.simple:
                k = next(drawn)
                for point, size in zip((now, *sums), gaussian.deviations, strict=False):
                    point[k] = size
            most = max(most, float(np.linalg.norm(now)))
        return most


def amplification(plan: Plan) -> float:
    """What a run makes of x = 1, at most on its way, where the model returns 0 and there is no noise.

    That is what it does to structures finer than the noise. They shrink if the steps are short enough; in long ones
    explicit solvers enlarge them, some of them by more than a number can hold.
    """
    now, sums, most = 1.0, [], 0.0
    for stage in plan.stages:
        sums += [0.0] * (len(stage.state) - len(sums))
        sums = [total + factor * now for total, factor in zip(sums, stage.state, strict=True)]
        now = sums.pop(0)
        most = max(most, abs(now))
    return most


def checked(plan: Plan, *names: str) -> Plan:
    """The plan, if float32 holds all of its numbers; ValueError if options (of these names) made one too extreme."""
    if not amplification(plan) <= AMPLIFIED:
        raise ValueError(f"{', '.join(names)}: with them x grows by a factor of more than {AMPLIFIED:.0e} on its way")
    for i, stage in enumerate(plan.stages):
        deviations = (value for noise in stage.noises for value in noise.deviations)
        for value in (*stage.state, *stage.denoised, *deviations):
            if not abs(value) <= LARGEST:
                reason = f"make a factor of {value} at model call {i}"
                raise ValueError(f"{', '.join(names)}: they {reason}; expected factors of at most {LARGEST:.0e}")
    return plan
