"""The samplers that are compared: ours and their variants, ComfyUI's and k-diffusion's where they are at hand."""

import importlib.util
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
RES4LYF = {"res_2m": 1, "res_2s": 2, "res_3s": 3}
# EDM's stochastic sampler is heun with churn, here as for ImageNet (Karras et al. 2022, table 5).
CHURN = {"s_churn": 40.0, "s_tmin": 0.05, "s_tmax": 50.0, "s_noise": 1.003}


def _from(module, names, owner):
    """{name: (function, calls a step)} of a module with k-diffusion's samplers."""
    found = {f"{owner} {name}": (getattr(module, f"sample_{name}"), calls) for name, calls in names.items()}
    heun, calls = found.pop(f"{owner} heun")
    return found | {f"{owner} heun with churn": (partial(heun, **CHURN), calls)}


def _comfyui(path):
    sys.path.insert(0, path)
    sys.argv = sys.argv[:1]
    import comfy.cli_args

    comfy.cli_args.args.cpu = not torch.cuda.is_available()
    from comfy.k_diffusion import sampling

    return _from(sampling, CORE, "ComfyUI")


def _res4lyf(path):
    """Those of the node pack, which wants ComfyUI's server to be there."""
    import asyncio

    import server

    server.PromptServer(asyncio.new_event_loop())
    spec = importlib.util.spec_from_file_location("RES4LYF", f"{path}/__init__.py", submodule_search_locations=[path])
    module = sys.modules["RES4LYF"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    from RES4LYF import beta

    return {f"RES4LYF {name}": (getattr(beta, f"sample_{name}"), calls) for name, calls in RES4LYF.items()}


def contenders():
    """{name: (function, calls a step)} of all that are at hand."""
    found = {name: (function, function.calls_per_step) for name, function in SAMPLERS.items()}
    found |= {name: (partial(SAMPLERS[of], **options), found[of][1]) for name, (of, options) in VARIANTS.items()}
    comfyui, res4lyf = os.environ.get("COMFYUI_PATH"), os.environ.get("RES4LYF_PATH")
    if comfyui:
        found |= _comfyui(comfyui)
    if comfyui and res4lyf:
        found |= _res4lyf(res4lyf)
    try:
        from k_diffusion import sampling
    except ImportError:
        return found
    return found | _from(sampling, K_DIFFUSION, "k-diffusion")


def _model_sampling(device):
    """ComfyUI's noise levels of an eps model, which some of its samplers ask for; None where it is not at hand."""
    if "comfy" not in sys.modules:
        return None
    import comfy.model_sampling as known

    return type("Eps", (known.ModelSamplingDiscrete, known.EPS), {})().to(device)


def sample(function, model, x, sigmas, noise_sampler, extra_args=None):
    """Run a contender with a noise_sampler, if it takes one; `model` is any k-diffusion denoiser."""
    model_sampling = _model_sampling(x.device)

    def hosted(x, sigma, seed=None, model_options=None, **arguments):
        return model(x, sigma, **arguments)

    inner = types.SimpleNamespace(
        model_sampling=model_sampling, device=x.device, diffusion_model=types.SimpleNamespace()
    )
    patcher = types.SimpleNamespace(get_model_object=lambda _: model_sampling, model_options={})
    hosted.inner_model = types.SimpleNamespace(model_patcher=patcher, inner_model=inner, conds={}, model_options={})
    arguments, given = dict(extra_args or {}), {}
    if "noise_sampler" in inspect.signature(function).parameters:
        given["noise_sampler"] = noise_sampler
    if getattr(function, "__module__", "").startswith("RES4LYF"):
        arguments |= {"model_options": {"transformer_options": {}}, "seed": 0}
    return function(hosted, x, sigmas, extra_args=arguments, disable=True, **given)


def plain_noise(x, seed):
    """A noise_sampler from torch's generator, also for those samplers that do not take one."""
    torch.manual_seed(seed + 10**9)  # whoever draws x from `seed`: the noise is to have nothing in common with it
    return lambda *_: torch.randn_like(x)
