"""Runs a contender as its host would: what ComfyUI's samplers look for in a model, and the noise that they take."""

import inspect
import types

import torch
from frames import EPS

from seeds_samplers.sampling import NoisePath


class Hosted:
    """A denoiser as ComfyUI's samplers find it.

    model(x, sigma) may have, after a call, the tensors `cond_denoised` and `uncond_denoised` (like x; None or absent
    without guidance) and the number `guidance`: ours read the first, ComfyUI's CFG++ samplers get them all by the
    functions that they leave in model_options. `calls` counts.
    """

    def __init__(self, model, frame, x):
        self.model, self.calls, self.cond_denoised, self.uncond_denoised = model, 0, None, None
        sampling = frame.model_sampling
        inner = types.SimpleNamespace(model_sampling=sampling, device=x.device, diffusion_model=types.SimpleNamespace())
        patcher = types.SimpleNamespace(get_model_object=lambda _: sampling, model_options={})
        self.inner_model = types.SimpleNamespace(model_patcher=patcher, inner_model=inner, conds={}, model_options={})

    def __call__(self, x, sigma, seed=None, model_options=None, **arguments):
        self.calls += 1
        denoised = self.model(x, sigma, **arguments)
        self.cond_denoised = getattr(self.model, "cond_denoised", None)
        self.uncond_denoised = getattr(self.model, "uncond_denoised", None)
        for function in (model_options or {}).get("sampler_post_cfg_function", ()):
            conditional = denoised if self.cond_denoised is None else self.cond_denoised
            without = denoised if self.uncond_denoised is None else self.uncond_denoised
            denoised = function(
                {
                    "denoised": denoised, "cond_denoised": conditional, "uncond_denoised": without, "input": x,
                    "sigma": sigma, "cond_scale": getattr(self.model, "guidance", 1.0), "model": self,
                    "cond": None, "uncond": None, "model_options": model_options,
                }
            )  # fmt: skip
        return denoised


def sample(function, model, x, sigmas, noise_sampler, extra_args=None, frame=EPS):
    """Run a contender with a noise_sampler, if it takes one; `model` is any k-diffusion denoiser of that frame."""
    arguments, given, takes = dict(extra_args or {}), {}, inspect.signature(function).parameters
    if "noise_sampler" in takes:
        given["noise_sampler"] = noise_sampler
    if frame.flow and "noise_schedule" in takes:
        given["noise_schedule"] = frame.noise_schedule
    if getattr(function, "__module__", "").startswith("RES4LYF"):
        arguments |= {"model_options": {"transformer_options": {}}, "seed": 0}
    return function(Hosted(model, frame, x), x, sigmas, extra_args=arguments, disable=True, **given)


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
