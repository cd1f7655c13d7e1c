"""A real web UI without its model repositories: what it imports of them is invented, the model is the embedded one.

As a program, it starts that web UI: python webui_standin.py CHECKOUT FOLDER KIND ARGUMENTS...
"""

import contextlib
import importlib.abc
import importlib.machinery
import json
import os
import sys
import types
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from seeds_samplers.demo.denoiser import load_model
from seeds_samplers.demo.glyphs import GLYPHS

# Packages of the model repositories and of upscalers: nothing of them is used for the embedded model.
INVENTED = {"ldm", "sgm", "taming", "clip", "open_clip", "facexlib", "gfpgan", "spandrel_extra_arches", "spandrel"}
KINDS = ("eps", "v", "sdxl", "flow")
ARGUMENTS = (
    "--use-cpu all --no-half --precision full --skip-torch-cuda-test --skip-load-model-at-start --no-download-sd-model "
    "--do-not-download-clip --skip-version-check --disable-console-progressbars"
).split()
SETTINGS = {  # no previews: they would fetch a network
    "live_previews_enable": False,
    "show_progress_type": "Full",
    "save_init_img": False,
    "samples_save": False,
    "grid_save": False,
    "auto_launch_browser": "Disable",
}


class _Anything(type):
    """A class that has every attribute, each a class like it."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name, (_Invented,), {})

    def __getitem__(cls, _):
        return cls

    def __setitem__(cls, *_):
        pass

    def __iter__(cls):
        return iter(())


class _Invented(metaclass=_Anything):
    def __init__(self, *_, **__):
        pass

    def __call__(self, *_, **__):
        return self

    def __iter__(self):
        return iter(())

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Invented()


class _Inventor(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds every module of the invented packages; whatever is asked of one is a class."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in INVENTED:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__path__ = []
        module.__getattr__ = lambda name: getattr(_Invented, name)
        return module

    def exec_module(self, module):
        pass


class Standin(nn.Module):
    """The embedded model as the web UI calls a Stable Diffusion model; `calls` gathers what it was called with.

    A prompt is one glyph; any other text is no glyph. The latent is the picture, shown with eight by eight a pixel.
    """

    parameterization, cond_stage_key, used_config, lowvram = "eps", "txt", "", False
    is_sd1 = is_sd2 = is_sdxl = is_sd3 = is_ssd = is_inpaint = is_sdxl_inpaint = False
    latent_channels, sd_model_hash, device, dtype = 3, "0" * 10, torch.device("cpu"), torch.float32

    def __init__(self, kind="eps"):
        super().__init__()
        self.kind, self.calls, self.before_call = kind, [], None
        self.parameterization = "v" if kind == "v" else "eps"
        self.is_sdxl, self.is_sd3 = kind == "sdxl", kind == "flow"
        self.is_sd1 = not (self.is_sdxl or self.is_sd3)
        self.alphas_cumprod = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2, 0)
        self.model, self.glyphs = nn.Module(), load_model()
        self.model.conditioning_key, self.model.diffusion_model = "crossattn", nn.Identity()
        self.first_stage_model = nn.Linear(1, 1)
        self.first_stage_model.dtype = torch.float32
        self.cond_stage_model_empty_prompt = self._cond([""])[0]
        names = dict.fromkeys(("name_for_extra", "short_title", "name", "filename", "title", "model_name"), "glyphs")
        self.sd_checkpoint_info = types.SimpleNamespace(**names, hash="0", shorthash="0", ids=[], registered=None)
        if kind == "flow":
            self.create_denoiser, self.add_noise_to_latent = self._flow_denoiser, self._flow_noise

    def _cond(self, texts):
        labels = [GLYPHS.find(text.strip()) + 1 if len(text.strip()) == 1 else 0 for text in texts]
        return torch.tensor(labels, dtype=torch.float32)[:, None, None].expand(-1, 77, 8).clone()

    def get_learned_conditioning(self, texts):
        cond = self._cond(texts)
        return {"crossattn": cond, "vector": cond[:, 0]} if self.kind in ("sdxl", "flow") else cond

    def _flow_denoiser(self):
        from modules.models.sd3.sd3_impls import ModelSamplingDiscreteFlow
        from modules.models.sd3.sd3_model import SD3Denoiser

        return SD3Denoiser(self, ModelSamplingDiscreteFlow(shift=3.0).sigmas)

    def _flow_noise(self, latent, noise, sigma):
        return sigma * noise + (1 - sigma) * latent

    def _denoised(self, x, sigma, cond):
        cond = cond["c_crossattn"][0] if "c_crossattn" in cond else cond["crossattn"]
        labels = cond[:, 0, 0].round().long() - 1
        self.calls.append({"sigma": float(sigma[0]), "labels": labels.tolist()})
        if self.before_call:
            self.before_call(len(self.calls))
        return self.glyphs(x, sigma, torch.where(labels < 0, len(GLYPHS), labels))

    def apply_model(self, x, t, cond=None):
        if self.kind == "flow":  # t is sigma, x = (1 - sigma) x0 + sigma eps, and the denoised is wanted
            scale = (1 - t.float()).clamp(min=1e-4)
            return self._denoised(x / scale[:, None, None, None], t / scale, cond)
        table = ((1 - self.alphas_cumprod) / self.alphas_cumprod).sqrt().log()
        low = t.floor().long()
        sigma = torch.lerp(table[low], table[t.ceil().long()], t.float() - low).exp()
        s = sigma[:, None, None, None]
        noisy = x * (s * s + 1).sqrt()  # the host has scaled it to variance 1
        denoised = self._denoised(noisy, sigma, cond)
        eps = (noisy - denoised) / s
        return (eps - s * denoised) / (s * s + 1).sqrt() if self.kind == "v" else eps

    def decode_first_stage(self, x):
        return x.clamp(-1, 1).repeat_interleave(8, 2).repeat_interleave(8, 3)

    def encode_first_stage(self, pixels):
        return F.avg_pool2d(pixels, 8)

    def get_first_stage_encoding(self, latent):
        return latent

    @contextlib.contextmanager
    def ema_scope(self, *_):
        yield


def prepare(checkout, folder, arguments=()):
    """Make `modules` importable, with the web UI's own files in `folder`."""
    checkout, folder = Path(checkout).resolve(), Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(SETTINGS))
    for name in ("generative-models/sgm", "stable-diffusion-stability-ai/ldm/models/diffusion", "stable-diffusion-webui-assets"):
        (checkout / "repositories" / name).mkdir(parents=True, exist_ok=True)
    (checkout / "repositories/stable-diffusion-stability-ai/ldm/models/diffusion/ddpm.py").touch()
    sys.meta_path.insert(0, _Inventor())
    sys.path.insert(0, str(checkout))
    os.chdir(checkout)
    sys.argv = ["webui.py", *ARGUMENTS, "--data-dir", str(folder), *arguments]


def use(model):
    """Let the web UI work with this model; to be called once `modules` are imported."""
    from modules import processing, sd_hijack, sd_models, shared

    sd_models.model_data.sd_model, sd_models.model_data.was_loaded_at_least_once = model, True
    shared.sd_model = model
    sd_models.reload_model_weights = lambda *_, **__: model
    sd_models.apply_token_merging = sd_models.apply_alpha_schedule_override = lambda *_, **__: None
    sd_hijack.model_hijack.apply_circular = lambda *_: None
    sd_hijack.model_hijack.embedding_db.load_textual_inversion_embeddings = lambda *_, **__: None
    processing.sd_unet.apply_unet = lambda *_: None


def main():
    checkout, folder, kind, *arguments = sys.argv[1:]
    prepare(checkout, folder, arguments)
    import webui  # which imports the host's modules, as its start does

    use(Standin(kind))
    webui.api_only() if "--nowebui" in arguments else webui.webui()


if __name__ == "__main__":
    main()
