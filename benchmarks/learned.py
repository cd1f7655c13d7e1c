"""How far samplers are from the embedded model's own converged images: python benchmarks/learned.py

Every sampler gets the same initial latents and, where it takes a noise_sampler, the same NoisePath, so that all
stochastic ones converge to the same pictures and most of the sampling noise cancels. The reference is SEEDS-2 "2s" with
--reference steps. Appends to --csv a row for each guidance, sampler, schedule and number of calls that it does not have
yet: 1000 times the Frechet distance of 8 x 8 pooled pixels and of the classifier's features to the converged pictures
(which means something from a few hundred images on), and the median over images of the root mean square of the
difference, of pixels and of features. Then prints the file as tables; --table does nothing else. ComfyUI's samplers are
measured where COMFYUI_PATH names a checkout. --removed prints how much of the variance of a pooled pixel's mean the
common noise removes.
"""

import argparse
import csv
from functools import cache, partial
from itertools import product
from pathlib import Path

import torch
from contenders import caps, contenders
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
KEYS = ("images", "reference", "guidance", "sampler", "schedule", "calls")
VALUES = ("pixels", "features", "rms", "feature_rms")
FINEST = 0.029  # the steps "seeds" end there, as those of eps models do
SCHEDULES = {"karras": sigmas_karras, "seeds": lambda n, _, most: sigmas_seeds(n, FINEST, most)}
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
    """The four of VALUES."""
    of_found, of_goal = PROBLEM.features(found), PROBLEM.features(goal)
    pixels = frechet(moments(pooled(found)), moments(pooled(goal)))
    features = frechet(moments(of_found), moments(of_goal))
    return 1000 * pixels, 1000 * features, typical(found - goal), typical(of_found - of_goal)


def typical(differences):
    """The median over images of the root mean square."""
    return differences.flatten(1).square().mean(1).sqrt().median().item()


def removed(found, goal, other):
    """The share of the variance of a pooled pixel's difference in means that common noise takes away."""
    alone = (pooled(found) - pooled(other)).var(0).mean()
    return 1 - ((pooled(found) - pooled(goal)).var(0).mean() / alone).item()


def rows_of(path):
    """{the keys of a row: its values}, all as texts; makes the file where there is none."""
    head = [*KEYS, *VALUES]
    if not path.exists():
        path.write_text(",".join(head) + "\n")
    with path.open() as file:
        found, *rows = csv.reader(file)
    if found != head:
        raise SystemExit(f"csv: {path}; expected a file that begins with {','.join(head)}")
    return {tuple(row[: len(KEYS)]): row[len(KEYS) :] for row in rows}


def show(rows):
    """A table for each number of images, reference and guidance; the nearest of a column are bold."""
    groups = {}
    for (images, reference, guidance, sampler, schedule, calls), values in rows.items():
        group = groups.setdefault((images, reference, guidance), {})
        group.setdefault((sampler, schedule), {})[int(calls)] = [float(value) for value in values]
    for (images, reference, guidance), group in groups.items():
        budgets = sorted({calls for row in group.values() for calls in row})
        print(f"\nguidance {guidance}, {images} images, reference {reference} steps: {' / '.join(VALUES)}\n")
        print("| sampler | schedule | " + " | ".join(f"{calls} calls" for calls in budgets) + " |")
        print("| --- | --- |" + " --- |" * len(budgets))
        least = {n: [*map(min, zip(*(row[n] for row in group.values() if n in row), strict=True))] for n in budgets}
        for (sampler, schedule), row in group.items():
            cells = [cell(row[n], least[n]) if n in row else "" for n in budgets]
            print(f"| {sampler} | {schedule} | " + " | ".join(cells) + " |")


def cell(values, least):
    texts = "{:.0f} {:.0f} {:.3f} {:.3f}".format(*values).split()
    return " / ".join(f"**{t}**" if v == m else t for t, v, m in zip(texts, values, least, strict=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=144)
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.0, 2.0, 4.0])
    parser.add_argument("--calls", type=int, nargs="+", default=[8, 12, 20])
    parser.add_argument("--samplers", nargs="+", default=NAMES)
    parser.add_argument("--schedules", nargs="+", default=list(SCHEDULES), choices=SCHEDULES)
    parser.add_argument("--reference", type=int, default=64, help="steps")
    parser.add_argument("--csv", type=Path, default=Path("benchmarks/learned.csv"))
    parser.add_argument("--table", action="store_true", help="measure nothing")
    parser.add_argument("--removed", action="store_true", help="print what the common noise removes")
    options = parser.parse_args()
    rows = rows_of(options.csv)
    if not options.table:
        measure(options, rows)
    show(rows_of(options.csv))


def measure(options, rows):
    """Append to the file the rows that are not among `rows`."""
    known, setting = contenders() | caps(), (options.images, options.reference)
    wanted = product(options.guidance, (name for name in options.samplers if name in known), options.schedules)
    for guidance, name, schedule in wanted:
        function, per_step = known[name]
        for calls in options.calls:
            key = tuple(map(str, (*setting, f"{guidance:g}", name, schedule, calls)))
            if key in rows:
                continue
            goal = converged(guidance, *setting)
            sigmas = SCHEDULES[schedule]((calls - 1) // per_step + 1, SIGMA_MIN, SIGMA_MAX)
            values = distances(pictures(function, sigmas, guidance, options.images), goal)
            with options.csv.open("a", newline="") as file:
                csv.writer(file, lineterminator="\n").writerow([*key, *(f"{value:.4g}" for value in values)])
    for guidance in options.guidance if options.removed else ():
        goal, other = (converged(guidance, *setting, seed=seed) for seed in (0, 1))
        found = pictures(known["SEEDS-M"][0], sigmas_seeds(20, SIGMA_MIN, SIGMA_MAX), guidance, options.images)
        share = removed(found, goal, other)
        print(f"guidance {guidance:g}: the common noise removes {share:.0%} of the variance, SEEDS-M, 20 calls")


if __name__ == "__main__":
    with torch.no_grad():
        main()
