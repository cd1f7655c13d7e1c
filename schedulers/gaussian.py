"""The Gaussian that a step draws from: for reinforcement learning, which needs its density."""

import copy
import math

import torch


def check(plan, solver):
    """ValueError where a step of the plan is not one Gaussian, given the steps before."""
    if any(len(stage.noises) > 1 or any(len(one.deviations) > 1 for one in stage.noises) for stage in plan.stages):
        raise ValueError(
            f"solver: {solver.name} with {solver.values()}; expected one that draws one Gaussian for each model call"
        )


def mean_of(stepper, denoised, x):
    """The mean of the point that the stepper is about to go to, as a function of `denoised`; the stepper stays.

    What it remembers of the calls before is part of the state, and has no gradient.
    """
    ahead = copy.deepcopy(stepper, {id(one): one for one in (stepper.plan, stepper.draws)})
    ahead.draws = Silent()
    with torch.autograd.graph.saved_tensors_hooks(torch.clone, lambda kept: kept):  # what is kept is written over
        ahead.advance(denoised, x=x)
    return ahead.x


class Silent:
    """Draws without noise."""

    in_kernel: dict = {}  # noqa: RUF012

    def of(self, call):
        return ()


def log_density(value, mean, std):
    """The log-probability density of each image, (B,), its elements being independent Gaussians."""
    squares = ((value - mean) / std).square().flatten(1)
    return -0.5 * squares.sum(1) - squares.shape[1] * (math.log(std) + 0.5 * math.log(2 * math.pi))
