"""The server's route for the chart: what it shows for the values of a node's widgets, before any run."""

import asyncio

import torch

from ..sampling import SAMPLERS, options_of
from .chart import NO_STEPS, calls_of_steps, chart, remembered, words
from .compat import whole
from .demo import SEEDSDemoCheckpoint, glyph_sampling
from .dropdown import HOST_SAMPLERS
from .sampler import sampler_object
from .scheduler import part_of, sigmas_of, steps_of

PATH = "/seeds-samplers/chart"
PART = ("start_at_step", "end_at_step", "return_with_leftover_noise")
COUNTED_LATER = {"words": "steps and model calls are counted by a run"}


def _of_input(values, name):
    """A dynamic input's value as a node gets it, from widgets' values by their dotted names."""
    prefix = f"{name}."
    return {name: values.get(name)} | {key[len(prefix) :]: values[key] for key in values if key.startswith(prefix)}


def _chosen(values):
    """(name, function, options) of the sampler that a node's values choose; None, None, {} if it is no name."""
    if "solver" not in values:
        name = values.get("sampler_name")
        return name, HOST_SAMPLERS.get(name), {}
    given = _of_input(values, "solver")
    name = given["solver"]
    names = [option.name for option in options_of(name)] if name in SAMPLERS else ()
    known = {key: given[key] for key in names if given.get(key) is not None}
    function = sampler_object({"solver": name, **known} if name in SAMPLERS else None).sampler_function
    return name, function, {key: value for key, value in known.items() if key != "noise_device"}


def chart_of(values, sampler=None, model=None, loader=None):
    """The chart that a node's values promise; ValueError for values that do not go together.

    values: by the widgets' names, None where a link decides. sampler: the same of the node that chooses the sampler,
    None where it is not to be seen. model: a token that a run has told. loader: the class of the node that gives the
    model.
    """
    part = {name: whole(values[name]) for name in PART if name in values}
    if sampler is None or None in _of_input(values, "budget").values() or None in part.values():
        return COUNTED_LATER
    name, function, options = _chosen(sampler)
    steps = steps_of(_of_input(values, "budget"), function)
    scheduler, denoise = values.get("scheduler"), values.get("denoise", 1.0)
    model_sampling = glyph_sampling() if loader == SEEDSDemoCheckpoint.__name__ else remembered(model)
    if model_sampling is None or None in (scheduler, denoise, *sampler.values()):
        left = part_of(torch.arange(steps, -1, -1), **part)  # stand for the levels
        if len(left) < 2:
            return {"words": NO_STEPS}
        calls = calls_of_steps(name, len(left) - 1, not left[-1])
        return {"words": words(len(left) - 1, calls), "note": "The noise levels show after a run."}
    sigmas = part_of(sigmas_of(model_sampling, scheduler, steps, denoise), **part)
    return chart(name, options, sigmas, model_sampling)


def add_routes():
    """Give the server its route; without a server, nothing."""
    from aiohttp import web
    from server import PromptServer

    @PromptServer.instance.routes.post(PATH)
    async def answer(request):
        try:
            return web.json_response(await asyncio.to_thread(chart_of, **await request.json()))
        except ValueError as error:  # its text names the input
            return web.json_response({"words": str(error), "wrong": True})
        except (KeyError, TypeError):  # a page in between two states of its widgets, or of another version
            return web.json_response(COUNTED_LATER)
