"""How good the embedded model is: python -m seeds_samplers.demo.evaluate

Prints the fraction of images that the embedded classifier recognises: freshly rendered ones, and ones drawn by the
embedded model with each sampler, the same number of each glyph.
"""

import argparse
import sys

import torch
from tqdm import tqdm

from ..sampling import model_calls_for_steps
from .classifier import accuracy, load_classifier
from .draw import Request, draw
from .glyphs import GLYPHS, HELD_OUT, Pool, labels_of


def rendered(count, seed=0):
    """`count` freshly rendered images that no network was trained on, and their labels."""
    pool = Pool(seed, count, HELD_OUT)
    return pool.all(torch.Generator().manual_seed(seed))


def recognised(request, device="cpu"):
    """The fraction of a request's images that the embedded classifier recognises."""
    with tqdm(total=request.steps * -(-len(request.prompt) * request.count // request.batch_size), leave=False) as bar:
        images = draw(request, device, bar.update)
    return accuracy(load_classifier(), images, torch.tensor(labels_of(request.prompt) * request.count))


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m seeds_samplers.demo.evaluate", description=__doc__.split(": ")[0])
    parser.add_argument("--samplers", nargs="+", default=["SEEDS-2"])
    parser.add_argument("--steps", type=int, nargs="+", default=[20])
    parser.add_argument("--schedule", default="karras")
    parser.add_argument("--cfg", type=float, default=2.0)
    parser.add_argument("--eta", type=float, help="(default: the sampler's)")
    parser.add_argument("--per-class", type=int, default=20, help="images of each glyph (default: 20)")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(arguments)
    try:
        images, labels = rendered(7200)
        print(f"rendered: {accuracy(load_classifier(), images, labels):.2%} of {len(labels)} recognised", flush=True)
        for name in options.samplers:
            for steps in options.steps:
                given = dict(
                    seed=0, sampler=name, steps=steps, cfg=options.cfg, count=options.per_class,
                    schedule=options.schedule, options={"eta": options.eta},
                )  # fmt: skip
                request = Request(prompt=GLYPHS, batch_size=180, **given).checked()
                share = recognised(request, options.device)
                calls = model_calls_for_steps(name, steps)
                count = len(GLYPHS) * options.per_class
                print(f"{name}, {steps} steps, {calls} model calls: {share:.2%} of {count} recognised", flush=True)
    except (ValueError, OSError) as error:
        sys.exit(f"evaluate: {error}")


if __name__ == "__main__":
    main()
