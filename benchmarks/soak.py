"""Random arguments for the samplers: python benchmarks/soak.py arguments --sets 100000

Each set of arguments, good ones and hostile ones mixed, has to give finite latents or a ValueError that names an
argument that is not plainly good. Prints how many did what, and the largest memory after the first thousand sets and
after all, and ends with status 1 if any did neither. Set number i of a seed is always the same: --first i --sets 1 runs
it alone. (soak_comfyui.py does the like to a ComfyUI server.)
"""

import argparse
import inspect
import math
import random
import re
import resource
import sys
import time
import warnings
from collections import Counter
from decimal import Decimal
from fractions import Fraction

import numpy as np
import torch

from seeds_samplers.sampling import SAMPLERS, NoisePath
from seeds_samplers.sampling.solvers.er_sde import NOISE_SCALES

HOSTILE = 0.06  # the share of each argument's values that are not plainly good
NAMES = ("cond_denoised",)  # an attribute of the model, which refusals may name beside the arguments
NUMBERS = [
    None, True, "1", b"1", "", math.nan, math.inf, -math.inf, -1, -1e-9, 0, -0.0, 10**400, 5e-324, 1e-300, 1e-30, 1e30,
    1e300, 1.7e308, [], [0.5], {}, object(), 1 + 2j, torch.tensor(math.nan), torch.ones(2), torch.tensor(0.5),
    torch.tensor(1, device="meta"), np.float32(0.5), np.array([0.5]), Fraction(1, 3), Decimal("NaN"), Decimal("0.25"),
    print, 2, 16, 17, 1e6,
]  # fmt: skip
TEXTS = [None, "", "x", "DATA", 2, ["data"], b"data", math.nan, object(), ("flow",), torch.ones(2)]
SHAPES = [(2, 3), (1,), (3,), (2, 1, 2, 2), (1, 2, 3, 2, 2), (0, 4), (2, 0)]
DTYPES = [torch.float32] * 5 + [torch.float64, torch.float16, torch.bfloat16]


def tame(x, sigma, **_):
    return x / (1 + sigma.view(-1, *[1] * (x.ndim - 1)).float() ** 2)


def bounded(x, sigma, **_):
    return torch.tanh(x.float()).to(x.dtype)


def constant(x, sigma, **_):
    return torch.full((), 0.25, dtype=x.dtype).expand_as(x)


def rounded(x, sigma, **_):
    return bounded(x, sigma).half()


MODELS = [tame, bounded, constant, rounded, lambda x, *_, **__: x, lambda x, *_, **__: x.double() * 0]
NONSENSE = [
    lambda x, *_, **__: None,
    lambda x, *_, **__: 1.0,
    lambda x, *_, **__: x[:0],
    lambda x, *_, **__: x[None],
    lambda x, *_, **__: x.tolist(),
    lambda x, *_, **__: x.to("meta"),
    lambda x, *_, **__: x.to(torch.int64),
    lambda x, *_, **__: x > 0,
    lambda x, *_, **__: x.to(torch.complex64),
    lambda x, *_, **__: x.to(torch.float8_e4m3fn),
    lambda x, *_, **__: x.float().numpy(),
]


def levels(rng, flow):
    """Good noise levels, of up to 8 steps."""
    count = rng.randint(1, 8)
    if flow:
        values = sorted((rng.uniform(0.01, 0.99) for _ in range(count)), reverse=True)
        values = [1.0, *values] if rng.random() < 0.5 else values
    else:
        low, high = sorted(rng.uniform(-5, 5) for _ in range(2))
        values = sorted((math.exp(rng.uniform(low, high)) for _ in range(count)), reverse=True)
    return values + [0.0] * (rng.random() < 0.7)


def odd_levels(rng):
    """Noise levels that are extreme, or no noise levels at all."""
    start = rng.choice([1.0, 0.5, 80.0, 1e300, 1e-300, 1e-40])
    return rng.choice([
        [start, math.nextafter(start, 0)],
        [start * (1 + k * 2**-52) for k in (3, 2, 1, 0)],
        sorted((math.exp(rng.uniform(-700, 700)) for _ in range(rng.randint(1, 6))), reverse=True),
        [1e300, 1e-300, 0], [1.7e308, 1.0], [5e-324, 0], [1, 5e-324], [1.0, 1 - 2**-53, 0], [1.0, 1 - 2**-20, 0.5],
        [1.0, 2.0], [2.0, 2.0, 0.0], [1.0, math.nan], [math.inf, 1.0], [1.0, -1.0], [1.5, 1.0], [0.0, 0.0], [0.0], [],
        None, "sigmas", 3, 3.0, True, {}, {1: 2}, ["2", "1"], [[2.0, 1.0]], [[2.0], [1.0, 0.5]], [2.0, None], [2, 1j],
        (x for x in (2.0, 1.0)), range(5, -1, -1), torch.ones(2, 2), torch.tensor(1.0), torch.tensor([True, False]),
        torch.tensor([5, 2, 0]), torch.tensor([2 + 1j, 1]), torch.tensor([2.0, 1.0], requires_grad=True),
        torch.tensor([2.0, 1.0]).half(), torch.tensor([2.0, 1.0], device="meta"), torch.tensor([2.0, 1.0]).to_sparse(),
        np.array([2.0, 1.0, 0.0]), np.array(["2", "1"]), np.array([2.0, 1.0], dtype=np.longdouble), object(),
        [torch.tensor(2.0), torch.tensor(1.0)], [10**400, 1], [Fraction(5, 2), 1], [Decimal(2), Decimal("0.5")],
    ])  # fmt: skip


GOOD = {
    "callback": lambda rng: rng.choice([None, lambda step: None]),
    "eta": lambda rng: rng.choice([0, 0.0, 1, rng.uniform(0, 4)]),
    "eta_cap": lambda rng: rng.choice([None, rng.uniform(0.05, 3)]),
    "extra_args": lambda rng: rng.choice([None, {}]),
    "guidance_limit": lambda rng: rng.choice([0, 1, rng.uniform(0, 4)]),
    "noise_device": lambda rng: rng.choice(["cpu", "gpu"]),
    "noise_scale": lambda rng: rng.choice([*NOISE_SCALES, lambda s: s**1.5, lambda s: s * math.exp(min(s, 10))]),
    "order": lambda rng: rng.choice([1, 2]),
    "prediction": lambda rng: rng.choice(["data", "noise", "v"]),
    "r": lambda rng: rng.choice([1, rng.uniform(0.01, 1)]),
    "r_1": lambda rng: rng.uniform(0.01, 0.49),
    "r_2": lambda rng: rng.choice([1, rng.uniform(0.5, 1)]),
    "s_noise": lambda rng: rng.choice([0, 1, rng.uniform(0, 2)]),
    "sigma_data": lambda rng: rng.choice([1, rng.uniform(0.1, 3)]),
}
WORDS = {"prediction", "variant", "noise_schedule", "noise_device", "noise_scale"}
CALLED = [value for value in NUMBERS if not callable(value) and value is not None]
ODD = dict.fromkeys(WORDS, TEXTS) | {
    "callback": CALLED,
    "extra_args": ["x", 5, [1], {1: 2}, {"seed": "x"}, {"seed": [1] * 9}, {"seed": 1.5}, object()],
    "model": [*NONSENSE, *CALLED, None],
    "noise_sampler": [
        *((lambda *_, f=f: f(torch.ones(2, 3))) for f in NONSENSE), *CALLED,
        *(NoisePath(torch.ones(4, 5, device=on), 1) for on in ("cpu", "meta")),
    ],
    "seed": [*NUMBERS, [1, 2], "12", [0.5], [None], torch.ones(2, 2), range(3), [2**70, True]],
    "x": [None, 1.0, [1.0], "x", np.ones((2, 3)), torch.ones(2, dtype=torch.int64), torch.tensor(1.0),
          torch.ones(2, 3, dtype=torch.complex64), torch.ones(2, 3) > 0, torch.ones(2, 3).to(torch.float8_e4m3fn),
          torch.ones(2, 3).to_sparse(), torch.ones(2, 3, requires_grad=True), torch.ones(1, 1).expand(2, 3)],
}  # fmt: skip


ALONG = {"extra_args": {"seed"}, "x": {"seed", "noise_sampler", "sigmas"}}  # that one may not fit with the others


class Arguments:
    """Set number `index` of a seed: a sampler's name, arguments, and the names of those that are not plainly good."""

    def __init__(self, seed, index):
        self.rng = rng = random.Random(f"{seed} {index}")
        self.sampler, self.odd = rng.choice(list(SAMPLERS)), set()
        flow = rng.random() < 0.3
        values = levels(rng, flow)
        self.given = {"disable": True, "x": self._x(1 if flow else values[0]), "model": rng.choice(MODELS)}
        kind = rng.choice([list, tuple, np.array, torch.tensor])
        self.given["sigmas"] = torch.tensor(values, dtype=torch.float64) if kind is torch.tensor else kind(values)
        self.given |= {"noise_schedule": "flow"} if flow else {}
        parameters = inspect.signature(SAMPLERS[self.sampler]).parameters
        for name in sorted(parameters.keys() - self.given.keys()):
            if rng.random() < 0.4:
                self.given[name] = self._good(name)
        if self._outgrows():
            self.odd.add("x")
        for name in sorted(parameters.keys() - {"disable"}):
            if rng.random() < HOSTILE:
                self.odd |= {name, *ALONG.get(name, ())}
                self.given[name] = odd_levels(rng) if name == "sigmas" else rng.choice(ODD.get(name, NUMBERS))

    def _x(self, scale):
        generator = torch.Generator().manual_seed(self.rng.randrange(2**32))
        x = torch.randn(self.rng.choice(SHAPES), generator=generator)
        return x.to(self.rng.choice(DTYPES)) * scale

    def _outgrows(self):
        """The noise form makes x large in long steps, and those of flow models are: more than float16 holds."""
        long = self.given.get("noise_schedule") == "flow" and self.given.get("prediction") == "noise"
        return long and self.given["x"].dtype == torch.float16

    def _good(self, name):
        rng, x = self.rng, self.given["x"]
        if name == "noise_schedule":
            return "karras"
        if name == "variant":
            return rng.choice(["2a", "2b", "2s"] if self.sampler == "SEEDS-2" else ["3a", "3b"])
        if name == "seed":
            several = [rng.randrange(2**70) for _ in x]
            return rng.choice([None, 0, -1, 2**64, np.int64(7), torch.tensor(3), several, tuple(several)])
        if name == "noise_sampler":
            path = NoisePath(x, rng.randrange(9), variation_seed=1, variation_strength=rng.choice([0, 0.5, 1]))
            return rng.choice([path, lambda *_: torch.randn(x.shape), lambda *_: -torch.ones_like(x)])
        return GOOD[name](rng)


def outcome(arguments):
    """(what a set of arguments gave, in a word; what is wrong with that, or None)."""
    x = arguments.given["x"]
    try:
        result = SAMPLERS[arguments.sampler](**arguments.given)
    except ValueError as error:
        found = re.match(r"(\w+(?:, \w+)*): ", str(error))
        named = set(found[1].split(", ")) if found else set()
        if not named or named - inspect.signature(SAMPLERS[arguments.sampler]).parameters.keys() - {*NAMES}:
            return "refusal", f"names no argument: {error}"
        return "refusal", None if named & arguments.odd else f"refuses what is good: {error}"
    except Exception as error:
        return "error", f"{type(error).__name__}: {error}"
    if not torch.is_tensor(result) or result.shape != x.shape or result.dtype != x.dtype:
        return "latents", f"returns {type(result).__name__}, of another shape or dtype than x"
    return "latents", None if result.isfinite().all() else "returns what is not finite"


def soak(sets, seed=0, first=0):
    """Counts of what `sets` sets of arguments gave, and [(number, arguments, what is wrong)]."""
    counts, wrong = Counter(), []
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # a user would see it
        for index in range(first, first + sets):
            arguments = Arguments(seed, index)
            torch.manual_seed(index)
            what, complaint = outcome(arguments)
            counts[what, "some not plainly good" if arguments.odd else "all good"] += 1
            if complaint:
                wrong.append((index, arguments, complaint))
    return counts, wrong


def megabytes():
    """The most memory that the process has had so far."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["arguments"])
    parser.add_argument("--sets", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first set")
    options = parser.parse_args()
    started, early = time.perf_counter(), min(1000, options.sets)
    counts, wrong = soak(early, options.seed, options.first)
    memory = [megabytes()]
    more, more_wrong = soak(options.sets - early, options.seed, options.first + early)
    counts, wrong, memory = counts + more, wrong + more_wrong, [*memory, megabytes()]
    for (what, of), count in sorted(counts.items()):
        print(f"{count:8} {what}, {of}")
    for index, arguments, complaint in wrong[:20]:
        print(f"set {index}, {arguments.sampler}, {', '.join(sorted(arguments.odd)) or 'all good'}: {complaint}")
        print(f"    {arguments.given}")
    print(f"memory: {memory[0]:.0f} MB after {early}, {memory[1]:.0f} MB after all")
    print(f"{options.sets} sets in {time.perf_counter() - started:.0f} s: {len(wrong)} did neither")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
