"""Which model calls a run will make: for caches, counters, charts and budgets, before the first of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

from .checks import choice, whole_number
from .samplers import NOISE_SCHEDULE, SAMPLERS, plan_of
from .schedule import noise_schedule_of


class Call(NamedTuple):
    """A model call: its step and its place in the step, both from 0, and the level that the model is called at."""

    step: int
    stage: int
    sigma: float


def _known(sampler: str | Callable, attribute: str) -> Any:
    """An attribute of a sampler: a name in SAMPLERS or a function that has it. ValueError for anything else."""
    function: Any = SAMPLERS[choice("sampler", sampler, SAMPLERS)] if isinstance(sampler, str) else sampler
    if not hasattr(function, attribute):
        raise ValueError(f"sampler: {sampler!r}; expected a name in SAMPLERS or one of its functions")
    return getattr(function, attribute)


def call_pattern(sampler: str | Callable, sigmas: Any, **options: Any) -> list[Call]:
    """The model calls of a run over these sigmas, in their order.

    sampler: a name in SAMPLERS or one of its functions. options: the sampler's own, as r or variant, and its
    noise_schedule. sigma is the host's, to the last bit what the model gets in double precision. Two calls in
    succession may be at one level (r = 1: the end of a step and the start of the next). ValueError for what the sampler
    refuses.
    """
    schedule = noise_schedule_of(options.pop("noise_schedule", NOISE_SCHEDULE.default))
    options.pop("noise_device", None)  # has no say
    plan = plan_of(_known(sampler, "solver")(**options), schedule, tuple(schedule.read(sigmas)))
    return [Call(i, k, stage.sigma) for i, step in enumerate(plan.steps) for k, stage in enumerate(step)]


def model_calls_for_steps(sampler: str | Callable, steps: int) -> int:
    """k (N - 1) + 1: the model calls of N steps, the last of which goes to sigma 0, with k calls a step.

    sampler: a name in SAMPLERS or one of its functions. steps: at least 1.
    """
    return _known(sampler, "calls_per_step") * (whole_number("steps", steps, least=1) - 1) + 1


def steps_for_model_calls(sampler: str | Callable, budget: int) -> int:
    """The largest number of steps whose model calls are no more than `budget`, which is at least 1.

    sampler: a name in SAMPLERS or one of its functions. The last step goes to sigma 0 and takes one call.
    """
    return (whole_number("budget", budget, least=1) - 1) // _known(sampler, "calls_per_step") + 1
