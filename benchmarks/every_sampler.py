"""The noise path with each of ComfyUI's samplers: python benchmarks/every_sampler.py --out every_sampler.csv

Needs ComfyUI (COMFYUI_PATH) and its requirements. The embedded model with the node SEEDS Noise for Any Sampler, the
karras schedule (simple on flow models), guidance 2, two images of 16 x 16 pixels; the _gpu samplers, the others
with another noise, are left out. Differences of pixels, which are in -1 to 1; root mean square, but for the first:

batch        an image drawn alone against the same one in a batch, 12 steps: the largest difference
split        a run cut behind its 6th step against the run in one, 12 steps
8, 16, 32    as many steps against --reference steps
core ...     the same with the noise that ComfyUI makes itself

benchmarks/pages.py makes the table of docs/compare.md from it.
"""

import argparse
import sys

import torch
from comfyui import checkout
from tables import show, write_csv

sys.path.insert(0, str(checkout()))
import comfy.cli_args

comfy.cli_args.args.cpu = True

import comfy.model_base  # noqa: E402
import comfy.model_patcher  # noqa: E402
import comfy.sample  # noqa: E402
import comfy.samplers  # noqa: E402

from seeds_samplers.demo.denoiser import SIGMA_MAX, SIGMA_MIN, load_model  # noqa: E402
from seeds_samplers.nodes.demo import GlyphCLIP, GlyphConfig, glyph_model  # noqa: E402
from seeds_samplers.nodes.noise import names_with_noise, with_path  # noqa: E402

SEED, CFG, GLYPH, BATCH, STEPS = 5, 2.0, "S", 2, (8, 16, 32)


class FlowNetwork(torch.nn.Module):
    """The embedded model as a rectified flow: it predicts x's change with sigma."""

    def __init__(self):
        super().__init__()
        self.denoiser, self.dtype = load_model().requires_grad_(False), torch.float32

    def forward(self, x, timesteps, context, **_):
        sigma = timesteps / 1000
        level = (sigma / (1 - sigma)).clamp(SIGMA_MIN, SIGMA_MAX)
        labels = context[:, 0, 0].round().long() - 1
        labels = torch.where(labels < 0, self.denoiser.network.classes, labels)
        denoised = self.denoiser(x * (1 + level)[:, None, None, None], level, labels)
        return (x - denoised) / sigma[:, None, None, None]


def flow_model():
    """The embedded model as ComfyUI holds a flow model, with shift 3."""
    config = GlyphConfig({"disable_unet_model_creation": True, "in_channels": 3})
    config.sampling_settings = {"shift": 3.0}
    model = comfy.model_base.BaseModel(config, comfy.model_base.ModelType.FLOW)
    model.diffusion_model = FlowNetwork()
    cpu = torch.device("cpu")
    return comfy.model_patcher.ModelPatcher(model, load_device=cpu, offload_device=cpu)


class Bench:
    """Draws with one model."""

    def __init__(self, kind, size=16):
        self.size = size
        self.model = {"edm": glyph_model, "flow": flow_model}[kind]()
        self.scheduler = {"edm": "karras", "flow": "simple"}[kind]
        self.conditioning = [
            GlyphCLIP().encode_from_tokens_scheduled(GlyphCLIP().tokenize(text)) for text in (GLYPH, "")
        ]

    def sigmas(self, steps):
        sampling = self.model.get_model_object("model_sampling")
        return comfy.samplers.calculate_sigmas(sampling, self.scheduler, steps)

    def sampler(self, name, path=True, indices=None):
        """The sampler of that name, with the path or with the noise that it makes itself."""
        sampler = comfy.samplers.sampler_object(name)
        return with_path(sampler, indices=indices) if path else sampler

    def run(self, sampler, sigmas, indices, latent=None):
        """Images (B, 3, H, W) of these places in the batch; from a latent: with no new noise at the start."""
        first = torch.zeros(len(indices), 3, self.size, self.size)
        noise = comfy.sample.prepare_noise(first, SEED, indices)
        if latent is not None:
            noise, first = torch.zeros_like(noise), latent
        return comfy.sample.sample_custom(
            self.model, noise, CFG, sampler, sigmas, *self.conditioning, first, seed=SEED, disable_pbar=True
        )

    def split(self, sampler, steps, cut, indices):
        """A run over two samplers."""
        sigmas = self.sigmas(steps)
        return self.run(sampler, sigmas[cut:], indices, self.run(sampler, sigmas[: cut + 1], indices))


def rms(one, other):
    return (one - other).square().mean().sqrt().item()


def measure(bench, name, reference):
    """A row of the table."""
    row, places = {}, list(range(BATCH))
    for prefix, path in (("", True), ("core ", False)):
        sampler, alone = bench.sampler(name, path), bench.sampler(name, path, [1])
        whole = bench.run(sampler, bench.sigmas(12), places)
        away = bench.run(alone, bench.sigmas(12), [1]) - whole[1]
        row[f"{prefix}batch"] = away.abs().max().item()
        row[f"{prefix}split"] = rms(bench.split(sampler, 12, 6, places), whole)
        if path:
            last = bench.run(sampler, bench.sigmas(reference), places)
            row |= {str(steps): rms(bench.run(sampler, bench.sigmas(steps), places), last) for steps in STEPS}
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="every_sampler.csv")
    parser.add_argument("--reference", type=int, default=64, help="steps of the image that the others are compared to")
    parser.add_argument("--samplers", nargs="+", help="names in ComfyUI's dropdown (default: all that take noise)")
    parser.add_argument("--models", nargs="+", default=["edm", "flow"])
    options, rows = parser.parse_args(), []
    for kind in options.models:
        bench = Bench(kind)
        for name in options.samplers or [name for name in names_with_noise() if not name.endswith("_gpu")]:
            row = measure(bench, name, options.reference)
            rows.append({"sampler": name, "model": kind} | {key: f"{value:.2g}" for key, value in row.items()})
            if len(rows) == 1:
                show({key: key for key in rows[0]}, [34] + [12] * (len(rows[0]) - 1))
            show(rows[-1], [34] + [12] * (len(rows[-1]) - 1))
            sys.stdout.flush()
            write_csv(options.out, rows)


if __name__ == "__main__":
    main()
