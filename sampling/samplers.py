"""The samplers, with k-diffusion's signature; SAMPLERS maps the names that hosts show to them."""

import torch

from .checks import choice, latent, number
from .noise import NOISE_DEVICES, NoisePath
from .plan import one_step_plan, seeds_1, seeds_2, seeds_3
from .prediction import prediction_of
from .schedule import noise_schedule_of
from .solver import run

SAMPLERS = {}

ARGUMENTS = """

    Args:
        model: model(x, sigma, **extra_args) -> denoised x, with sigma a (B,) tensor: k-diffusion's convention.
        x: (B, ...) floating point, at the noise level sigmas[0]; not changed. Half precision is computed in float32.
        sigmas: (N + 1,) strictly decreasing noise levels; a last 0 makes the last step return the denoised. Fewer than
            two: x is returned. In flow schedules a first sigma of 1 stands for 1 - 1e-4.
        callback: called once a step with {"x", "i", "sigma", "sigma_hat", "denoised"}.
        disable: True hides the progress bar.
        eta: how stochastic: 0 is the probability-flow ODE, 1 the reverse SDE (the paper's l squared).
        s_noise: multiplies the standard deviation of the noise.
        noise_sampler: noise_sampler(sigma, sigma_next) -> unit normals like x, independent for disjoint intervals;
            called in order, with 0-d tensors of x's device (float32 where x is half). A NoisePath is used in the
            sampler's own clock. Left out: NoisePath(x, seed), one path for each image.
        prediction: the semilinear form that is solved: "data", "noise" or "v" (EDM's).
        sigma_data: standard deviation of the data, for "v".
        noise_schedule: "karras" (x = x0 + sigma eps) or "flow" (x = (1 - sigma) x0 + sigma eps).
        seed: an int (image i of the batch has noise of its own) or one for each image; left out: extra_args["seed"],
            or a draw from torch's global generator.
        noise_device: draws the noise on the "cpu" or on the "gpu", x's device: the same numbers, to rounding.

    Returns x at sigmas[-1]. Raises ValueError naming the argument, its value and what is allowed.
    """


def sampler(name, *, calls_per_step, ode_order, weak_order):
    """Register a sampler under the name that hosts show, with what is known of it as attributes."""

    def register(function):
        function.calls_per_step, function.ode_order, function.weak_order = calls_per_step, ode_order, weak_order
        function.__doc__ = (function.__doc__ or "") + ARGUMENTS
        SAMPLERS[name] = function
        return function

    return register


def _sample(
    method, model, x, sigmas, extra_args, callback, disable, noise_sampler,
    *, prediction, eta, sigma_data, noise_schedule, s_noise, seed, noise_device,
):  # fmt: skip
    """Check, plan and run a one-step method."""
    form, schedule = prediction_of(prediction, eta, sigma_data), noise_schedule_of(noise_schedule)
    s_noise = number("s_noise", s_noise, least=0)
    choice("noise_device", noise_device, NOISE_DEVICES)
    plan = one_step_plan(method, form, schedule, schedule.read(sigmas), s_noise)
    latent(x)
    if not plan.steps:
        return x
    if noise_sampler is None and plan.draws:
        seed = (extra_args or {}).get("seed") if seed is None else seed
        noise_sampler = NoisePath(x, seed, noise_device=noise_device)
    if isinstance(noise_sampler, NoisePath):
        noise_sampler = noise_sampler.in_clock(form, schedule)
    sigmas = sigmas if torch.is_tensor(sigmas) else torch.as_tensor(sigmas, dtype=torch.float64)
    return run(plan, model, x, sigmas, extra_args, callback, disable, noise_sampler)


@sampler("SEEDS-1", calls_per_step=1, ode_order=1, weak_order=1)
def sample_seeds_1(
    model, x, sigmas, extra_args=None, callback=None, disable=None, eta=1.0, s_noise=1.0, noise_sampler=None,
    prediction="data", sigma_data=1.0, noise_schedule="karras", seed=None, noise_device="cpu",
):  # fmt: skip
    """SEEDS-1: the exponential Euler step (SEEDS, arXiv 2305.14267, Algorithm 2), for any eta and prediction."""
    return _sample(
        seeds_1(), model, x, sigmas, extra_args, callback, disable, noise_sampler,
        prediction=prediction, eta=eta, sigma_data=sigma_data, noise_schedule=noise_schedule, s_noise=s_noise,
        seed=seed, noise_device=noise_device,
    )  # fmt: skip


@sampler("SEEDS-2", calls_per_step=2, ode_order=2, weak_order=2)
def sample_seeds_2(
    model, x, sigmas, extra_args=None, callback=None, disable=None, eta=1.0, s_noise=1.0, noise_sampler=None,
    r=0.5, variant="2b", prediction="data", sigma_data=1.0, noise_schedule="karras", seed=None, noise_device="cpu",
):  # fmt: skip
    """SEEDS-2: a second model call at the fraction r of the step in lambda, 0 < r <= 1 (arXiv 2305.14267, Algorithm 3).

    variant: "2b", the polynomial through both predictions, or "2a", the paper's weights.
    """
    return _sample(
        seeds_2(r, variant), model, x, sigmas, extra_args, callback, disable, noise_sampler,
        prediction=prediction, eta=eta, sigma_data=sigma_data, noise_schedule=noise_schedule, s_noise=s_noise,
        seed=seed, noise_device=noise_device,
    )  # fmt: skip


@sampler("SEEDS-3", calls_per_step=3, ode_order=3, weak_order=2)
def sample_seeds_3(
    model, x, sigmas, extra_args=None, callback=None, disable=None, eta=1.0, s_noise=1.0, noise_sampler=None,
    r_1=1 / 3, r_2=2 / 3, variant="3a", prediction="data", sigma_data=1.0, noise_schedule="karras", seed=None,
    noise_device="cpu",
):  # fmt: skip
    """SEEDS-3: model calls at the fractions 0 < r_1 < r_2 <= 1 of the step too (arXiv 2305.14267, Algorithm 4).

    variant: "3a", the paper's drift, or "3b", whose last stage uses all three predictions. The stages share one noise
    path for any r_1 and r_2; the coefficients that the paper prints do so only for 1/3 and 2/3.
    """
    return _sample(
        seeds_3(r_1, r_2, variant), model, x, sigmas, extra_args, callback, disable, noise_sampler,
        prediction=prediction, eta=eta, sigma_data=sigma_data, noise_schedule=noise_schedule, s_noise=s_noise,
        seed=seed, noise_device=noise_device,
    )  # fmt: skip
