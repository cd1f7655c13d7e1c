"""The samplers that are compared: ours and their variants, ComfyUI's and k-diffusion's where they are at hand."""

import importlib.util
import os
import sys
from functools import cache, partial

import torch

from seeds_samplers.sampling import SAMPLERS

VARIANTS = {  # of ours: options other than the defaults
    "SEEDS-2 2a": ("SEEDS-2", {"variant": "2a"}),
    "SEEDS-2 2b r=1": ("SEEDS-2", {"r": 1.0}),
    "SEEDS-2 2s": ("SEEDS-2", {"variant": "2s"}),
    "SEEDS-3 3b": ("SEEDS-3", {"variant": "3b"}),
}
NO_NOISE = {  # ours with eta 0, by the names that they have then (tests/test_identities.py)
    "DDIM": ("SEEDS-1", {"eta": 0.0}),
    "DPM-Solver-2": ("SEEDS-2", {"eta": 0.0, "prediction": "noise", "variant": "2a"}),
    "DPM-Solver-3": ("SEEDS-3", {"eta": 0.0, "prediction": "noise"}),
}
PAPER = ("SEEDS-1", "SEEDS-2 2a", "SEEDS-2", "SEEDS-3", "ComfyUI heun with churn")  # those that the paper compares
CAPS = {  # of SEEDS-M; its default is 0.4
    f"SEEDS-M eta_cap={cap:g}": partial(SAMPLERS["SEEDS-M"], eta_cap=cap) for cap in (0.2, 0.6, 100.0)
}
CORE = {  # of ComfyUI: the stochastic ones, and the model calls of a step
    "er_sde": 1, "dpmpp_2m_sde": 1, "dpmpp_3m_sde": 1, "dpmpp_sde": 2, "sa_solver": 1, "seeds_2": 2, "seeds_3": 3,
    "exp_heun_2_x0_sde": 2, "euler_ancestral": 1, "dpm_2_ancestral": 2, "dpmpp_2s_ancestral": 2, "heun": 2,
}  # fmt: skip
ODE = {"dpmpp_2m": 1, "ipndm": 1, "uni_pc": 1, "res_multistep": 1, "deis": 1}  # of ComfyUI, with eta 0
PENULTIMATE = "ComfyUI uni_pc"  # ComfyUI asks for a step more and leaves out the last level but one
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


@cache
def comfyui():
    """ComfyUI's module of samplers; None without COMFYUI_PATH."""
    path = os.environ.get("COMFYUI_PATH")
    if not path:
        return None
    sys.path.insert(0, path)
    given, sys.argv = sys.argv, sys.argv[:1]
    import comfy.cli_args

    sys.argv = given
    comfy.cli_args.args.cpu = not torch.cuda.is_available()
    from comfy.k_diffusion import sampling

    return sampling


def caps():
    """{name: (function, calls a step)} of SEEDS-M with more and less noise in long steps."""
    return {name: (function, 1) for name, function in CAPS.items()}


def paper():
    """{name: (function, calls a step)} of those that the SEEDS paper compares, with noise and without."""
    known = contenders()
    found = {name: known[name] for name in PAPER if name in known}
    return found | {name: (partial(SAMPLERS[of], **options), known[of][1]) for name, (of, options) in NO_NOISE.items()}


def ode():
    """{name: (function, calls a step)} of ComfyUI's ODE samplers, where it is at hand."""
    module = comfyui()
    if not module:
        return {}
    from comfy.extra_samplers import uni_pc

    def sample_uni_pc(model, x, sigmas, **given):
        return uni_pc.sample_unipc(model, x, sigmas.clone(), **given)  # it changes them

    functions = {name: getattr(module, f"sample_{name}") for name in ODE if name != "uni_pc"} | {
        "uni_pc": sample_uni_pc
    }
    return {f"ComfyUI {name}": (functions[name], calls) for name, calls in ODE.items()}


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
    if comfyui():
        found |= _from(comfyui(), CORE, "ComfyUI")
    if comfyui() and os.environ.get("RES4LYF_PATH"):
        found |= _res4lyf(os.environ["RES4LYF_PATH"])
    try:
        from k_diffusion import sampling
    except ImportError:
        return found
    return found | _from(sampling, K_DIFFUSION, "k-diffusion")
