"""How good each sampler is with so many model calls: python benchmarks/quality.py

Prints, and appends to --csv, a row for each sampler, schedule, problem, guidance and budget: the Frechet distance to
the target, times 1000, less that of as many true samples, with its standard error over repeats; for the embedded model
the share that its classifier recognises, too. What the file has already is not measured again, so that a long run can
be stopped and resumed; under torchrun every rank takes its share of the rows. Problems: Gaussian mixtures, whose target
is the converged reverse SDE (mixtures.py; scikit-learn is needed for two of them), and the embedded model with freshly
rendered images. k-diffusion's samplers are measured where it is installed, ComfyUI's where COMFYUI_PATH names a
checkout and its requirements are installed. What was measured is kept as quality.csv.gz: to add rows, unpack it
(gunzip -k), name the file with --csv, and pack it again (gzip -9n).
"""

import argparse
import csv
import math
import os
from functools import cache
from itertools import product
from pathlib import Path

import torch
from contenders import contenders
from embedded import EmbeddedProblem
from mixtures import MIXTURES, MixtureProblem, frechet
from tqdm import tqdm

from seeds_samplers.sampling import sigmas_karras, sigmas_seeds, sigmas_uniform_lambda

SCHEDULES = {"karras": sigmas_karras, "uniform lambda": sigmas_uniform_lambda, "seeds": sigmas_seeds}
PROBLEMS = {name: (MixtureProblem, make) for name, make in MIXTURES.items()} | {"embedded model": (EmbeddedProblem,)}
CALLS = (8, 12, 20, 32, 50)
TRUE_SEED, FLOORS = 10**6, 4
FIELDS = ("problem", "guidance", "sampler", "schedule", "calls", "excess", "error", "floor", "recognised")
RANK, RANKS = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))


@cache
def problem_of(name):
    """The problem of that name, made once."""
    kind, *arguments = PROBLEMS[name]
    return kind(*arguments)


@cache
def target(problem, guidance):
    """The moments of many true samples."""
    return problem_of(problem).true(guidance, problem_of(problem).target_images, TRUE_SEED)


def mean(values):
    """(mean, its standard error)."""
    center = sum(values) / len(values)
    return center, math.sqrt(sum((one - center) ** 2 for one in values) / max(1, len(values) - 1) / len(values))


@cache
def floor(problem, guidance, images):
    """The distance of as many true samples, and its standard error."""
    true = [problem_of(problem).true(guidance, images, TRUE_SEED + k) for k in range(1, FLOORS + 1)]
    return mean([frechet(one, target(problem, guidance)) for one in true])


def measure(sampler, problem, guidance, schedule, calls, images, repeats):
    """A row's figures: excess, its standard error, floor (times 1000), and the share that is recognised, or None."""
    function, calls_per_step = sampler
    known, goal = problem_of(problem), target(problem, guidance)
    images = images or known.images
    sigmas = SCHEDULES[schedule]((calls - 1) // calls_per_step + 1, known.sigma_min, known.sigma_max)
    drawn = [known.draw(function, sigmas, guidance, images, seed) for seed in range(repeats)]
    found, error = mean([frechet(one, goal) for one, _ in drawn])
    least, of_least = floor(problem, guidance, images)
    shares = [share for _, share in drawn if share is not None]
    figures = [1000 * (found - least), 1000 * math.hypot(error, of_least), 1000 * least]
    return [f"{value:.2f}" for value in figures] + [f"{mean(shares)[0]:.4f}" if shares else ""]


def rows_of(path):
    """The keys of the rows of the file. Rank 0 makes it, or takes off a last line in which a run was stopped."""
    head = ",".join(FIELDS) + "\n"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else [head]
    if lines[:1] != [head]:
        raise SystemExit(f"csv: {path}; expected a file that begins with {head.strip()}")
    if RANK == 0:
        new = path.with_name(path.name + ".new")
        new.write_text("".join(line for line in lines if line.endswith("\n")))
        new.replace(path)
    if RANKS > 1:
        torch.distributed.init_process_group("gloo")
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
    with path.open() as file:
        return {tuple(row[:5]) for row in csv.reader(file)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS), choices=PROBLEMS)
    parser.add_argument("--guidance", nargs="+", type=float, help="each problem's own by default")
    parser.add_argument("--calls", nargs="+", type=int, default=CALLS)
    parser.add_argument("--samplers", nargs="+", help="names; all by default")
    parser.add_argument("--schedules", nargs="+", default=list(SCHEDULES), choices=SCHEDULES)
    parser.add_argument("--images", type=int, help="in each repeat; each problem's own by default")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--csv", type=Path, help="file to append to")
    options = parser.parse_args()
    samplers = {name: found for name, found in contenders().items() if not name.startswith("RES4LYF")}  # extra calls
    if unknown := set(options.samplers or ()) - set(samplers):
        parser.error(f"--samplers: {', '.join(sorted(unknown))}; expected some of {', '.join(samplers)}")
    wanted = []
    for problem in options.problems:
        guidances = [f"{guidance:g}" for guidance in options.guidance or PROBLEMS[problem][0].guidances]
        calls = map(str, options.calls)
        wanted += product([problem], guidances, options.samplers or samplers, options.schedules, calls)
    done = rows_of(options.csv) if options.csv else set()
    mine = [key for key in wanted[RANK::RANKS] if key not in done]
    for key in tqdm(mine, disable=None if RANK == 0 else True):
        problem, guidance, name, schedule, calls = key
        figures = measure(
            samplers[name], problem, float(guidance), schedule, int(calls), options.images, options.repeats
        )
        line = ",".join((*key, *figures))
        tqdm.write(line)
        if options.csv:
            with options.csv.open("a") as file:
                file.write(line + "\n")


if __name__ == "__main__":
    with torch.no_grad():
        main()
