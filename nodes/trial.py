"""ComfyUI's samplers tried on plain numbers, which says how often they call the model and what they solve."""

import functools
from types import SimpleNamespace

import comfy.samplers
import torch

from ..demo.kdiffusion import Sampler, read_option, readers_of, readers_of_ours, split_name
from ..sampling import SAMPLERS
from ..sampling.checks import choice
from .demo import glyph_sampling


def stand_in(model_sampling):
    """Makes the model that a sampler function of ComfyUI can be tried on from denoiser(x, sigma)."""
    patcher = SimpleNamespace(get_model_object={"model_sampling": model_sampling}.__getitem__)
    inner = SimpleNamespace(inner_model=SimpleNamespace(model_sampling=model_sampling), model_patcher=patcher)

    def with_denoiser(denoiser):
        def model(x, sigma, model_options=None, **_):
            denoised = denoiser(x, sigma)
            told = {"denoised": denoised, "cond_denoised": denoised, "uncond_denoised": denoised + 0.1 * x}
            for function in (model_options or {}).get("sampler_post_cfg_function", []):
                denoised = function(told)
            return denoised

        model.inner_model = inner
        return model

    return with_denoiser


def sampler_of(text, model_sampling):
    """(Sampler, ComfyUI's sampler object) of a name in the dropdown, with options: NAME option=value ..."""
    name, given = split_name(text)
    found = comfy.samplers.sampler_object(choice("samplers", name, comfy.samplers.SAMPLER_NAMES))
    readers = readers_of_ours(name) if name in SAMPLERS else readers_of(found.sampler_function)
    options = {option: read_option(name, readers, option, value) for option, value in given.items()}
    found.extra_options = {**found.extra_options, **options}
    return Sampler(text, found.sampler_function, found.extra_options, stand_in(model_sampling)), found


FEW = 8  # steps: of more, each makes as many model calls as the last of these, whatever it remembers


@functools.lru_cache(maxsize=1024)
def calls_of_core(name, steps, to_zero=True):
    """The model calls of so many steps of a sampler of ComfyUI's own; to_zero: the last one goes to noise level 0.

    None where they are not known: the sampler is another pack's, or chooses its own steps.
    """
    if name not in comfy.samplers.SAMPLER_NAMES:
        return None
    sampler, found = sampler_of(name, glyph_sampling())
    if not found.sampler_function.__module__.startswith("comfy."):
        return None

    def calls(number):
        sigmas = torch.logspace(1, -1, number + (not to_zero))
        return sampler.calls(torch.cat([sigmas, torch.zeros(1)]) if to_zero else sigmas)

    each = calls(FEW) - calls(FEW - 1)
    return calls(min(steps, FEW)) + max(0, steps - FEW) * each if each else None
