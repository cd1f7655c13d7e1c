"""SD.Next's own modules for samplers, from a checkout (SDNEXT_PATH), without its server, pages and model loader."""

import ast
import os
import re
import sys
import types
from pathlib import Path
from unittest.mock import MagicMock

import diffusers
import torch

from seeds_samplers.demo.denoiser import load_model
from seeds_samplers.demo.glyphs import labels_of

CHECKOUT = Path(os.environ.get("SDNEXT_PATH", Path.home() / "sdnext"))
ABSENT = (
    "shared", "errors", "logger", "processing", "images", "timer", "image", "image.convert",
    "vae", "vae.sd_vae_approx", "vae.sd_vae_taesd", "vae.sd_vae_stablecascade",
)  # fmt: skip


def settings():
    """The settings about schedulers with the defaults that SD.Next's own file gives them."""
    text = (CHECKOUT / "modules" / "ui_definitions.py").read_text()
    found = re.findall(r'"(schedulers_\w+|uni_pc_variant)": OptionInfo\(([^,]+),', text)
    return types.SimpleNamespace(**{name: ast.literal_eval(default) for name, default in found})


def load():
    """SD.Next's modules sd_samplers and sd_samplers_diffusers; what they import beside is not there."""
    modules = types.ModuleType("modules")
    modules.__path__ = [str(CHECKOUT / "modules")]
    sys.modules["modules"] = modules
    for name in ABSENT:
        stand_in = MagicMock(name=name)
        stand_in.__path__ = []
        sys.modules[f"modules.{name}"] = stand_in
        if "." not in name:
            setattr(modules, name, stand_in)
    modules.shared.opts = settings()
    modules.shared.sd_model_type = "sd"
    modules.errors.ValidationError = ValueError
    from modules import sd_samplers, sd_samplers_diffusers

    sd_samplers.list_samplers()  # as at its start, before it loads extensions
    return sd_samplers, sd_samplers_diffusers


class Glyphs(diffusers.DiffusionPipeline):
    """The embedded model as an eps or, with a flow scheduler to begin with, a flow model."""

    def __init__(self, scheduler, flow):
        super().__init__()
        self.model, self.flow = load_model(), flow
        self.register_modules(scheduler=scheduler)

    def output(self, x, t, labels):
        if self.flow:
            sigma = t / self.scheduler.config.num_train_timesteps
            alpha = 1 - sigma
        else:
            variances = 1 - self.default_scheduler.alphas_cumprod.double()
            levels = (variances / (1 - variances)).log() / 2
            low = t.long()
            high = (low + 1).clamp(max=len(levels) - 1)
            level = torch.lerp(levels[low], levels[high], t.double() - low).exp().float()
            alpha, sigma = (level**2 + 1) ** -0.5, level * (level**2 + 1) ** -0.5
        denoised = self.model(x / alpha, (sigma / alpha).expand(len(x)), labels=labels, cfg=2.0)
        return (x - denoised) / sigma if self.flow else (x - alpha * denoised) / sigma

    @torch.no_grad()
    def __call__(self, prompt, seeds, steps=16):
        scheduler, labels = self.scheduler, torch.tensor(labels_of(prompt))
        scheduler.set_timesteps(steps)
        rows = [torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        x = torch.stack(rows) * scheduler.init_noise_sigma
        for t in scheduler.timesteps:
            x = scheduler.step(self.output(scheduler.scale_model_input(x, t), t, labels), t, x, return_dict=False)[0]
        return x.clamp(-1, 1)
