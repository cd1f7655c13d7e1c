"""Which model calls a run will make: for caches, counters and charts, before the first of them."""

from typing import NamedTuple

import torch

from .checks import choice
from .samplers import SAMPLERS


class Call(NamedTuple):
    """A model call: its step and its place in the step, both from 0, and the level that the model is called at."""

    step: int
    stage: int
    sigma: float


def call_pattern(sampler, sigmas, **options):
    """The model calls of a run over these sigmas, in their order: a list of Call(step, stage, sigma).

    sampler: a name in SAMPLERS or one of its functions. options: the sampler's own, as r, variant or noise_schedule.
    sigma is the host's, to the last bit what the model gets in double precision. Two calls in succession may be at one
    level (r = 1: the end of a step and the start of the next). ValueError for what the sampler refuses.
    """
    function = SAMPLERS[choice("sampler", sampler, SAMPLERS)] if isinstance(sampler, str) else sampler
    levels, firsts = [], []

    def model(x, sigma):
        levels.append(sigma.item())
        return x

    # A run on one number knows everything about the calls, whichever sampler it is.
    function(
        model, torch.zeros(1, 1, dtype=torch.float64), sigmas, disable=True,
        callback=lambda _: firsts.append(len(levels) - 1), noise_sampler=lambda *_: torch.zeros(1, 1), **options,
    )  # fmt: skip
    ends = [*firsts[1:], len(levels)] if levels else []
    return [
        Call(step, i - first, levels[i])
        for step, (first, end) in enumerate(zip(firsts, ends, strict=True))
        for i in range(first, end)
    ]
