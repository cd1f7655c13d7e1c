"""How far samplers are from the embedded model's own converged images: python benchmarks/learned.py

Every sampler gets the same initial latents and, where it takes a noise_sampler, the same NoisePath, so that all
stochastic ones converge to the same pictures and most of the sampling noise cancels. Prints, for each sampler with its
best schedule (SEEDS-M with "seeds", too): 1000 times the Frechet distance of 8 x 8 pooled pixels and of the
classifier's features to the converged pictures, and the median over images of the root mean square of the difference.
The reference is SEEDS-2 "2s" with --reference steps. The last lines say how much of the variance of a pooled pixel's
mean the common noise removes. ComfyUI's samplers are measured where COMFYUI_PATH names a checkout.
"""

import argparse
from functools import cache, partial

import torch
from contenders import contenders
from embedded import EmbeddedProblem
from hosting import sample
from mixtures import frechet, moments
from torch.nn.functional import avg_pool2d

from seeds_samplers.demo.denoiser import SIGMA_MAX, SIGMA_MIN
from seeds_samplers.demo.glyphs import GLYPHS
from seeds_samplers.sampling import NoisePath, sample_seeds_2, sigmas_karras, sigmas_seeds

NAMES = (
    "SEEDS-M", "SEEDS-2", "SEEDS-3", "ER-SDE", "ComfyUI er_sde", "ComfyUI dpmpp_2m_sde", "ComfyUI dpmpp_3m_sde",
    "ComfyUI sa_solver", "ComfyUI seeds_2", "ComfyUI dpmpp_sde",
)  # fmt: skip
SCHEDULES = {"karras": sigmas_karras, "seeds": sigmas_seeds}
PROBLEM = EmbeddedProblem()


def pictures(function, sigmas, guidance, images, seed=0):
    """`images` pictures, as many of each glyph, from the latents and the paths of the seed."""
    labels = torch.arange(images) % len(GLYPHS)
    x = torch.randn(images, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * sigmas[0]
    given = {"labels": labels, "cfg": guidance}
    return sample(function, PROBLEM.model, x, sigmas, NoisePath(x, seed), given)


def pooled(images):
    return avg_pool2d(images, 4).flatten(1)


@cache
def converged(guidance, images, steps, seed=0):
    function = partial(sample_seeds_2, variant="2s")
    return pictures(function, sigmas_karras(steps + 1, SIGMA_MIN, SIGMA_MAX), guidance, images, seed)


def distances(found, goal):
    """(pixels, features, the median root mean square)."""
    pixels = 1000 * frechet(moments(pooled(found)), moments(pooled(goal)))
    features = 1000 * frechet(*(moments(PROBLEM.features(one)) for one in (found, goal)))
    return pixels, features, (found - goal).square().mean((1, 2, 3)).sqrt().median().item()


def removed(found, goal, other):
    """The share of the variance of a pooled pixel's difference in means that common noise takes away."""
    alone = (pooled(found) - pooled(other)).var(0).mean()
    return 1 - ((pooled(found) - pooled(goal)).var(0).mean() / alone).item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=360)
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.0, 2.0, 4.0])
    parser.add_argument("--calls", type=int, nargs="+", default=[8, 12, 20])
    parser.add_argument("--samplers", nargs="+", default=NAMES)
    parser.add_argument("--reference", type=int, default=100, help="steps")
    options = parser.parse_args()
    known = contenders()
    for guidance in options.guidance:
        goal = converged(guidance, options.images, options.reference)
        print(f"\nguidance {guidance:g}: pixels / features / median root mean square")
        print("| sampler | schedule | " + " | ".join(f"{calls} calls" for calls in options.calls) + " |")
        print("| --- | --- |" + " --- |" * len(options.calls))
        for name in (name for name in options.samplers if name in known):
            function, per_step = known[name]
            for schedule, levels in SCHEDULES.items():
                cells = []
                for calls in options.calls:
                    sigmas = levels((calls - 1) // per_step + 1, SIGMA_MIN, SIGMA_MAX)
                    found = pictures(function, sigmas, guidance, options.images)
                    cells.append("{:.0f} / {:.0f} / {:.3f}".format(*distances(found, goal)))
                print(f"| {name} | {schedule} | " + " | ".join(cells) + " |", flush=True)
        other = converged(guidance, options.images, options.reference, seed=1)
        sigmas = sigmas_seeds(20, SIGMA_MIN, SIGMA_MAX)
        found = pictures(known["SEEDS-M"][0], sigmas, guidance, options.images)
        print(f"\nvariance removed by the common noise, SEEDS-M, 20 calls: {removed(found, goal, other):.0%}")


if __name__ == "__main__":
    with torch.no_grad():
        main()
