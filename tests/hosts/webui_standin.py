"""A real web UI without its model repositories: what it imports of them is invented, the model is the embedded one.

As a program, it starts that web UI: python webui_standin.py CHECKOUT FOLDER KIND ARGUMENTS...
"""

import contextlib
import json
import os
import sys
import types
from pathlib import Path

import torch
from invented import Inventor
from torch import nn
from torch.nn import functional as F
from webui_standin_forge import with_forge_objects

from seeds_samplers.demo.denoiser import load_model
from seeds_samplers.demo.glyphs import GLYPHS

# Packages of the model repositories and of upscalers: nothing of them is used for the embedded model.
INVENTED = {"ldm", "sgm", "taming", "clip", "open_clip", "facexlib", "gfpgan", "spandrel_extra_arches", "spandrel"}
INVENTED_FOR_FORGE = {"huggingface_guess", "pillow_heif", "pillow_jxl", "joblib", "av"}
REPOSITORIES = ("generative-models/sgm", "stable-diffusion-webui-assets")
ARGUMENTS = ("--skip-torch-cuda-test", "--no-download-sd-model", "--skip-version-check")
OF_AUTOMATIC1111 = (
    *("--use-cpu", "all", "--no-half", "--precision", "full", "--skip-load-model-at-start"),
    *("--do-not-download-clip", "--disable-console-progressbars"),
)
OF_FORGE = ("--always-cpu",)
OF_NEO = ("--cpu",)
NEO = "modules_forge/packages"  # of Forge's relatives only Neo has it
SETTINGS = {  # no previews: they would fetch a network
    "live_previews_enable": False,
    "show_progress_type": "Full",
    "save_init_img": False,
    "samples_save": False,
    "grid_save": False,
    "auto_launch_browser": "Disable",
    "sd_model_checkpoint": "glyphs",
}


class Standin(nn.Module):
    """The embedded model as the web UI calls a Stable Diffusion model; `calls` gathers what it was called with.

    A prompt is one glyph; any other text is no glyph. The latent is the picture, shown with eight by eight a pixel.
    """

    parameterization, cond_stage_key, used_config, lowvram = "eps", "txt", "", False
    is_sd1 = is_sd2 = is_sdxl = is_sd3 = is_ssd = is_inpaint = is_sdxl_inpaint = is_wan = False
    tiling_enabled = use_distilled_cfg_scale = use_shift = False
    latent_channels, sd_model_hash, device, dtype = 3, "0" * 10, torch.device("cpu"), torch.float32

    def __init__(self, kind="eps"):
        super().__init__()
        self.kind, self.calls, self.before_call, self.comments, self.extra_generation_params = kind, [], None, [], {}
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
        denoised = self.glyphs(x[:, :3], sigma, torch.where(labels < 0, len(GLYPHS), labels))
        return F.pad(denoised, (0, 0, 0, 0, 0, x.shape[1] - 3))  # a fourth channel is 0

    def apply_model(self, x, t, cond=None):
        if self.kind == "flow":  # t is sigma, x = (1 - sigma) x0 + sigma eps, and the denoised is wanted
            scale = (1 - t.float()).clamp(min=1e-4)
            return self._denoised(x / scale[:, None, None, None], t / scale, cond)
        table = ((1 - self.alphas_cumprod) / self.alphas_cumprod).sqrt().log()
        low = t.floor().long()
        sigma = torch.lerp(table[low], table[t.ceil().long()], t.float() - low).exp()
        s = sigma[:, None, None, None]
        return self.output(x * (s * s + 1).sqrt(), sigma, cond)  # the host has scaled x to variance 1

    def output(self, noisy, sigma, cond):
        """What the network would return: the noise, or for "v" the velocity."""
        s, denoised = sigma[:, None, None, None], self._denoised(noisy, sigma, cond)
        eps = (noisy - denoised) / s
        return (eps - s * denoised) / (s * s + 1).sqrt() if self.kind == "v" else eps

    def decode_first_stage(self, x):
        return x[:, :3].clamp(-1, 1).repeat_interleave(8, 2).repeat_interleave(8, 3)

    def encode_first_stage(self, pixels):
        return F.avg_pool2d(pixels, 8)

    def get_prompt_lengths_on_ui(self, prompt):
        return len(prompt), 75

    def set_clip_skip(self, _):
        pass

    def is_webui_legacy_model(self):  # what Forge Neo asks
        return self.is_sd1 or self.is_sdxl

    def set_shift(self, shift):
        """Forge Neo sets it before a run; the levels of the flow model here stay."""

    def get_first_stage_encoding(self, latent):
        return F.pad(latent, (0, 0, 0, 0, 0, self.latent_channels - 3))

    @contextlib.contextmanager
    def ema_scope(self, *_):
        yield


def is_forge(checkout):
    return (Path(checkout) / "modules_forge").is_dir()


def arguments_of(checkout):
    """What makes that web UI start without a GPU and without a model."""
    if not is_forge(checkout):
        return ARGUMENTS + OF_AUTOMATIC1111
    return ARGUMENTS + (OF_NEO if (checkout / NEO).is_dir() else OF_FORGE)


def prepare(checkout, folder, arguments=()):
    """Make `modules` importable, with the web UI's own files in `folder`."""
    checkout, folder = Path(checkout).resolve(), Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(SETTINGS))
    ddpm = checkout / "repositories/stable-diffusion-stability-ai/ldm/models/diffusion/ddpm.py"
    for path in (ddpm.parent, *(checkout / "repositories" / name for name in REPOSITORIES)):
        path.mkdir(parents=True, exist_ok=True)
    ddpm.touch()
    sys.meta_path.insert(0, Inventor(INVENTED))
    sys.path.insert(0, str(checkout))
    os.chdir(checkout)
    os.environ["IGNORE_CMD_ARGS_ERRORS"] = "1"  # not each web UI has each of ARGUMENTS
    sys.argv = ["webui.py", *arguments_of(checkout), "--data-dir", str(folder), *arguments]
    if is_forge(checkout):
        INVENTED.update(INVENTED_FOR_FORGE)
        sys.path[1:1] = [str(checkout / name) for name in ("packages_3rdparty", NEO)]
        from modules_forge.initialization import initialize_forge

        initialize_forge()


def use(model):
    """Let the web UI work with this model; to be called once `modules` are imported."""
    from modules import processing, sd_models, shared

    sd_models.model_data.sd_model, sd_models.model_data.was_loaded_at_least_once = model, True
    shared.sd_model = model
    sd_models.apply_token_merging = sd_models.apply_alpha_schedule_override = lambda *_, **__: None
    sd_models.reload_model_weights = lambda *_, **__: model
    sd_models.select_checkpoint = lambda: model.sd_checkpoint_info
    if hasattr(sd_models, "forge_model_reload"):
        sd_models.forge_model_reload = processing.forge_model_reload = lambda: (model, False)
    with contextlib.suppress(ImportError):  # Forge Neo has no sd_hijack
        from modules import sd_hijack

        sd_hijack.model_hijack.apply_circular = lambda *_: None
        if not hasattr(sd_models, "forge_model_reload"):
            sd_hijack.model_hijack.embedding_db.load_textual_inversion_embeddings = lambda *_, **__: None
            processing.sd_unet.apply_unet = lambda *_: None


def standin_of(kind):
    """The stand-in of that kind for the web UI whose modules are loaded."""
    return with_forge_objects(Standin(kind)) if "modules_forge" in sys.modules else Standin(kind)


def main():
    checkout, folder, kind, *arguments = sys.argv[1:]
    prepare(checkout, folder, arguments)
    import webui  # which imports the host's modules, as its start does

    use(standin_of(kind))
    webui.api_only() if "--nowebui" in arguments else webui.webui()


if __name__ == "__main__":
    main()
