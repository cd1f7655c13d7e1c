"""How far a run cut in two is from the same run in one: python benchmarks/split.py

The embedded model, guidance 2, 20 steps of the karras schedule, cut behind 5, 10 and 15 of them: the second run starts
from what the first returned, with the same seed. Differences of pixels, which are in -1 to 1, over 24 images, as a
Markdown table. "whole": the model does not say its conditional part (SEEDS-M, docs/seeds_m.md).
"""

import argparse

from noise import REFINED_TEXT, beginning

from seeds_samplers.demo.denoiser import load_model
from seeds_samplers.sampling import SAMPLERS

STEPS, CUTS, SEED = 20, (5, 10, 15), 3
RUNS = [
    ("SEEDS-1", {}),
    ("SEEDS-2", {}),
    ("SEEDS-2", {"variant": "2s"}),
    ("SEEDS-3", {}),
    ("SEEDS-M", {}),
    ("SEEDS-M whole", {}),
    ("SEEDS-M", {"order": 1}),
    ("ER-SDE", {}),
    ("ER-SDE", {"order": 2}),
    ("ER-SDE", {"order": 1}),
]


def away(one, other):
    difference = one - other
    return difference.abs().max().item(), difference.square().mean().sqrt().item()


def measure(name, options):
    """{cut: (largest, root-mean-square) difference}."""
    name, *whole = name.split()
    model, (x, sigmas, extra_args) = load_model(), beginning(STEPS, REFINED_TEXT, SEED)

    def silent(x, sigma, **arguments):
        return model(x, sigma, **arguments)

    def run(x, sigmas):
        called = silent if whole else model
        return SAMPLERS[name](called, x, sigmas, extra_args, seed=SEED + 100, disable=True, **options)

    uncut = run(x, sigmas)
    return {cut: away(run(run(x, sigmas[: cut + 1]), sigmas[cut:]), uncut) for cut in CUTS}


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    print(f"| largest / root-mean-square | {' | '.join(f'cut behind {cut}' for cut in CUTS)} |")
    print("| --- |" + " --- |" * len(CUTS))
    for name, options in RUNS:
        title = " ".join([name, *(f"{option}={value}" for option, value in options.items())])
        cells = [f"{largest:.2g} / {mean:.2g}" for largest, mean in measure(name, options).values()]
        print(f"| {' | '.join([title, *cells])} |", flush=True)


if __name__ == "__main__":
    main()
