"""Runs a contender as its host would: what ComfyUI's samplers look for in a model, and the noise that they take."""

import inspect
import types

import torch
from frames import EPS, model_sampling

from seeds_samplers.sampling import NoisePath


def hosted(model, frame, device):
    """A denoiser as ComfyUI's samplers find it, with the `cond_denoised` of model's latest call, if it has one."""

    def call(x, sigma, seed=None, model_options=None, **arguments):
        denoised = model(x, sigma, **arguments)
        call.cond_denoised = getattr(model, "cond_denoised", None)
        return denoised

    sampling = model_sampling(frame, device)
    inner = types.SimpleNamespace(model_sampling=sampling, device=device, diffusion_model=types.SimpleNamespace())
    patcher = types.SimpleNamespace(get_model_object=lambda _: sampling, model_options={})
    call.inner_model = types.SimpleNamespace(model_patcher=patcher, inner_model=inner, conds={}, model_options={})
    return call


def sample(function, model, x, sigmas, noise_sampler, extra_args=None, frame=EPS):
    """Run a contender with a noise_sampler, if it takes one; `model` is any k-diffusion denoiser of that frame."""
    arguments, given, takes = dict(extra_args or {}), {}, inspect.signature(function).parameters
    if "noise_sampler" in takes:
        given["noise_sampler"] = noise_sampler
    if frame.flow and "noise_schedule" in takes:
        given["noise_schedule"] = frame.noise_schedule
    if getattr(function, "__module__", "").startswith("RES4LYF"):
        arguments |= {"model_options": {"transformer_options": {}}, "seed": 0}
    return function(hosted(model, frame, x.device), x, sigmas, extra_args=arguments, disable=True, **given)


def plain_noise(x, seed):
    """A noise_sampler from torch's generator, also for those samplers that do not take one."""
    torch.manual_seed(seed + 10**9)  # whoever draws x from `seed`: the noise is to have nothing in common with it
    return lambda *_: torch.randn_like(x)


class SamePath(NoisePath):
    """The same noise for every contender, each asking for its own intervals; some ask for empty ones."""

    def __call__(self, sigma, sigma_next):
        if float(sigma) == float(sigma_next):
            return torch.zeros(self.shape, dtype=self.dtype)
        return super().__call__(sigma, sigma_next)


def same_path(x, seed, frame):
    """The path of `seed`; the samplers that draw their own noise get their random numbers from it, too."""
    plain_noise(x, seed)
    return SamePath(x, seed, noise_schedule=frame.noise_schedule)
