"""SEEDSDemoCheckpoint: the embedded glyph model behind ComfyUI's own interfaces.

A latent is the picture itself, (B, 3, H/8, W/8) in [-1, 1], of which the "VAE" shows every pixel as eight by eight; the
"CLIP" knows one word, the glyph.
"""

import logging
import re

import comfy.latent_formats
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.sd
import comfy.supported_models_base
import torch
from comfy_api.latest import io
from torch import nn

from ..demo.denoiser import SIGMA_DATA, SIGMA_MAX, SIGMA_MIN, load_model
from ..demo.glyphs import GLYPHS
from .compat import schema

SCALE = 8
MODEL_TYPE = comfy.model_base.ModelType.EDM


class GlyphLatent(comfy.latent_formats.LatentFormat):
    latent_channels = 3
    latent_rgb_factors = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]  # noqa: RUF012


class GlyphNetwork(nn.Module):
    """The network as ComfyUI calls it: `context`, (B, 1, 1), is the label plus 1, or 0 (zeroed) for none."""

    def __init__(self, network):
        super().__init__()
        self.network, self.dtype = network, torch.float32

    def forward(self, x, timesteps, context=None, **_):
        none = torch.zeros(len(x), device=x.device)
        labels = (none if context is None else context[:, 0, 0]).round().long() - 1
        labels = torch.where(labels < 0, self.network.classes, labels)
        if x.shape[2] % 4 or x.shape[3] % 4:
            raise ValueError(
                f"SEEDS demo model: an image of {x.shape[3] * SCALE} x {x.shape[2] * SCALE}; expected multiples of "
                f"{4 * SCALE}, best {32 * SCALE} x {32 * SCALE}"
            )
        return self.network(x, timesteps, labels)


class GlyphCLIP(comfy.sd.CLIP):
    """Turns a prompt of one glyph into its label; any other prompt stands for no glyph in particular."""

    def __init__(self):
        super().__init__(no_init=True)
        self.cond_stage_model, self.tokenizer, self.layer_idx, self.use_clip_schedule = nn.Module(), None, None, False
        cpu = torch.device("cpu")
        self.patcher = comfy.model_patcher.ModelPatcher(self.cond_stage_model, load_device=cpu, offload_device=cpu)

    def clone(self, *_, **__):
        return GlyphCLIP()

    def is_dynamic(self):
        return False

    def get_sd(self):
        return {}

    def tokenize(self, text, *_, **__):
        found = re.fullmatch(r"\(?([A-Za-z0-9])(:[\d.]+\))?\)?", text.strip())  # (A:1.2) is an A
        if found:
            return {"glyph": [[(GLYPHS.index(found[1].upper()) + 1, 1.0)]]}
        if text.strip():
            logging.warning("SEEDS demo model: the prompt %r is not a glyph; write one of A-Z or 0-9", text)
        return {"glyph": [[(0, 1.0)]]}

    def encode_from_tokens(self, tokens, return_pooled=False, return_dict=False):
        cond = torch.tensor([[[float(tokens["glyph"][0][0][0])]]])
        if return_dict:
            return {"cond": cond, "pooled_output": torch.zeros(1, 1)}
        return (cond, torch.zeros(1, 1)) if return_pooled else cond

    def encode_from_tokens_scheduled(self, tokens, unprojected=False, add_dict=None, show_pbar=True):
        result = self.encode_from_tokens(tokens, return_dict=True)
        cond = result.pop("cond")
        return [[cond, {**result, **(add_dict or {})}]]


class PixelVAE(comfy.sd.VAE):
    """Shows each pixel of the latent as eight by eight, and averages them again."""

    def __init__(self):  # nothing of the parent's: there are no weights
        self.latent_channels, self.latent_dim, self.output_channels = 3, 2, 3
        self.downscale_ratio = self.upscale_ratio = SCALE
        self.first_stage_model = nn.Identity()
        self.device, self.output_device = torch.device("cpu"), comfy.model_management.intermediate_device()

    def throw_exception_if_invalid(self):
        pass

    def decode(self, samples_in, *_, **__):
        pixels = (samples_in.float().cpu().clamp(-1, 1) + 1) / 2
        return pixels.repeat_interleave(SCALE, 2).repeat_interleave(SCALE, 3).movedim(1, -1).to(self.output_device)

    def encode(self, pixel_samples, *_, **__):
        pixels = pixel_samples[..., :3].float().cpu().movedim(-1, 1)
        height, width = (size // SCALE * SCALE for size in pixels.shape[2:])
        latent = nn.functional.avg_pool2d(pixels[:, :, :height, :width], SCALE)
        return (latent * 2 - 1).to(self.output_device)

    decode_tiled, encode_tiled = decode, encode

    def is_dynamic(self):
        return False

    def get_sd(self):
        return {}

    def spacial_compression_decode(self):
        return SCALE

    def spacial_compression_encode(self):
        return SCALE

    def temporal_compression_decode(self):
        return None


class GlyphConfig(comfy.supported_models_base.BASE):
    latent_format = GlyphLatent
    memory_usage_factor = 0.1


def glyph_config():
    config = GlyphConfig({"disable_unet_model_creation": True, "in_channels": 3})
    config.sampling_settings = dict(sigma_min=SIGMA_MIN, sigma_max=SIGMA_MAX, sigma_data=SIGMA_DATA)
    return config


def glyph_sampling():
    """The model's noise levels, without the model."""
    return comfy.model_base.model_sampling(glyph_config(), MODEL_TYPE)


def glyph_model():
    """A ModelPatcher around the embedded network: EDM preconditioning is ComfyUI's own."""
    model = comfy.model_base.BaseModel(glyph_config(), MODEL_TYPE)
    model.diffusion_model = GlyphNetwork(load_model().network).requires_grad_(False)
    return comfy.model_patcher.ModelPatcher(
        model,
        load_device=comfy.model_management.get_torch_device(),
        offload_device=comfy.model_management.unet_offload_device(),
    )


class SEEDSDemoCheckpoint(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return schema(
            "CheckpointLoaderSimple",
            node_id="SEEDSDemoCheckpoint",
            display_name="SEEDS Demo Checkpoint",
            description="A small model that needs no download: it draws one glyph, A-Z or 0-9, which is the prompt. "
            "For images of 256 x 256, guidance about 2.",
            search_aliases=["SEEDS", "demo model", "glyphs", "test model"],
            inputs=[],
            outputs=[io.Model.Output(), io.Clip.Output(), io.Vae.Output()],
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        return io.NodeOutput(glyph_model(), GlyphCLIP(), PixelVAE())
