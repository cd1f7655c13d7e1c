"""The samplers as ComfyUI calls them, and their entries in its dropdowns."""

import inspect

import comfy.model_patcher
import comfy.samplers
import torch
from comfy.k_diffusion import sampling as k_diffusion_sampling
from comfy.model_sampling import CONST

from ..sampling import SAMPLERS, NoisePath, call_pattern, sigmas_seeds
from ..sampling.schedule import falling

FIRST_PERCENT = 1e-4  # core's own stand-in for the start of a flow schedule, where lambda is -infinity

FIRST = "SEEDS-2"  # what a new node starts with
SCHEDULE = "seeds"
CALLS = "seeds_calls"  # in transformer_options: what call_pattern says of the run


def of_model(model_sampling):
    """noise_schedule and sigma_data, as a model's sampling object tells them."""
    return {
        "noise_schedule": "flow" if isinstance(model_sampling, CONST) else "karras",
        "sigma_data": float(getattr(model_sampling, "sigma_data", 1.0)),
    }


def given_to(function, model_sampling):
    """Those of a model's options that the sampler function takes."""
    parameters = inspect.signature(function).parameters
    return {name: value for name, value in of_model(model_sampling).items() if name in parameters}


def levels(sigmas, model_sampling):
    """The sigmas with a first one that has a lambda, as core's samplers have it, and each below those before."""
    sigmas = falling(sigmas)
    if len(sigmas) > 1 and isinstance(model_sampling, CONST) and sigmas[0] >= 1:
        sigmas = sigmas.clone()
        sigmas[0] = model_sampling.percent_to_sigma(FIRST_PERCENT)
    return sigmas


def no_levels(scheduler, steps):
    """The error of a scheduler that gives what are no noise levels."""
    return ValueError(
        f"scheduler: {scheduler!r} has no noise levels for {steps} steps; expected another, or more steps"
    )


def checked(sigmas, model_sampling):
    """The sigmas of a dropdown's scheduler; ValueError with its name, which core does not tell, where some are NaN."""
    if not sigmas.isfinite().all():
        for scheduler in comfy.samplers.SCHEDULER_NAMES:
            given = comfy.samplers.calculate_sigmas(model_sampling, scheduler, len(sigmas) - 1)
            if torch.allclose(given.to(sigmas), sigmas, equal_nan=True):
                raise no_levels(scheduler, len(sigmas) - 1)
    return sigmas


def announced(extra_args, calls):
    """The model's arguments with the run's model calls where caches and other patches look: transformer_options."""
    if "model_options" not in (extra_args or {}):
        return extra_args
    options = extra_args["model_options"]
    transformer_options = {**options.get("transformer_options", {}), CALLS: calls}
    return {**extra_args, "model_options": {**options, "transformer_options": transformer_options}}


class WithParts:
    """The model with the attribute `cond_denoised`, which SEEDS-M reads: the conditional part of its latest result.

    ComfyUI tells it to post-CFG functions. What other such functions, rescaling and the like make of the result counts
    as guidance; under a mask, so that what is kept does not, the part is the result there.
    """

    def __init__(self, model):
        self.model, self.cond_denoised = model, None

    def __getattr__(self, name):
        return getattr(self.model, name)

    def __call__(self, x, sigma, model_options=None, denoise_mask=None, **given):
        seen = []

        def keep(told):
            seen[:] = [told["cond_denoised"]]
            return told["denoised"]

        options = comfy.model_patcher.set_model_options_post_cfg_function({**(model_options or {})}, keep)
        denoised = self.model(x, sigma, model_options=options, denoise_mask=denoise_mask, **given)
        self.cond_denoised = next((cond for cond in seen if cond.shape == denoised.shape), None)
        if self.cond_denoised is not None and denoise_mask is not None:
            self.cond_denoised = torch.lerp(denoised, self.cond_denoised.to(denoised), denoise_mask.to(denoised))
        return denoised


def noise_of(x, extra_args, noise_device, path):
    """The noise of the images of a run, by the node's seed.

    `path` is a dict of what nodes know, or None; it goes to NoisePath: indices, variation_seed, variation_strength.
    """
    return NoisePath(x, (extra_args or {}).get("seed"), noise_device=noise_device, **(path or {}))


def for_host(name):
    """The sampler of that name with the signature that ComfyUI calls: what depends on the model is read from it."""
    sampler = SAMPLERS[name]

    def sample(
        model, x, sigmas, extra_args=None, callback=None, disable=None, s_noise=1.0, noise_sampler=None,
        noise_device="cpu", path=None, **options,
    ):  # fmt: skip
        model_sampling = model.inner_model.model_patcher.get_model_object("model_sampling")
        given = given_to(sampler, model_sampling)
        if noise_sampler is None:
            noise_sampler = noise_of(x, extra_args, noise_device, path)
        sigmas = levels(checked(sigmas, model_sampling), model_sampling)
        extra_args = announced(extra_args, call_pattern(name, sigmas, **given, **options))
        return sampler(
            WithParts(model) if sampler.reads_cond else model, x, sigmas, extra_args=extra_args, callback=callback,
            disable=disable, s_noise=s_noise * float(getattr(model_sampling, "noise_scale", 1.0)),
            noise_sampler=noise_sampler, **given, **options,
        )  # fmt: skip

    sample.__name__, sample.__doc__ = f"sample_{name}", inspect.getdoc(sampler)
    sample.calls_per_step = sampler.calls_per_step
    return sample


NAMES = sorted(SAMPLERS, key=lambda name: name != FIRST)
HOST_SAMPLERS = {name: for_host(name) for name in NAMES}


def seeds_schedule(model_sampling, steps):
    """sigmas_seeds over the model's levels, as ComfyUI asks a scheduler for them."""
    noise_schedule = of_model(model_sampling)["noise_schedule"]
    start = levels(torch.tensor([float(model_sampling.sigma_max), 0.0]), model_sampling)[0].item()
    return sigmas_seeds(steps, float(model_sampling.sigma_min), start, noise_schedule)


def register():
    """Append the samplers and the scheduler to the dropdowns' lists; again, it changes nothing but what is missing.

    The functions become attributes of ComfyUI's k_diffusion.sampling, where KSampler looks them up; attributes outlive
    a reload of that module.
    """
    for name, function in HOST_SAMPLERS.items():
        setattr(k_diffusion_sampling, f"sample_{name}", function)
        for names in (comfy.samplers.KSAMPLER_NAMES, comfy.samplers.SAMPLER_NAMES, comfy.samplers.KSampler.SAMPLERS):
            if name not in names:
                names.append(name)
    handler = comfy.samplers.SchedulerHandler(seeds_schedule)
    comfy.samplers.SCHEDULER_HANDLERS.setdefault(SCHEDULE, handler)
    for names in (comfy.samplers.SCHEDULER_NAMES, comfy.samplers.KSampler.SCHEDULERS):
        if SCHEDULE not in names:
            names.append(SCHEDULE)
