"""The samplers as the web UI calls them."""

import inspect

from modules import shared

from ..sampling import SAMPLERS, NoisePath
from ..sampling.schedule import falling
from .fields import ATTRIBUTE, values_of
from .parts import ask, cond_denoised


def of_model(inner):
    """noise_schedule and sigma_data of the model that the host's guided denoiser wraps.

    Forge and its relatives have a predictor that knows; AUTOMATIC1111 has one flow model, SD3.
    """
    predictor = getattr(inner, "predictor", None)
    if predictor is None:
        flow = getattr(shared.sd_model, "is_sd3", False)
    else:
        flow = getattr(predictor, "prediction_type", None) == "const"
    sigma_data = getattr(inner if predictor is None else predictor, "sigma_data", None)  # None: Neo's flow models
    return {"noise_schedule": "flow" if flow else "karras", "sigma_data": float(sigma_data or 1.0)}


def noise_of(p, x, noise_device):
    """The noise of the images of a run: image i of the batch has the path of its own seed.

    Scripts may sample more images than the run has seeds; they share the first, numbered. The second pass of hires fix
    has paths of its own: its image was made from those of the first.
    """
    seeds, subseeds = ([int(seed) for seed in some or []] for some in (p.seeds, p.subseeds))
    numbers = [0] * len(x)
    if len(seeds) != len(x):
        seeds, numbers = [*seeds, 0][:1] * len(x), range(len(x))
    if len(subseeds) != len(x):
        subseeds = [*subseeds, 0][:1] * len(x)
    if getattr(p, "is_hr_pass", False):
        numbers = [number + max(numbers) + 1 for number in numbers]
    variation = {}
    if p.subseed_strength:
        variation = {"variation_seed": subseeds, "variation_strength": min(max(float(p.subseed_strength), 0.0), 1.0)}
    return NoisePath(x, seeds, indices=numbers, noise_device=noise_device, **variation)


class InSteps:
    """The host's denoiser, told before each model call which one of its count of calls it is.

    The host counts calls for prompt editing, alternation, the calls without guidance and, if it is set so, the refiner
    (else that goes by the noise level, and may come within a step). All calls of a step get one number, so that none of
    these changes within a step: the first in the step whose parity is that of the step, since alternation and NGMS go
    by odd and even.
    """

    def __init__(self, denoiser, calls_per_step, parts=False):
        self.denoiser, self.calls_per_step, self.calls = denoiser, calls_per_step, 0
        self.parts, self.cond_denoised = parts and ask(denoiser), None

    def __call__(self, x, sigma, **given):
        step = self.calls // self.calls_per_step
        first = step * self.calls_per_step
        # Some of the host's schedules have more steps than were asked for; past its end the first prompt would be back.
        self.denoiser.step = min(first + (first + step) % 2, self.denoiser.total_steps)
        self.calls += 1
        denoised = self.denoiser(x, sigma, **given)
        if self.parts:
            scales = {key: given[key] for key in ("cond_scale", "s_min_uncond") if key in given}
            self.cond_denoised = cond_denoised(self.denoiser, x, sigma, denoised, **scales)
        return denoised


FROM_HOST = ("model", "x", "sigmas", "extra_args", "callback", "disable", "eta")


def for_host(name):
    """The sampler of that name as the host calls it: with what the names of its parameters ask for."""
    sampler = SAMPLERS[name]
    parameters = inspect.signature(sampler).parameters

    def sample(model, x, sigmas, **given):
        p = model.p
        options = values_of(name, getattr(p, ATTRIBUTE, {}), shared.opts.data)
        noise_sampler = noise_of(p, x, options.pop("noise_device"))
        options |= {key: value for key, value in of_model(model.inner_model).items() if key in parameters}
        denoiser = InSteps(model, sampler.calls_per_step, sampler.reads_cond)
        try:
            return sampler(denoiser, x, falling(sigmas), noise_sampler=noise_sampler, **given, **options)
        except ValueError as error:
            if str(error).partition(":")[0] not in options:
                raise
            raise ValueError(f"{name} {error}") from None  # as the accordion calls the option

    sample.__signature__ = inspect.Signature([parameters[key] for key in FROM_HOST if key in parameters])
    sample.__name__, sample.__doc__ = sampler.__name__, sampler.__doc__
    return sample


HOST_SAMPLERS = {name: for_host(name) for name in SAMPLERS}
