"""What Forge and its relatives have around a model, for the stand-in of webui_standin.py."""

import inspect
import types

import torch
from torch import nn


class _GlyphsOfForge(nn.Module):
    """What Forge's model calls with its scaled input and time; sigma_of(t) is the time's noise level."""

    storage_dtype = computation_dtype = torch.float32
    load_device = offload_device = initial_device = torch.device("cpu")

    def __init__(self, standin, sigma_of):
        super().__init__()
        self.standin, self.sigma_of = [standin], sigma_of  # in a list: not a module of this one

    def forward(self, x, t, context=None, **_):
        (standin,), sigma, cond = self.standin, self.sigma_of(t), {"crossattn": context}
        s = sigma[:, None, None, None]
        if standin.kind == "flow":
            scale = (1 - sigma).clamp(min=1e-4)
            return (x - standin._denoised(x / scale[:, None, None, None], sigma / scale, cond)) / s
        return standin.output(x * (s * s + 1).sqrt(), sigma, cond)


def _unet_of_forge(standin):
    """The stand-in in Forge's own patcher, with Forge's own predictor."""
    from backend import args
    from backend.modules.k_prediction import Prediction, PredictionFlux
    from backend.patcher.unet import UnetPatcher

    kind = {"v": "v_prediction"}.get(standin.kind, "epsilon")
    config = types.SimpleNamespace(sampling_settings={"shift": 1.15}, memory_usage_factor=1.0)
    if standin.kind == "flow":
        of_neo = "model_config" in inspect.signature(PredictionFlux).parameters
        predictor, sigma_of = PredictionFlux(config) if of_neo else PredictionFlux(mu=1.15), lambda t: t
    else:
        predictor = Prediction(1.0, kind, "linear", 0.00085, 0.012, 1000)
        sigma_of = predictor.sigma
    if hasattr(args.dynamic_args, "ops"):
        args.dynamic_args.ops = "Float32"  # what Neo's loader would say
    network = _GlyphsOfForge(standin, sigma_of)
    return UnetPatcher.from_model(network, diffusers_scheduler=None, config=config, k_predictor=predictor)


def _unet_of_classic(standin):
    """The stand-in in the patcher of Forge Classic and reForge, which have ComfyUI's classes of their time."""
    from ldm_patched.modules import model_base
    from modules_forge.unet_patcher import UnetPatcher

    latent_format = types.SimpleNamespace(process_in=lambda x: x, process_out=lambda x: x, scale_factor=1.0)
    config = types.SimpleNamespace(
        unet_config={"disable_unet_model_creation": True}, latent_format=latent_format, manual_cast_dtype=None,
        sampling_settings={}, beta_schedule="linear", custom_operations=None, optimizations={}, memory_usage_factor=1.0,
    )  # fmt: skip
    kind = model_base.ModelType.V_PREDICTION if standin.kind == "v" else model_base.ModelType.EPS
    model = model_base.BaseModel(config, kind)
    model.get_dtype, model.memory_required = lambda: torch.float32, lambda *_, **__: 0
    model.diffusion_model = _GlyphsOfForge(standin, model.model_sampling.sigma)
    return UnetPatcher(model, load_device=torch.device("cpu"), offload_device=torch.device("cpu"))


def with_forge_objects(standin):
    """The stand-in with what Forge has around a model; nobody asks for its VAE."""
    try:
        from backend.diffusion_engine.base import ForgeObjects

        unet = _unet_of_forge(standin)
    except ModuleNotFoundError:
        from modules_forge import forge_loader

        ForgeObjects = getattr(forge_loader, "ForgeObjects", None) or forge_loader.ForgeSD  # reForge's
        unet, standin.latent_channels = _unet_of_classic(standin), 4
    objects = ForgeObjects(
        unet, clip=None, vae=types.SimpleNamespace(latent_channels=standin.latent_channels), clipvision=None
    )
    standin.forge_objects = standin.forge_objects_original = standin.forge_objects_after_applying_lora = objects
    standin.model_config, standin.current_lora_hash, standin.is_sd3 = types.SimpleNamespace(), "[]", False
    return standin
