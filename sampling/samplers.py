"""The samplers, with k-diffusion's signature; SAMPLERS maps the names that hosts show to them."""

import inspect
import sys
from collections.abc import Mapping
from functools import lru_cache

import torch

from .checks import choice, function, latent, level_tensor, number, whole_number
from .draws import Draws
from .er_sde import er_sde_plan, noise_scale_of
from .noise import NOISE_DEVICES, NoisePath
from .plan import one_step_plan, seeds_1, seeds_2, seeds_3
from .prediction import Data, eta_of, prediction_of
from .schedule import noise_schedule_of
from .seeds_m import ETA_CAP, seeds_m_plan
from .solver import run

SAMPLERS = {}
FAR = 4  # deviations: among the numbers of a latent some are so far from 0

ARGUMENTS = """

    Args:
        model: model(x, sigma, **extra_args) -> denoised x, with sigma a (B,) tensor: k-diffusion's convention.
        x: (B, ...) floating point, at the noise level sigmas[0]; not changed. Half precision is computed in float32.
        sigmas: (N + 1,) strictly decreasing noise levels; a last 0 makes the last step return the denoised. Fewer than
            two: x is returned. In flow schedules a first sigma of 1 stands for 1 - 1e-4.
        callback: called once a step with {{"x", "i", "sigma", "sigma_hat", "denoised"}}.
        disable: True hides the progress bar.
{own}        s_noise: multiplies the standard deviation of the noise.
        noise_sampler: noise_sampler(sigma, sigma_next) -> unit normals like x, independent for disjoint intervals;
            called in order, with 0-d tensors of x's device (float32 where x is half). A NoisePath is used in the
            sampler's own clock. Left out: NoisePath(x, seed), one path for each image.
        noise_schedule: "karras" (x = x0 + sigma eps) or "flow" (x = (1 - sigma) x0 + sigma eps).
        seed: an int (image i of the batch has noise of its own) or one for each image; left out: extra_args["seed"],
            or a draw from torch's global generator.
        noise_device: draws the noise on the "cpu" or on the "gpu", x's device: the same numbers, to rounding.

    Returns x at sigmas[-1]. Raises ValueError naming the argument, its value and what is allowed.
    """

OF_ARGUMENTS = {  # those that not every sampler has
    "eta": """        eta: how stochastic: 0 is the probability-flow ODE, 1 the reverse SDE (the paper's l squared).
""",
    "prediction": """        prediction: the semilinear form that is solved: "data", "noise" or "v" (EDM's).
        sigma_data: standard deviation of the data, for "v".
""",
}


def sampler(name, *, calls_per_step, ode_order, weak_order, reads_cond=False):
    """Register a sampler under the name that hosts show, with what is known of it as attributes.

    The orders are those of its options' defaults, on smooth problems; ode_order is that without noise. reads_cond: it
    makes use of a model's attribute `cond_denoised`.
    """

    def register(function):
        function.calls_per_step, function.ode_order, function.weak_order = calls_per_step, ode_order, weak_order
        function.reads_cond = reads_cond
        parameters = inspect.signature(function).parameters
        own = "".join(text for name, text in OF_ARGUMENTS.items() if name in parameters)
        function.__doc__ = (function.__doc__ or "") + ARGUMENTS.format(own=own)
        SAMPLERS[name] = function
        return function

    return register


@lru_cache(maxsize=64)
def _kept(planner, *arguments):
    """A plan, made once: hosts draw many images with the same numbers."""
    return planner(*arguments)


def _one_step(method, prediction, eta, sigma_data):
    """For _sample: the form whose clock the noise has, and the planner of a one-step method."""
    form = prediction_of(prediction, eta, sigma_data)
    return form, lambda *given: _kept(one_step_plan, method, form, *given)


def uncompiled(function):
    """`function` as torch.compile leaves it alone: it is all numbers. Dynamo, which takes long, is not imported."""
    disabled = []

    def call(*arguments, **options):
        if "torch._dynamo" in sys.modules:
            if not disabled:
                disabled.append(torch.compiler.disable(function))
            return disabled[0](*arguments, **options)
        return function(*arguments, **options)

    return call


@uncompiled
def _prepare(planned, x, sigmas, extra_args, callback, noise_sampler, *, noise_schedule, s_noise, seed, noise_device):
    """Check and plan: (plan, sigmas as a tensor, the noise of its stages)."""
    (form, planner), schedule = planned, noise_schedule_of(noise_schedule)
    s_noise = number("s_noise", s_noise, least=0)
    choice("noise_device", noise_device, NOISE_DEVICES)
    levels = tuple(schedule.read(sigmas))
    plan = planner(schedule, levels, s_noise)
    latent(x)
    if levels and levels[0] > torch.finfo(x.dtype).max:
        raise ValueError(f"sigmas: {levels[0]} at index 0; expected levels that {x.dtype}, x's dtype, can hold")
    if not FAR * plan.deviation <= torch.finfo(x.dtype).max:
        expected = f"expected at most {torch.finfo(x.dtype).max:.0e}, which {x.dtype} holds"
        raise ValueError(f"x, sigmas, s_noise: with them x gets as large as {FAR * plan.deviation:.0e}; {expected}")
    if extra_args is not None and not (isinstance(extra_args, Mapping) and all(isinstance(k, str) for k in extra_args)):
        raise ValueError(f"extra_args: {extra_args!r}; expected the model's keyword arguments by name")
    if callback is not None:
        function("callback", callback)
    if noise_sampler is None and plan.draws:
        seed = (extra_args or {}).get("seed") if seed is None else seed
        noise_sampler = NoisePath(x, seed, noise_device=noise_device)
    elif noise_sampler is not None:
        function("noise_sampler", noise_sampler)
    if isinstance(noise_sampler, NoisePath):
        noise_sampler = noise_sampler.in_clock(form, schedule)
    return plan, level_tensor(sigmas), Draws(noise_sampler, plan, x)


def _sample(planned, model, x, sigmas, extra_args, callback, disable, noise_sampler, **options):
    """Check, plan and run."""
    plan, sigmas, draws = _prepare(planned, x, sigmas, extra_args, callback, noise_sampler, **options)
    if not plan.steps:
        return x
    return run(plan, function("model", model), x, sigmas, draws, extra_args, callback, disable)


@sampler("SEEDS-1", calls_per_step=1, ode_order=1, weak_order=1)
def sample_seeds_1(
    model, x, sigmas, extra_args=None, callback=None, disable=None, eta=1.0, s_noise=1.0, noise_sampler=None,
    prediction="data", sigma_data=1.0, noise_schedule="karras", seed=None, noise_device="cpu",
):  # fmt: skip
    """SEEDS-1: the exponential Euler step (SEEDS, arXiv 2305.14267, Algorithm 2), for any eta and prediction."""
    return _sample(
        _one_step(seeds_1(), prediction, eta, sigma_data),
        model, x, sigmas, extra_args, callback, disable, noise_sampler,
        noise_schedule=noise_schedule, s_noise=s_noise, seed=seed, noise_device=noise_device,
    )  # fmt: skip


@sampler("SEEDS-2", calls_per_step=2, ode_order=2, weak_order=2)
def sample_seeds_2(
    model, x, sigmas, extra_args=None, callback=None, disable=None, eta=1.0, s_noise=1.0, noise_sampler=None,
    r=0.5, variant="2b", prediction="data", sigma_data=1.0, noise_schedule="karras", seed=None, noise_device="cpu",
):  # fmt: skip
    """SEEDS-2: a second model call at the fraction r of the step in lambda, 0 < r <= 1 (arXiv 2305.14267, Algorithm 3).

    variant: "2b", the polynomial through both predictions; "2a", the paper's weights; or "2s", of strong order 1.5: the
    image of a seed settles with fewer steps. "2s" has its second call at 3/4 and does not use r.
    """
    return _sample(
        _one_step(seeds_2(r, variant), prediction, eta, sigma_data),
        model, x, sigmas, extra_args, callback, disable, noise_sampler,
        noise_schedule=noise_schedule, s_noise=s_noise, seed=seed, noise_device=noise_device,
    )  # fmt: skip


@sampler("SEEDS-3", calls_per_step=3, ode_order=3, weak_order=2)
def sample_seeds_3(
    model, x, sigmas, extra_args=None, callback=None, disable=None, eta=1.0, s_noise=1.0, noise_sampler=None,
    r_1=1 / 3, r_2=2 / 3, variant="3a", prediction="data", sigma_data=1.0, noise_schedule="karras", seed=None,
    noise_device="cpu",
):  # fmt: skip
    """SEEDS-3: model calls at the fractions 0 < r_1 < r_2 <= 1 of the step too (arXiv 2305.14267, Algorithm 4).

    variant: "3a", the paper's drift, or "3b", whose last stage uses all three predictions. Without noise "3a" is of
    order 3 where r_2 is 2/3 and of order 2 elsewhere; "3b" of order 3, but of order 2 where r_1 is within 0.01 of 2/3.
    The stages share one noise path for any r_1 and r_2; the coefficients that the paper prints do so only for 1/3 and
    2/3.
    """
    return _sample(
        _one_step(seeds_3(r_1, r_2, variant), prediction, eta, sigma_data),
        model, x, sigmas, extra_args, callback, disable, noise_sampler,
        noise_schedule=noise_schedule, s_noise=s_noise, seed=seed, noise_device=noise_device,
    )  # fmt: skip


@sampler("SEEDS-M", calls_per_step=1, ode_order=2, weak_order=2, reads_cond=True)
def sample_seeds_m(
    model, x, sigmas, extra_args=None, callback=None, disable=None, eta=1.0, s_noise=1.0, noise_sampler=None,
    order=None, eta_cap=None, noise_schedule="karras", seed=None, noise_device="cpu", guidance_limit=1.0,
):  # fmt: skip
    """SEEDS-M: one model call a step, and what the call before it has told (docs/seeds_m.md).

    order: 2, or 1, which uses no call before; left out: 2. eta_cap: eta is at most eta_cap / h in a step of length h in
    lambda; left out: log(2) / 2. guidance_limit: how strongly guidance is limited in steps too long for it, 0 is not at
    all; it acts where the model has an attribute `cond_denoised`: the conditional part, like x, of what it returned
    in its latest call (None where it does not know it; the same tensor as it returned where there is no guidance).
    """
    eta, order = eta_of(eta), whole_number("order", 2 if order is None else order, least=1, most=2)
    eta_cap = ETA_CAP if eta_cap is None else number("eta_cap", eta_cap, above=0)
    limit = number("guidance_limit", guidance_limit, least=0)
    planned = Data(1.0, 1.0), lambda *given: _kept(seeds_m_plan, *given, eta, order, eta_cap, limit)
    return _sample(
        planned, model, x, sigmas, extra_args, callback, disable, noise_sampler,
        noise_schedule=noise_schedule, s_noise=s_noise, seed=seed, noise_device=noise_device,
    )  # fmt: skip


@sampler("ER-SDE", calls_per_step=1, ode_order=2, weak_order=1)
def sample_er_sde(
    model, x, sigmas, extra_args=None, callback=None, disable=None, s_noise=1.0, noise_sampler=None, order=3,
    noise_scale="sde5", noise_schedule="karras", seed=None, noise_device="cpu",
):  # fmt: skip
    """ER-SDE-Solver-1, -2 and -3 (arXiv 2309.06169, equations of order 1 to 3): one model call a step.

    order: 1, 2 or 3. noise_scale: the function phi of the VE noise level, which says how stochastic the solver is: the
    authors' "ode", "sde", "sde1" to "sde5", or a function of a float with phi > 0 and phi(s)/s not decreasing.
    """
    order = whole_number("order", order, least=1, most=3)
    planned = Data(1.0, 1.0), lambda *given: er_sde_plan(*given, order, noise_scale_of(noise_scale))
    return _sample(
        planned, model, x, sigmas, extra_args, callback, disable, noise_sampler,
        noise_schedule=noise_schedule, s_noise=s_noise, seed=seed, noise_device=noise_device,
    )  # fmt: skip
