"""The noise path with each of ComfyUI's samplers: python benchmarks/every_sampler.py --out every_sampler.csv

Needs ComfyUI (COMFYUI_PATH) and its requirements. The embedded model with the SEEDS Noise node, 12 steps of the karras
schedule (simple on flow models), guidance 2, 3 images of one prompt. Differences of pixels, which are in -1 to 1:

batch        an image of the batch against the same image drawn alone: the largest
split        a run in one against the same run cut behind the 6th step: root mean square
8 to 32      as many steps against the image of --reference steps: root mean square over the images
core split, core 32
             the last two with the noise that ComfyUI makes itself
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

SEED, CFG, GLYPH, BATCH, STEPS = 5, 2.0, "S", 3, (8, 16, 32)


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

    def __init__(self, kind, size=32):
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
    all_of_them, row = list(range(BATCH)), {}
    whole = bench.run(bench.sampler(name), bench.sigmas(12), all_of_them)
    alone = [bench.run(bench.sampler(name, indices=[i]), bench.sigmas(12), [i]) for i in all_of_them]
    row["batch"] = (torch.cat(alone) - whole).abs().max().item()
    for path in (True, False):
        sampler, prefix = bench.sampler(name, path), "" if path else "core "
        uncut = whole if path else bench.run(sampler, bench.sigmas(12), all_of_them)
        row[f"{prefix}split"] = rms(bench.split(sampler, 12, 6, all_of_them), uncut)
        last = bench.run(sampler, bench.sigmas(reference), all_of_them)
        for steps in STEPS if path else STEPS[-1:]:
            row[f"{prefix}{steps}"] = rms(bench.run(sampler, bench.sigmas(steps), all_of_them), last)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="every_sampler.csv")
    parser.add_argument("--reference", type=int, default=128, help="steps of the image that the others are compared to")
    parser.add_argument("--models", nargs="+", default=["edm", "flow"])
    options, rows = parser.parse_args(), []
    for kind in options.models:
        bench = Bench(kind)
        for name in names_with_noise():
            row = measure(bench, name, options.reference)
            rows.append({"sampler": name, "model": kind} | {key: f"{value:.2g}" for key, value in row.items()})
            if len(rows) == 1:
                show({key: key for key in rows[0]}, [34] + [11] * len(rows[0]))
            show(rows[-1], [34] + [11] * len(rows[-1]))
            sys.stdout.flush()
            write_csv(options.out, rows)


if __name__ == "__main__":
    main()
