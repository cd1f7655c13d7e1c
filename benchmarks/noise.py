"""What one noise path per image costs, and what it gives: python benchmarks/noise.py

The table: a run's draws for 20 steps of SEEDS-2, in all, by the path, by torch.randn_like and by k-diffusion's
BrownianTreeNoiseSampler where it is installed, one after another in the same run; Gaussians drawn a noise; memory
beyond the result, in latents. The pictures: one seed of the embedded model at several numbers of steps, alone and in a
batch, with the path and with a generator's noise, both from the same initial latents; and one by SEEDS-2 "2b" and "2s".
"""

import argparse
import time
import tracemalloc

import torch
from ledger import Ledger
from tables import show, write_csv

from seeds_samplers.sampling import NoisePath, sample_seeds_2, sigmas_karras
from seeds_samplers.sampling.noise import increments

SHAPES = [(4, 4, 128, 128), (1, 16, 21, 60, 104), (3000, 64), (1, 4, 64, 64)]
STEPS, SIGMA_MIN, SIGMA_MAX = 20, 0.03, 15.0
COLUMNS = (
    "latent",
    "threads",
    "plain_ms",
    "path_ms",
    "tree_ms",
    "path_to_plain",
    "tree_to_path",
    "gaussians",
    "latents",
)
WIDTHS = (15, *[15] * (len(COLUMNS) - 1))
PICTURE_STEPS = (8, 12, 20, 40, 80)
PICTURED = (0, 1)  # of the glyphs of the second picture
VARIANT_STEPS = (8, 12, 16, 24, 32, 64)
REFINED_STEPS, REFERENCE_STEPS, REFINED_TEXT = (8, 16, 32, 64, 128), 256, "ABCDEFGHIJKLMNOPQRSTUVWX"


def intervals_of_a_run():
    """The (sigma, sigma_next) that SEEDS-2 asks noise for."""
    asked = []

    def noise_sampler(sigma, sigma_next):
        asked.append((sigma.item(), sigma_next.item()))
        return torch.zeros(1, 1, dtype=torch.float64)

    x, sigmas = torch.zeros(1, 1, dtype=torch.float64), sigmas_karras(STEPS, SIGMA_MIN, SIGMA_MAX)
    sample_seeds_2(lambda x, sigma: x, x, sigmas, noise_sampler=noise_sampler, disable=True)
    return asked


def tree_sampler():
    """k-diffusion's noise sampler, or None."""
    try:
        from k_diffusion.sampling import BrownianTreeNoiseSampler
    except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision was built for another torch
        print(f"k-diffusion's Brownian tree is not measured: {error}")
        return None
    return lambda x: BrownianTreeNoiseSampler(x, torch.tensor(SIGMA_MIN), torch.tensor(SIGMA_MAX), seed=0)


def seconds(make, intervals):
    started = time.perf_counter()
    draw = make()
    for interval in intervals:
        draw(*interval)
    return time.perf_counter() - started


def gaussians_a_draw(x, intervals):
    """How many Gaussians of the latent's size a noise takes, on average."""
    names, key_pairs = [], increments.key_pairs
    increments.key_pairs = lambda keys, images: names.extend(keys) or key_pairs(keys, images)
    try:
        seconds(lambda: NoisePath(x, 0), intervals)
    finally:
        increments.key_pairs = key_pairs
    return len(names) / len(intervals)


def extra_latents(x, intervals):
    """The peak of memory, torch's and numpy's, beyond one result."""
    with Ledger(x):
        torch.zeros(1)  # what a first use imports does not count
    tracemalloc.start()
    with Ledger(x) as ledger:
        seconds(lambda: NoisePath(x, 0), intervals)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return ledger.peak + peak / (x.numel() * x.element_size()) - 1


def measure(shape, tree, repeats):
    """One row of the table; times are the best of `repeats` (the tree: of one), in milliseconds for the whole run."""
    x, intervals = torch.zeros(shape), intervals_of_a_run()
    tensors = [tuple(map(torch.tensor, interval)) for interval in intervals]
    plain, path, theirs = [], [], []
    for _ in range(repeats):
        plain.append(seconds(lambda: lambda sigma, sigma_next: torch.randn_like(x), intervals))
        path.append(seconds(lambda: NoisePath(x, 0), intervals))
    if tree:
        theirs.append(seconds(lambda: tree(x), tensors))
    plain, path, theirs = (1e3 * min(times, default=float("nan")) for times in (plain, path, theirs))
    counts = gaussians_a_draw(x, intervals), extra_latents(x, intervals)
    row = (
        "x".join(map(str, shape)),
        torch.get_num_threads(),
        plain,
        path,
        theirs,
        path / plain,
        theirs / path,
        *counts,
    )
    return dict(zip(COLUMNS, row, strict=True))


class Generator:
    """The noise of other samplers: one stream for the whole batch, in the order of the run."""

    def __init__(self, x, seed):
        self.shape, self.generator = x.shape, torch.Generator().manual_seed(seed)

    def __call__(self, sigma, sigma_next):
        return torch.randn(self.shape, generator=self.generator)


def beginning(steps, text, seed):
    """A run of the embedded model on a text's glyphs: x (B, 3, 32, 32), sigmas, and the model's arguments."""
    from seeds_samplers.demo.denoiser import SIGMA_MAX, SIGMA_MIN
    from seeds_samplers.demo.draw import initial_latent
    from seeds_samplers.demo.glyphs import labels_of

    labels = torch.tensor(labels_of(text))
    x = torch.stack([initial_latent(seed + i, "cpu") for i in range(len(labels))]) * SIGMA_MAX
    return x, sigmas_karras(steps, SIGMA_MIN, SIGMA_MAX), {"labels": labels, "cfg": 2.0}


def images(noise, steps, text, seed, variant="2b"):
    """The embedded model's images of a text's glyphs, (B, 3, 32, 32), from latents of their own."""
    from seeds_samplers.demo.denoiser import SIGMA_DATA, load_model

    x, sigmas, extra_args = beginning(steps, text, seed)
    arguments = dict(extra_args=extra_args, sigma_data=SIGMA_DATA, variant=variant, disable=True)
    return sample_seeds_2(load_model(), x, sigmas, noise_sampler=noise(x, seed + 100), **arguments).clamp(-1, 1)


def print_refinement(seed):
    """How far the images of 24 glyphs are from those of 256 steps, by the path and by a generator's noise."""
    text = REFINED_TEXT
    print(f"distance to the image of {REFERENCE_STEPS} steps, root-mean-square over pixels: median / mean of 24 images")
    for name, noise, variant in (("path", NoisePath, "2b"), ("path", NoisePath, "2s"), ("plain", Generator, "2b")):
        final = images(noise, REFERENCE_STEPS, text, seed, variant)
        for steps in REFINED_STEPS:
            away = (images(noise, steps, text, seed, variant) - final).square().flatten(1).mean(1).sqrt()
            print(f"{name:6} {variant} {steps:4} steps: {away.median():.3f} / {away.mean():.3f}", flush=True)


def draw_rows(path, rows, titles):
    """Rows (name, pictures), a picture under each of the titles."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(len(rows), len(titles), figsize=(1.15 * len(titles), 2.9), layout="constrained")
    for panel, title in zip(panels[0], titles, strict=True):
        panel.set_title(title, fontsize=9)
    for line, (name, pictures) in zip(panels, rows, strict=True):
        line[0].set_ylabel(name, fontsize=10)
        for panel, picture in zip(line, pictures, strict=True):
            panel.imshow((picture.permute(1, 2, 0) + 1) / 2)
            panel.set(xticks=[], yticks=[])
    figure.savefig(path, dpi=110)


def draw_picture(path, seed):
    """Columns: steps, alone and in a batch of 4; rows: the path above, a generator's noise below."""
    kinds = [("one path\nper image", NoisePath), ("plain\nnoise", Generator)]
    columns = [(steps, count) for count in (1, 4) for steps in PICTURE_STEPS]
    titles = [f"{steps} steps\n" + ("alone" if count == 1 else f"in a batch of {count}") for steps, count in columns]
    draw_rows(
        path,
        [(name, [images(noise, steps, "SEED"[:count], seed)[0] for steps, count in columns]) for name, noise in kinds],
        titles,
    )


def draw_variants(path, seed, text="SEEDS2"):
    """Columns: steps; rows: SEEDS-2 "2b" above, "2s" below, for two glyphs."""
    drawn = {
        variant: [images(NoisePath, steps, text, seed, variant) for steps in VARIANT_STEPS] for variant in ("2b", "2s")
    }
    draw_rows(
        path,
        [(variant, [one[k] for k in PICTURED for one in drawn[variant]]) for variant in drawn],
        [f"{steps} steps" for _ in PICTURED for steps in VARIANT_STEPS],
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--csv", help="file to write the table to")
    parser.add_argument("--picture", help="PNG to draw the picture into, instead")
    parser.add_argument("--variants", help='PNG to draw the picture of "2b" and "2s" into, instead')
    parser.add_argument("--seed", type=int, default=3, help="of the picture")
    parser.add_argument("--refine", action="store_true", help="measure how the embedded model's images settle instead")
    options = parser.parse_args()
    if options.picture or options.variants or options.refine:
        if options.picture:
            draw_picture(options.picture, options.seed)
        if options.variants:
            draw_variants(options.variants, options.seed)
        if options.refine:
            print_refinement(options.seed)
        return
    tree, threads = tree_sampler(), torch.get_num_threads()
    print(f"torch {torch.__version__}; {len(intervals_of_a_run())} draws, times in ms for all of them")
    show(dict(zip(COLUMNS, COLUMNS, strict=True)), WIDTHS)
    rows = []
    for count in sorted({1, threads}):
        torch.set_num_threads(count)
        for shape in SHAPES:
            rows.append(measure(shape, tree, options.repeats))
            show(rows[-1], WIDTHS)
    if options.csv:
        write_csv(options.csv, rows)


if __name__ == "__main__":
    main()
