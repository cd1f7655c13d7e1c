"""How far a run cut in two is from the same run in one: python benchmarks/split.py

The embedded model, guidance 2, 20 steps of the karras schedule, cut behind 5, 10 and 15 of them: the second run starts
from what the first returned, with the same seed. Beside it the distance to the image of 256 steps, which is what 20
steps leave. Differences of pixels, which are in -1 to 1, over 24 images.
"""

import argparse

from noise import REFERENCE_STEPS, REFINED_TEXT, beginning

from seeds_samplers.demo.denoiser import load_model
from seeds_samplers.sampling import SAMPLERS

STEPS, CUTS, SEED = 20, (5, 10, 15), 3
RUNS = [
    ("SEEDS-1", {}),
    ("SEEDS-2", {}),
    ("SEEDS-2", {"variant": "2s"}),
    ("SEEDS-3", {}),
    ("SEEDS-M", {}),
    ("ER-SDE", {}),
    ("ER-SDE", {"order": 2}),
    ("ER-SDE", {"order": 1}),
]


def away(one, other):
    difference = one - other
    return difference.abs().max().item(), difference.square().mean().sqrt().item()


def measure(name, options):
    """{cut: (largest, root-mean-square) difference}, and that to REFERENCE_STEPS steps under their number."""
    model, (x, sigmas, extra_args) = load_model(), beginning(STEPS, REFINED_TEXT, SEED)

    def run(x, sigmas):
        return SAMPLERS[name](model, x, sigmas, extra_args, seed=SEED + 100, disable=True, **options)

    whole = run(x, sigmas)
    found = {cut: away(run(run(x, sigmas[: cut + 1]), sigmas[cut:]), whole) for cut in CUTS}
    fine = beginning(REFERENCE_STEPS, REFINED_TEXT, SEED)[1]
    return found | {REFERENCE_STEPS: away(run(x, fine), whole)}


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    print(f"difference of pixels, largest / root-mean-square, of {STEPS} steps")
    heads = [f"cut behind {cut}" for cut in CUTS] + [f"to {REFERENCE_STEPS} steps"]
    print("".join(head.rjust(24) for head in ["", *heads]))
    for name, options in RUNS:
        title = " ".join([name, *(str(value) for value in options.values())])
        cells = [f"{largest:.1e} / {mean:.1e}" for largest, mean in measure(name, options).values()]
        print("".join(cell.rjust(24) for cell in [title, *cells]), flush=True)


if __name__ == "__main__":
    main()
