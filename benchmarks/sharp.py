"""How good each sampler is on sharp mixtures and flow models: COMFYUI_PATH=... python benchmarks/sharp.py

Appends to --csv a row for each problem, guidance, sampler, schedule, number of model calls and seed: 1000 times what
the distance (sharp_mixtures.py) to the converged reverse SDE, eta = 1, is above the floor, which is what as many true
samples give: the rows of the sampler "true". What the file has already is not measured again: delete rows to have that.
Several processes may write to one file if each has its own --problems. The rows of a seed and a part of the true
samples have the same initial latents and the same noise paths, which takes most of the sampling noise away. Guidance is
towards one label. "SEEDS-M, whole" does not see the model's `cond_denoised`. The true samples come from SEEDS-2 with
steps uniform in lambda and are kept in ~/.cache/seeds-samplers/targets. Needs scikit-learn; sharp_table.py prints the
tables.
"""

import argparse
import csv
import os
import zlib
from functools import cache, wraps
from itertools import product
from pathlib import Path

import torch
from contenders import CORE, PENULTIMATE, caps, contenders, ode
from frames import EPS, flow
from hosting import same_path, sample
from pictures import KINDS
from sharp_mixtures import Denoiser, Sharp, Target
from tqdm import tqdm

from seeds_samplers.sampling import sample_seeds_2, sample_seeds_m

MIXTURES = {"digits": (3, 0.15), "patches": (0, 0.15), "glyphs": (0, 0.15), "colour patches": (0, 0.2)}  # label, spread
SHIFTS = (1.0, 1.15, 3.0, 5.0, 8.0)
IMAGES, TRUE_SETS, STEPS = 2048, 3, 150
CALLS = (8, 12, 20, 30)
WHOLE, FLOOR = "SEEDS-M, whole", "true"
THEIRS = [f"ComfyUI {name}" for name in CORE if name not in ("heun", "dpm_2_ancestral", "dpmpp_2s_ancestral")]
KEYS = ("problem", "guidance", "sampler", "schedule", "calls", "seed")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "seeds-samplers" / "targets"


class Problem:
    """A mixture in a frame."""

    def __init__(self, name, frame, guidances):
        self.name, self.frame, self.guidances = name, frame, guidances

    @property
    def mixture(self):
        return mixture(self.name)

    def draw(self, function, sigmas, guidance, seed=0):
        """The samples (IMAGES, d), with the initial latents and the noise path of the seed."""
        x = torch.randn(IMAGES, *self.mixture.shape, generator=torch.Generator().manual_seed(seed)) * sigmas[0]
        noise, model = same_path(x, seed, self.frame), Denoiser(self.mixture, self.frame, guidance)
        return sample(function, model, x, sigmas, noise, frame=self.frame).flatten(1)

    def true(self, guidance, seed):
        """The converged samples (IMAGES, d) of the seed."""
        return self.draw(sample_seeds_2, self.frame.converged(STEPS), guidance, seed)


@cache
def mixture(name):
    """The mixture of that name, made once."""
    return Sharp(*KINDS[name](), *MIXTURES[name])


PROBLEMS = {name: Problem(name, EPS, (1.0, 3.0, 7.0)) for name in MIXTURES} | {
    f"{name}, flow {shift:g}": Problem(name, flow(shift), (1.0, 4.0)) for shift in SHIFTS for name in MIXTURES
}


@cache
def true_samples(problem, guidance):
    """Those of TRUE_SETS + 1 seeds, a list."""
    made = problem.mixture
    told = zlib.crc32(b"".join(part.numpy().tobytes() for part in made.means.values()))
    frame = f"{problem.frame.noise_schedule} {problem.frame.sigma_min:.5f}"
    path = CACHE / f"{problem.name} {made.spread:g} {told:08x} {frame} {guidance:g} {IMAGES} {TRUE_SETS} {STEPS}.pt"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}")
        torch.save([problem.true(guidance, seed) for seed in range(TRUE_SETS + 1)], new)
        new.replace(path)
    return torch.load(path)


@cache
def reference(problem, guidance, seed=0):
    """The Target: the true samples of the seed and of the others."""
    sets = true_samples(problem, guidance)
    return Target(sets[seed], torch.cat(sets[:seed] + sets[seed + 1 :]))


def whole(function):
    """The same sampler, blind to `cond_denoised`."""

    @wraps(function)
    def blind(model, *arguments, **options):
        return function(lambda x, sigma, **extra: model(x, sigma, **extra), *arguments, **options)

    return blind


def samplers():
    """{name: (function, calls a step)} of those that are measured."""
    ours = {"SEEDS-M": (sample_seeds_m, 1), WHOLE: (whole(sample_seeds_m), 1)}
    return ours | caps() | {name: found for name, found in contenders().items() if name in THEIRS} | ode()


def measure(name, sampler, problem, guidance, schedule, calls, seed):
    """1000 times the excess with at most so many calls."""
    function, per_step = sampler
    steps = (calls - 1) // per_step + 1
    if name == PENULTIMATE:
        sigmas = problem.frame.sigmas(schedule, steps + 1)
        sigmas = torch.cat([sigmas[:-2], sigmas[-1:]])
    else:
        sigmas = problem.frame.sigmas(schedule, steps)
    return 1000 * reference(problem, guidance, seed).excess(problem.draw(function, sigmas, guidance, seed))


def keys_of(path):
    """The keys of the file's rows; makes the file where there is none."""
    head = [*KEYS, "excess"]
    if not path.exists():
        path.write_text(",".join(head) + "\n")
    with path.open() as file:
        rows = list(csv.reader(file))
    if rows[:1] != [head]:
        raise SystemExit(f"csv: {path}; expected a file that begins with {','.join(head)}")
    return {tuple(row[: len(KEYS)]) for row in rows}


def main():
    known = samplers()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    first = [name for name in PROBLEMS if name.split(",")[0] in ("digits", "patches", "glyphs")]
    first = [name for name in first if "flow" not in name or name.endswith("flow 3")]
    parser.add_argument("--problems", nargs="+", default=first, choices=PROBLEMS, metavar="NAME", help=str([*PROBLEMS]))
    parser.add_argument("--guidance", nargs="+", type=float, help="each problem's own by default")
    parser.add_argument("--calls", nargs="+", type=int, default=CALLS)
    parser.add_argument("--samplers", nargs="+", default=list(known), choices=known, metavar="NAME", help=str([*known]))
    parser.add_argument("--schedules", nargs="+", help="names; the problem's all by default")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], choices=range(TRUE_SETS + 1))
    parser.add_argument("--csv", type=Path, default=Path("benchmarks/sharp.csv"))
    options = parser.parse_args()
    wanted = []
    for name, seed in product(options.problems, options.seeds):
        schedules = [one for one in PROBLEMS[name].frame.schedules if one in (options.schedules or [one])]
        for guidance in options.guidance or PROBLEMS[name].guidances:
            wanted.append((name, f"{guidance:g}", FLOOR, "", "", str(seed)))
            rest = product(options.samplers, schedules, map(str, options.calls), [str(seed)])
            wanted += [(name, f"{guidance:g}", *one) for one in rest]
    extend(options.csv, wanted, known)


def extend(path, wanted, known):
    """Append to the file the rows of those keys that it does not have; known: {name: (function, calls a step)}."""
    done = keys_of(path)
    for key in tqdm([key for key in wanted if key not in done], disable=None):
        name, guidance, sampler, schedule, calls, seed = key
        problem, guidance, seed = PROBLEMS[name], float(guidance), int(seed)
        if sampler == FLOOR:
            value = 1000 * reference(problem, guidance, seed).floor
        else:
            value = measure(sampler, known[sampler], problem, guidance, schedule, int(calls), seed)
        with path.open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow([*key, f"{value:.5g}"])


if __name__ == "__main__":
    with torch.no_grad():
        main()
