"""SEEDSCompare: samplers at equal model calls on the user's own model, each against what it converges to."""

import hashlib
import re
from weakref import WeakKeyDictionary

import comfy.sample
import comfy.samplers
import comfy.utils
import numpy as np
import torch
from comfy.latent_formats import LatentFormat
from comfy_api.latest import io
from PIL import Image

from ..demo.cells import Comparison, Memory
from ..demo.kdiffusion import ODE, SDE, takes_noise
from ..demo.pictures import chart, grid_of
from ..demo.report import csv_of, text_of
from ..sampling.checks import choice, number, whole_number
from ..sampling.schedule import falling
from .compat import float_input, schema, whole, whole_input
from .dropdown import levels, of_model
from .ksampler import RATIOS, SEEDS, fitted
from .noise import with_path
from .scheduler import MOST, UNIFORM_LAMBDA, denoise_input, sigmas_of
from .trial import sampler_of

CELLS = WeakKeyDictionary()  # model -> Memory: what a later run need not draw again
SHOWN, WIDTH = 4, 224  # images in a cell of the grid, and its width in pixels
DEFAULTS = "SEEDS-M\nSEEDS-2\nER-SDE\ndpmpp_2m_sde\ndpmpp_2m\neuler_ancestral"


def parts_of(text):
    """The parts of a list that somebody has typed, each once: lines, or what commas part."""
    return list(dict.fromkeys(part.strip() for part in re.split(r"[,\n]", text) if part.strip()))


def digest_of(value):
    """A text that changes with what is in tensors, lists and dicts; of any other object, its kind and identity."""
    if isinstance(value, torch.Tensor):
        data = value.detach().contiguous().cpu()
        digest = hashlib.sha256(data.view(torch.uint8).numpy().tobytes() if data.numel() else b"").hexdigest()[:16]
        return f"{tuple(data.shape)} {data.dtype} {digest}"
    if isinstance(value, dict):
        return str({key: digest_of(one) for key, one in value.items()})
    if isinstance(value, (list, tuple)):
        return str([digest_of(one) for one in value])
    plain = isinstance(value, (str, int, float, bool, type(None)))
    return repr(value) if plain else f"{type(value).__name__} {id(value)}"


class Drawing:
    """What demo.cells.Comparison asks of a host: a model of ComfyUI, and one image of the batch at a time."""

    schedule = UNIFORM_LAMBDA

    def __init__(self, model, positive, negative, latent, seed, cfg, schedulers, denoise, vae):
        self.model, self.cfg, self.seed, self.vae, self.denoise = model, cfg, seed, vae, denoise
        self.positive, self.negative, self.mask = positive, negative, latent.get("noise_mask")
        self.sampling = model.get_model_object("model_sampling")
        self.latent = fitted(model, latent["samples"], {name: latent.get(name) for name in RATIOS})
        if self.latent.is_nested:
            raise ValueError("latent_image: several latents in one; expected a single one")
        self.places = latent.get("batch_index") or list(range(len(self.latent)))
        self.images, self.objects, self.progress = list(map(str, range(len(self.latent)))), {}, lambda share: None
        ends = levels(torch.tensor([float(self.sampling.sigma_max), 0.0]), self.sampling)[0].item()
        self.levels = (float(self.sampling.sigma_min), ends, of_model(self.sampling)["noise_schedule"])
        self.start = sigmas_of(self.sampling, schedulers[0], 1000, denoise)[0]
        self.references = {SDE: self.sampler("SEEDS-2 variant=2s"), ODE: self.sampler("SEEDS-3 eta=0")}
        self.common = digest_of([positive, negative, self.latent, self.mask, self.places, seed, cfg, denoise])
        self.common += f" {float(self.start):.6g}"

    def sampler(self, text):
        """The Sampler of a line of the node's list."""
        sampler, self.objects[text] = sampler_of(text, self.sampling)
        return sampler

    def sigmas(self, scheduler, steps):
        """As many levels below the one where all runs start, and that one: they draw from the same beginning."""
        total = steps
        while True:
            below = falling(sigmas_of(self.sampling, scheduler, total, 1.0))
            below = below[below < self.start * (1 - 1e-6)]
            if len(below) >= steps or total > MOST:
                return torch.cat([self.start[None].to(below), below[-steps:]])
            total = max(total + 1, total * steps // max(1, len(below)))

    def settings(self, run):
        return [self.common, run.sampler.name, run.schedule, run.steps]

    def chunks(self, images):
        return [[image] for image in images]

    def draw(self, run, images):
        (number,) = map(int, images)
        sampler, latent = self.objects[run.sampler.name], self.latent[number : number + 1]
        place, mask = [self.places[number]], self.mask
        if takes_noise(sampler.sampler_function):
            sampler = with_path(sampler, indices=place)
        if mask is not None and len(mask) == len(self.latent):
            mask = mask[number : number + 1]
        sigmas = self.sigmas(run.schedule, run.steps)
        return comfy.sample.sample_custom(
            self.model, comfy.sample.prepare_noise(latent, self.seed, place), self.cfg, sampler, sigmas,
            self.positive, self.negative, latent, noise_mask=mask, seed=self.seed, disable_pbar=True,
            callback=lambda step, x0, x, total: self.progress((step + 1) / total),
        ).float().cpu()  # fmt: skip

    def previews(self, latents):
        """(H, W, 3) uint8, from the latent's own colours."""
        if latents.ndim == 5:
            latents = latents[:, :, 0]
        latents = self.model.model.process_latent_in(latents).movedim(1, -1)
        latent_format = getattr(self.model.model, "latent_format", LatentFormat())
        factors = latent_format.latent_rgb_factors
        if factors is None or len(factors) != latents.shape[-1]:
            factors = [[1 / 4] * 3] + [[0.0] * 3] * (latents.shape[-1] - 1)
        bias = torch.tensor(getattr(latent_format, "latent_rgb_factors_bias", None) or [0.0] * 3)
        return scaled((latents @ torch.tensor(factors) + bias + 1) / 2)

    def pictures(self, latents):
        """The same, as the VAE decodes them, if there is one."""
        if self.vae is None:
            return self.previews(latents)
        decoded = [self.vae.decode(latent[None]) for latent in latents]
        return scaled(torch.cat([one.reshape(-1, *one.shape[-3:])[:1] for one in decoded]))


def scaled(images):
    """Images (n, H, W, 3) in [0, 1] as a list of uint8 arrays, WIDTH wide."""
    arrays = (images.clamp(0, 1) * 255).round().byte().cpu().numpy()
    size = WIDTH, round(WIDTH * arrays.shape[1] / arrays.shape[2])
    how = Image.Resampling.NEAREST if arrays.shape[2] < WIDTH else Image.Resampling.LANCZOS
    return [np.asarray(Image.fromarray(array).resize(size, how)) for array in arrays]


def image_of(picture):
    """A Pillow image as ComfyUI's IMAGE, (1, H, W, 3)."""
    return torch.from_numpy(np.asarray(picture.convert("RGB")).copy()).float()[None] / 255


def drawn(comparison, host):
    """Draw what is missing, with a bar of model calls and the growing grid."""
    bar, done, shown = comfy.utils.ProgressBar(max(1, comparison.model_calls())), 0, None

    def share(part):
        bar.update_absolute(done + round(part * calls))

    def progress(run, calls_made):
        nonlocal done, shown
        done += calls_made
        preview = None
        if run is not shown and comparison.rows():
            preview, shown = ("JPEG", grid_of(comparison, slice(0, 1), host.previews, 16), 1024), run
        bar.update_absolute(done, preview=preview)

    host.progress, calls = share, 0

    def started(run):
        nonlocal calls
        calls = run.calls

    comparison.draw(progress, started)


class SEEDSCompare(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return schema(
            "KSampler",
            node_id="SEEDSCompare",
            display_name="SEEDS Compare",
            description="Which sampler is best on your model? Draws your images with each sampler at equal model calls "
            "and measures how far they are from the converged picture. Stop it at any time: a second run goes on.",
            search_aliases=["SEEDS", "compare samplers", "XY plot", "grid", "benchmark"],
            inputs=[
                io.Model.Input("model"),
                io.Conditioning.Input("positive"),
                io.Conditioning.Input("negative"),
                io.Latent.Input("latent_image", tooltip="The images of its batch are drawn one at a time."),
                io.Vae.Input("vae", optional=True, tooltip="For the pictures in the grid; without it they are rough."),
                io.Int.Input("seed", **SEEDS, control_after_generate=io.ControlAfterGenerate.fixed, tooltip="Of all."),
                float_input("cfg", default=8.0, min=0.0, max=100.0, step=0.1, round=0.01, tooltip="Guidance."),
                io.String.Input(
                    "samplers", default=DEFAULTS, multiline=True,
                    tooltip="Names from the sampler dropdown, one a line; with options: SEEDS-2 variant=2s eta=0.5",
                ),
                io.String.Input("schedulers", default="karras, seeds", tooltip="Names from the scheduler dropdown."),
                io.String.Input("model_calls", default="8, 12, 20", tooltip="How many model calls a run may take."),
                whole_input(
                    "reference_calls", default=200, min=2, max=10_000,
                    tooltip="Model calls of the converged picture: what takes most of the time. More is more exact.",
                ),
                denoise_input(),
            ],
            outputs=[
                io.Latent.Output(display_name="latents", tooltip="Row by row of the grid, then the references."),
                io.Image.Output(display_name="grid"),
                io.Image.Output(display_name="chart"),
                io.String.Output(display_name="csv"),
                io.String.Output(display_name="report", tooltip="The table, and the sampler to take."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, model, positive, negative, latent_image, seed, cfg, samplers, schedulers, model_calls, reference_calls,
        denoise, vae=None,
    ) -> io.NodeOutput:  # fmt: skip
        known = [*comfy.samplers.SCHEDULER_NAMES, UNIFORM_LAMBDA]
        schedulers = [choice("schedulers", name, known) for name in parts_of(schedulers)]
        names, budgets = parts_of(samplers), [whole(part) for part in parts_of(model_calls)]
        for name, parts in (("samplers", names), ("schedulers", schedulers), ("model_calls", budgets)):
            if not parts:
                raise ValueError(f"{name}: empty; expected at least one")
        seed = whole_number("seed", seed, least=SEEDS["min"], most=SEEDS["max"])
        denoise = number("denoise", denoise, above=0, most=1)
        host = Drawing(model, positive, negative, latent_image, seed, number("cfg", cfg), schedulers, denoise, vae)
        store = CELLS.setdefault(model, Memory())
        store.inputs[host.common] = positive, negative  # held, since digest_of may know their objects by identity
        samplers = [host.sampler(name) for name in names]
        comparison = Comparison(host, samplers, schedulers, budgets, whole(reference_calls), store)
        drawn(comparison, host)
        rows = comparison.rows()
        latents = torch.cat([comparison.latents(run) for run in comparison.shown()])
        grid = grid_of(comparison, slice(0, SHOWN), host.pictures, 18)
        report = text_of(rows, comparison.doubts())
        return io.NodeOutput(
            {"samples": latents}, image_of(grid), image_of(chart(rows)), csv_of(rows), report, ui={"text": [report]}
        )
