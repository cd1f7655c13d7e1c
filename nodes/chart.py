"""What the chart in a node shows: how many model calls a run makes, and where in lambda they lie."""

import math
import secrets
from collections import OrderedDict

from ..sampling import SAMPLERS, call_pattern, model_calls_for_steps
from ..sampling.schedule import NOISE_SCHEDULES
from .dropdown import given_to, levels, of_model

ONE_CALL = frozenset([  # ComfyUI's samplers that call the model once a step
    "ddim", "ddpm", "deis", "dpmpp_2m", "dpmpp_2m_cfg_pp", "dpmpp_2m_sde", "dpmpp_2m_sde_gpu", "dpmpp_2m_sde_heun",
    "dpmpp_2m_sde_heun_gpu", "dpmpp_3m_sde", "dpmpp_3m_sde_gpu", "er_sde", "euler", "euler_ancestral",
    "euler_ancestral_cfg_pp", "euler_cfg_pp", "gradient_estimation", "gradient_estimation_cfg_pp", "ipndm", "ipndm_v",
    "lcm", "lms", "res_multistep", "res_multistep_ancestral", "res_multistep_ancestral_cfg_pp",
    "res_multistep_cfg_pp", "sa_solver", "uni_pc", "uni_pc_bh2",
])  # fmt: skip
MOST = 1000  # steps; of more, only the steps are drawn
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


def calls_of_steps(name, steps):
    """The model calls of so many steps down to noise level 0; None where they are not known."""
    if name in SAMPLERS:
        return model_calls_for_steps(name, steps)
    return steps if name in ONE_CALL else None


def chart(name, options, sigmas, model_sampling):
    """The chart of a run with the sampler of that name: words, and lambda at its steps and further model calls.

    `end` is lambda at the last level, None at noise level 0.
    """
    schedule = NOISE_SCHEDULES[of_model(model_sampling)["noise_schedule"]]
    sigmas = levels(sigmas, model_sampling)
    if len(sigmas) < 2:
        return {"words": "no steps"}
    *starts, end = schedule.read(sigmas)
    calls = [(0, sigma) for sigma in starts]
    if name in SAMPLERS and len(starts) <= MOST:
        pattern = call_pattern(name, sigmas, **given_to(SAMPLERS[name], model_sampling), **options)
        calls = [(call.stage, call.sigma) for call in pattern]
        number = len(pattern)
    else:
        number = calls_of_steps(name, len(starts))

    def height(sigma):
        return -math.log(schedule.level(sigma)) if sigma else None

    return {
        "words": words(len(starts), number),
        "steps": [height(sigma) for stage, sigma in calls if stage == 0],
        "further": [height(sigma) for stage, sigma in calls if stage],
        "end": height(end),
    }


def tell(node_id, sampler, sigmas, model_sampling):
    """Tell the front end the chart of a run that starts, and a token of its model; what to return as the node's `ui`.

    ComfyUI sends the latter again when it takes the node from its cache.
    """
    from server import PromptServer  # here: tests import the nodes without a server

    name = getattr(getattr(sampler, "sampler_function", None), "__name__", "").removeprefix("sample_")
    given = getattr(sampler, "extra_options", {})
    options = {key: value for key, value in given.items() if key not in ("path", "noise_device")}
    told = {**chart(name, options, sigmas, model_sampling), "model": remember(model_sampling)}
    PromptServer.instance.send_sync(EVENT, {**told, "node": node_id}, PromptServer.instance.client_id)
    return {"seeds_chart": [told]}
