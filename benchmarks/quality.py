"""How near to the converged reverse SDE each sampler gets with so many model calls: python benchmarks/quality.py

Prints, and appends to --csv, a row for each sampler, schedule, problem, guidance and budget: the Frechet distance to
the converged SDE, times 1000, less that of as many converged samples, with its standard error over repeats. What the
file has already is not measured again, so that a long run can be stopped and resumed. Problems with a known denoiser
(mixtures.py; scikit-learn is needed for two of them), from sigma 14.6 to 0.03. k-diffusion's samplers are measured
where it is installed, ComfyUI's where COMFYUI_PATH names a checkout and its requirements are installed.
"""

import argparse
import csv
import inspect
import math
import os
import sys
import types
from functools import cache
from pathlib import Path

import torch
from mixtures import PROBLEMS, frechet, moments

from seeds_samplers.sampling import SAMPLERS, sigmas_karras, sigmas_seeds, sigmas_uniform_lambda

START, STOP = 14.6, 0.03
SCHEDULES = {"karras": sigmas_karras, "uniform lambda": sigmas_uniform_lambda, "seeds": sigmas_seeds}
CALLS = (8, 12, 20, 32, 50)
REFERENCE, REFERENCE_STEPS, FLOORS = 16384, 300, 4
CORE = {  # of ComfyUI: the stochastic ones, and the model calls of a step
    "er_sde": 1, "dpmpp_2m_sde": 1, "dpmpp_3m_sde": 1, "dpmpp_sde": 2, "sa_solver": 1, "seeds_2": 2, "seeds_3": 3,
    "exp_heun_2_x0_sde": 2, "euler_ancestral": 1, "dpm_2_ancestral": 2, "dpmpp_2s_ancestral": 2,
}  # fmt: skip
K_DIFFUSION = {"dpmpp_2m_sde": 1, "dpmpp_3m_sde": 1, "dpmpp_sde": 2, "euler_ancestral": 1, "dpm_2_ancestral": 2}
FIELDS = ("problem", "guidance", "sampler", "schedule", "calls", "excess", "error", "floor")


def others():
    """{name: (function, calls a step)} of the samplers that are at hand besides ours."""
    found = {}
    if path := os.environ.get("COMFYUI_PATH"):
        sys.path.insert(0, path)
        sys.argv = sys.argv[:1]
        import comfy.cli_args

        comfy.cli_args.args.cpu = True
        from comfy.k_diffusion import sampling

        found |= {f"ComfyUI {name}": (getattr(sampling, f"sample_{name}"), calls) for name, calls in CORE.items()}
    try:
        from k_diffusion import sampling
    except ImportError:
        return found
    return found | {f"k-diffusion {name}": (getattr(sampling, f"sample_{name}"), n) for name, n in K_DIFFUSION.items()}


def hosted(model):
    """The model with what ComfyUI's samplers ask of one."""
    model_sampling = types.SimpleNamespace(noise_scale=1.0, percent_to_sigma=lambda percent: START * (1 - percent))
    patcher = types.SimpleNamespace(get_model_object=lambda _: model_sampling)
    model.inner_model = types.SimpleNamespace(
        model_patcher=patcher, inner_model=types.SimpleNamespace(model_sampling=model_sampling)
    )
    return model


@cache
def mixture(problem):
    return PROBLEMS[problem]()


def run(function, problem, guidance, sigmas, images, seed):
    """The moments of `images` samples."""
    generator = torch.Generator().manual_seed(seed)
    target = mixture(problem)
    labels = torch.randint(0, len(target.means), (images,), generator=generator) if guidance != 1 else None
    x = torch.randn(images, target.dimensions, generator=generator) * sigmas[0]
    model = hosted(target.denoiser(guidance, labels))
    given = {}
    if "noise_sampler" in inspect.signature(function).parameters:
        given["noise_sampler"] = lambda *_: torch.randn(x.shape, generator=generator)
    return moments(function(model, x, sigmas, extra_args={}, disable=True, **given))


@cache
def reference(problem, guidance, images, seed):
    """Of the converged reverse SDE."""
    sigmas = sigmas_uniform_lambda(REFERENCE_STEPS, STOP, START)
    return run(SAMPLERS["SEEDS-2"], problem, guidance, sigmas, images, seed)


def mean(values):
    """(mean, its standard error)."""
    center = sum(values) / len(values)
    return center, math.sqrt(sum((one - center) ** 2 for one in values) / max(1, len(values) - 1) / len(values))


@cache
def floor(problem, guidance, images):
    """The distance of as many converged samples, and its standard error."""
    target = reference(problem, guidance, REFERENCE, 10**6)
    return mean([frechet(reference(problem, guidance, images, 10**6 + k), target) for k in range(1, FLOORS + 1)])


def measure(function, calls_per_step, schedule, problem, guidance, calls, images, repeats):
    """(excess, its standard error, floor), all times 1000."""
    target = reference(problem, guidance, REFERENCE, 10**6)
    sigmas = SCHEDULES[schedule]((calls - 1) // calls_per_step + 1, STOP, START)
    runs = [run(function, problem, guidance, sigmas, images, seed) for seed in range(repeats)]
    found, error = mean([frechet(one, target) for one in runs])
    least, of_least = floor(problem, guidance, images)
    return 1000 * (found - least), 1000 * math.hypot(error, of_least), 1000 * least


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS), choices=PROBLEMS)
    parser.add_argument("--guidance", nargs="+", type=float, default=[1.0, 3.0, 7.0])
    parser.add_argument("--calls", nargs="+", type=int, default=CALLS)
    parser.add_argument("--samplers", nargs="+", help="names; all by default")
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--csv", type=Path, help="file to append to")
    options = parser.parse_args()
    samplers = {name: (function, function.calls_per_step) for name, function in SAMPLERS.items()} | others()
    done = set()
    if options.csv and options.csv.exists():
        with options.csv.open() as file:
            done = {tuple(row[:5]) for row in csv.reader(file)}
    elif options.csv:
        options.csv.write_text(",".join(FIELDS) + "\n")
    for problem in options.problems:
        for guidance in options.guidance:
            for name in options.samplers or samplers:
                for schedule in SCHEDULES:
                    for calls in options.calls:
                        key = (problem, f"{guidance:g}", name, schedule, str(calls))
                        if key in done:
                            continue
                        row = measure(
                            *samplers[name], schedule, problem, guidance, calls, options.images, options.repeats
                        )
                        line = ",".join([*key, *(f"{value:.2f}" for value in row)])
                        print(line, flush=True)
                        if options.csv:
                            with options.csv.open("a") as file:
                                file.write(line + "\n")


if __name__ == "__main__":
    main()
