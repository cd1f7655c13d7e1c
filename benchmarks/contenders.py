"""The samplers that are compared: ours and their variants, ComfyUI's and k-diffusion's where they are at hand."""

import inspect
import os
import sys
import types
from functools import partial

import torch

from seeds_samplers.sampling import SAMPLERS

VARIANTS = {  # of ours: options other than the defaults
    "SEEDS-2 2a": ("SEEDS-2", {"variant": "2a"}),
    "SEEDS-2 2b r=1": ("SEEDS-2", {"r": 1.0}),
    "SEEDS-2 2s": ("SEEDS-2", {"variant": "2s"}),
    "SEEDS-3 3b": ("SEEDS-3", {"variant": "3b"}),
}
CORE = {  # of ComfyUI: the stochastic ones, and the model calls of a step
    "er_sde": 1, "dpmpp_2m_sde": 1, "dpmpp_3m_sde": 1, "dpmpp_sde": 2, "sa_solver": 1, "seeds_2": 2, "seeds_3": 3,
    "exp_heun_2_x0_sde": 2, "euler_ancestral": 1, "dpm_2_ancestral": 2, "dpmpp_2s_ancestral": 2, "heun": 2,
}  # fmt: skip
K_DIFFUSION = {
    "dpmpp_2m_sde": 1, "dpmpp_3m_sde": 1, "dpmpp_sde": 2, "euler_ancestral": 1, "dpm_2_ancestral": 2,
    "dpmpp_2s_ancestral": 2, "heun": 2,
}  # fmt: skip
# EDM's stochastic sampler is heun with churn, here as for ImageNet (Karras et al. 2022, table 5).
CHURN = {"s_churn": 40.0, "s_tmin": 0.05, "s_tmax": 50.0, "s_noise": 1.003}


def _from(module, names, owner):
    """{name: (function, calls a step)} of a module with k-diffusion's samplers."""
    found = {f"{owner} {name}": (getattr(module, f"sample_{name}"), calls) for name, calls in names.items()}
    heun, calls = found.pop(f"{owner} heun")
    return found | {f"{owner} heun with churn": (partial(heun, **CHURN), calls)}


def contenders():
    """{name: (function, calls a step)} of all that are at hand."""
    found = {name: (function, function.calls_per_step) for name, function in SAMPLERS.items()}
    found |= {name: (partial(SAMPLERS[of], **options), found[of][1]) for name, (of, options) in VARIANTS.items()}
    if path := os.environ.get("COMFYUI_PATH"):
        sys.path.insert(0, path)
        sys.argv = sys.argv[:1]
        import comfy.cli_args

        comfy.cli_args.args.cpu = True
        from comfy.k_diffusion import sampling

        found |= _from(sampling, CORE, "ComfyUI")
    try:
        from k_diffusion import sampling
    except ImportError:
        return found
    return found | _from(sampling, K_DIFFUSION, "k-diffusion")


def sample(function, model, x, sigmas, seed, extra_args=None):
    """Run a contender, its noise from torch's generator with that seed; `model` is any k-diffusion denoiser."""
    model_sampling = types.SimpleNamespace(
        noise_scale=1.0, percent_to_sigma=lambda percent: float(sigmas[0]) * (1 - percent)
    )

    def hosted(x, sigma, **arguments):
        return model(x, sigma, **arguments)

    hosted.inner_model = types.SimpleNamespace(  # what ComfyUI's samplers ask of a model
        model_patcher=types.SimpleNamespace(get_model_object=lambda _: model_sampling),
        inner_model=types.SimpleNamespace(model_sampling=model_sampling),
    )
    torch.manual_seed(seed + 10**9)  # the problems draw x from `seed`: the noise is to have nothing in common with it
    given = {}
    if "noise_sampler" in inspect.signature(function).parameters:
        given["noise_sampler"] = lambda *_: torch.randn(x.shape)
    return function(hosted, x, sigmas, extra_args=extra_args or {}, disable=True, **given)
