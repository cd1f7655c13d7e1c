"""What the chart in a node shows: how many model calls a run makes, and where in lambda they lie."""

import math
import secrets
from collections import OrderedDict

import torch

from ..sampling import SAMPLERS, call_pattern, model_calls_for_steps
from ..sampling.schedule import NOISE_SCHEDULES
from .dropdown import given_to, levels, of_model
from .trial import calls_of_core

MOST = 1000  # steps; of more, only the steps are drawn
NO_STEPS = "no steps"
EVENT = "seeds_samplers.chart"
KEPT = 32

_models = OrderedDict()  # token -> model_sampling, of the latest runs
_process = secrets.token_hex(4)  # an earlier process's tokens mean nothing


def remember(model_sampling):
    """A token by which the front end can ask for this model's noise levels."""
    token = f"{_process}-{id(model_sampling)}"
    _models[token] = model_sampling  # kept, so that no other object gets its id
    _models.move_to_end(token)
    while len(_models) > KEPT:
        _models.popitem(last=False)
    return token


def remembered(token):
    """The model_sampling of a token, None where it is not known any more."""
    return _models.get(token)


def _counted(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"


def words(steps, calls):
    """What the chart says; calls is None where they are not known."""
    return f"{_counted(steps, 'step')}, {'model calls unknown' if calls is None else _counted(calls, 'model call')}"


def calls_of_steps(name, steps, to_zero=True):
    """The model calls of so many steps; to_zero: the last one goes to noise level 0. None where they are not known."""
    if name in SAMPLERS:
        return model_calls_for_steps(name, steps) if to_zero else model_calls_for_steps(name, steps + 1) - 1
    return calls_of_core(name, steps, to_zero)


def _height(schedule, sigma):
    """lambda; None at noise level 0."""
    return -math.log(schedule.level(sigma)) if sigma else None


def chart(name, options, sigmas, model_sampling):
    """The chart of a run with the sampler of that name: words, and lambda at its steps and further model calls.

    `end` is lambda at the last level, None at noise level 0.
    """
    schedule = NOISE_SCHEDULES[of_model(model_sampling)["noise_schedule"]]
    sigmas = levels(sigmas, model_sampling)
    if len(sigmas) < 2:
        return {"words": NO_STEPS}
    *starts, end = schedule.read(sigmas)
    calls = [(0, sigma) for sigma in starts]
    if name in SAMPLERS and len(starts) <= MOST:
        pattern = call_pattern(name, sigmas, **given_to(SAMPLERS[name], model_sampling), **options)
        calls = [(call.stage, call.sigma) for call in pattern]
        number = len(pattern)
    else:
        number = calls_of_steps(name, len(starts), not end)
    return {
        "words": words(len(starts), number),
        "steps": [_height(schedule, sigma) for stage, sigma in calls if stage == 0],
        "further": [_height(schedule, sigma) for stage, sigma in calls if stage],
        "end": _height(schedule, end),
    }


def chart_of_levels(sigmas, model_sampling=None):
    """The chart of noise levels alone, in whatever order; without a model, levels up to 1 count as a flow model's."""
    steps = len(sigmas) - 1
    if steps < 1:
        return {"words": NO_STEPS}
    said = f"{_counted(steps, 'step')}, sigma {sigmas[0]:.4g} to {sigmas[-1]:.4g}"
    below, name = torch.unique(sigmas).flip(0), "karras"
    if model_sampling is not None:
        name = of_model(model_sampling)["noise_schedule"]
    elif below[0] <= 1:
        name, said = "flow", f"{said}, as of a flow model: connect the model to be sure"
    schedule = NOISE_SCHEDULES[name]
    try:
        read = schedule.read(below)
    except ValueError as error:
        return {"words": str(error), "wrong": True}
    if model_sampling is not None:
        read = levels(torch.tensor(read), model_sampling).tolist()
    *starts, end = (_height(schedule, sigma) for sigma in read)
    return {"words": said, "steps": starts, "further": [], "end": end}


def tell(node_id, told):
    """Tell the front end a node's chart; what to return as the node's `ui`.

    ComfyUI sends the latter again when it takes the node from its cache.
    """
    from server import PromptServer  # here: tests import the nodes without a server

    PromptServer.instance.send_sync(EVENT, {**told, "node": node_id}, PromptServer.instance.client_id)
    return {"seeds_chart": [told]}


def tell_run(node_id, sampler, sigmas, model_sampling):
    """The same of a run that starts: its chart, and a token of its model."""
    name = getattr(getattr(sampler, "sampler_function", None), "__name__", "").removeprefix("sample_")
    given = getattr(sampler, "extra_options", {})
    options = {key: value for key, value in given.items() if key not in ("path", "noise_device")}
    return tell(node_id, {**chart(name, options, sigmas, model_sampling), "model": remember(model_sampling)})
