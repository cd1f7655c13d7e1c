"""ComfyUI's EasyCache and LazyCache beside its samplers and ours, on the embedded model.

    COMFYUI_PATH=... python benchmarks/caches.py

with the Python of ComfyUI's environment. For each sampler: the share of the model calls that the cache skips, how
rough the pictures are (the mean difference of neighbouring pixels, of 255) with it and without, and how many of 36
glyphs are recognised with it.
"""

import argparse
import os
import sys

import torch
from tables import show

from seeds_samplers.demo.classifier import load_classifier
from seeds_samplers.demo.glyphs import GLYPHS

SAMPLERS = ("SEEDS-1", "SEEDS-2", "SEEDS-3", "SEEDS-M", "ER-SDE", "euler", "euler_ancestral", "dpmpp_2m_sde",
            "dpmpp_3m_sde", "er_sde", "sa_solver", "seeds_2", "seeds_3")  # fmt: skip


class Counted(torch.nn.Module):
    """A network that counts its calls."""

    def __init__(self, network):
        super().__init__()
        self.network, self.dtype, self.calls = network, network.dtype, 0

    def forward(self, *arguments, **options):
        self.calls += 1
        return self.network(*arguments, **options)


def host():
    """ComfyUI's modules, with our samplers in its lists."""
    sys.path.insert(0, os.environ["COMFYUI_PATH"])
    sys.argv = sys.argv[:1]
    import comfy.cli_args

    comfy.cli_args.args.cpu = True
    import comfy.sample
    import comfy.samplers
    from comfy_extras import nodes_easycache

    from seeds_samplers.nodes import demo, dropdown

    dropdown.register()
    return comfy, nodes_easycache, demo


def pictures(comfy, demo, model, name, steps, scheduler, cfg, seed=5):
    """One picture of each glyph, (36, 3, 32, 32)."""
    clip = demo.GlyphCLIP()

    def conditioning(numbers):
        cond = torch.tensor([float(number) for number in numbers])[:, None, None]
        return [[cond, clip.encode_from_tokens_scheduled({"glyph": [[(0, 1.0)]]})[0][1]]]

    everyone, none = range(1, len(GLYPHS) + 1), [0] * len(GLYPHS)
    latent = torch.zeros(len(GLYPHS), 3, 32, 32)
    noise = comfy.sample.prepare_noise(latent, seed)
    sigmas = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), scheduler, steps)
    sampler = comfy.samplers.sampler_object(name)
    return comfy.sample.sample_custom(
        model, noise, cfg, sampler, sigmas, conditioning(everyone), conditioning(none), latent,
        seed=seed, disable_pbar=True,
    )  # fmt: skip


def roughness(images):
    images = images.clamp(-1, 1) * 127.5
    return (images.diff(dim=2).abs().mean() + images.diff(dim=3).abs().mean()).item() / 2


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--scheduler", default="karras")
    parser.add_argument("--cfg", type=float, default=2.0)
    parser.add_argument("--threshold", type=float, default=0.2)
    parser.add_argument("--end", type=float, default=0.95, help="end_percent: no call is skipped after it")
    parser.add_argument("--samplers", nargs="+", default=SAMPLERS)
    arguments = parser.parse_args()
    comfy, caches, demo = host()
    classifier, labels = load_classifier(), torch.arange(len(GLYPHS))
    plain = demo.glyph_model()
    plain.model.diffusion_model = Counted(plain.model.diffusion_model)
    models = {"no cache": plain}
    for node in (caches.EasyCacheNode, caches.LazyCacheNode):
        models[node.__name__.removesuffix("Node")] = node.execute(
            plain, arguments.threshold, 0.15, arguments.end, False
        )[0]
    widths = [18, 12, 8, 12, 12]
    print("".join(cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(
        zip(["sampler", "cache", "calls", "roughness", "recognised"], widths, strict=True))))  # fmt: skip
    for name in arguments.samplers:
        for cache, model in models.items():
            plain.model.diffusion_model.calls = 0
            images = pictures(comfy, demo, model, name, arguments.steps, arguments.scheduler, arguments.cfg)
            right = (classifier(images.clamp(-1, 1)).argmax(1) == labels).sum().item()
            row = {"sampler": name, "cache": cache, "calls": plain.model.diffusion_model.calls}
            show({**row, "roughness": roughness(images), "recognised": right}, widths)


if __name__ == "__main__":
    main()
