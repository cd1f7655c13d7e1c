"""The samplers, with k-diffusion's signature, made from the solvers; SAMPLERS has them by the names that hosts show."""

import inspect
import sys
import textwrap
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import torch

from .checks import choice, function, latent, level_tensor
from .draws import Draws
from .noise import NOISE_DEVICES, NoisePath
from .options import Option
from .plan import Plan
from .schedule import NOISE_SCHEDULES, noise_schedule_of
from .solvers import SOLVERS, Solver
from .stepper import run

# What a run takes beside the solver's own options.
NOISE_SCHEDULE = Option(
    "noise_schedule", "karras", 'What sigma means: "karras" (x = x0 + sigma eps) or "flow" (x = (1 - sigma) x0 + sigma '
    "eps).", choices=tuple(NOISE_SCHEDULES), of_model=True,
)  # fmt: skip
NOISE_DEVICE = Option(
    "noise_device", "cpu", "Where the noise is drawn. The image is the same but for rounding.", choices=NOISE_DEVICES
)
BEFORE = ("eta", "s_noise")  # the noise_sampler in the signature, as in k-diffusion
WIDTH = 116  # of the lines of a docstring
SHARED = ("prediction", "sigma_data")  # come after a solver's own options
FAR = 4  # deviations: among the numbers of a latent some are so far from 0

ARGUMENTS = """

Args:
    model: model(x, sigma, **extra_args) -> denoised x, with sigma a (B,) tensor: k-diffusion's convention.
    x: (B, ...) floating point, at the noise level sigmas[0]; not changed. Half precision is computed in float32.
    sigmas: (N + 1,) strictly decreasing noise levels; a last 0 makes the last step return the denoised. Fewer than
        two: x is returned. In flow schedules a first sigma of 1 stands for 1 - 1e-4.
    extra_args: the model's keyword arguments.
    callback: called once a step with {"x", "i", "sigma", "sigma_hat", "denoised"}.
    disable: True hides the progress bar.
    noise_sampler: noise_sampler(sigma, sigma_next) -> unit normals like x, independent for disjoint intervals;
        called in order, with 0-d tensors of x's device (float32 where x is half). A NoisePath is used in the
        sampler's own clock. Left out: NoisePath(x, seed), one path for each image.
    seed: an int (image i of the batch has noise of its own) or one for each image; left out: extra_args["seed"],
        or a draw from torch's global generator.
"""
RETURNS = """
Returns x at sigmas[-1]. Raises ValueError naming the argument, its value and what is allowed.
"""


def ordered(solver: type[Solver]) -> list[Option]:
    """A solver's options in the order of its sampler's signature: those before the noise_sampler, its own, the rest."""
    options = solver.options
    own = [one for name, one in options.items() if name not in BEFORE + SHARED]
    return [options[name] for name in BEFORE if name in options] + own + [options[n] for n in SHARED if n in options]


def signature_of(solver: type[Solver]) -> inspect.Signature:
    """The signature of a solver's sampler."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    options = [inspect.Parameter(one.name, kind, default=one.default) for one in ordered(solver)]
    before = [one for one in options if one.name in BEFORE]
    given = [inspect.Parameter(name, kind) for name in ("model", "x", "sigmas")]
    given += [inspect.Parameter(name, kind, default=None) for name in ("extra_args", "callback", "disable")]
    run_options = [inspect.Parameter(one.name, kind, default=one.default) for one in (NOISE_SCHEDULE, NOISE_DEVICE)]
    noise_sampler, seed = (inspect.Parameter(name, kind, default=None) for name in ("noise_sampler", "seed"))
    return inspect.Signature(
        [*given, *before, noise_sampler, *options[len(before) :], run_options[0], seed, run_options[1]]
    )


def documentation_of(solver: type[Solver]) -> str:
    """The docstring of a solver's sampler."""
    wrap = textwrap.TextWrapper(WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8)
    lines = [wrap.fill(f"{one.name}: {one.about}") for one in (*ordered(solver), NOISE_SCHEDULE, NOISE_DEVICE)]
    return inspect.cleandoc(solver.__doc__ or "") + ARGUMENTS + "\n".join(lines) + "\n" + RETURNS


@lru_cache(maxsize=64)
def _kept(solver: type[Solver], values: tuple, schedule: Any, levels: tuple[float, ...]) -> Plan:
    """A plan, made once: hosts draw many images with the same numbers."""
    return solver(**dict(values)).plan(schedule, levels)


def plan_of(solver: Solver, schedule: Any, levels: tuple[float, ...]) -> Plan:
    """The solver's plan over checked levels, of a noise schedule; kept where the same values make the same plan."""
    if not solver.repeats:
        return solver.plan(schedule, levels)
    return _kept(type(solver), tuple(solver.values().items()), schedule, levels)


def uncompiled(function: Callable) -> Callable:
    """`function` as torch.compile leaves it alone: it is all numbers. Dynamo, which takes long, is not imported."""
    disabled: list[Callable] = []

    def call(*arguments: Any, **options: Any) -> Any:
        if "torch._dynamo" in sys.modules:
            if not disabled:
                disabled.append(torch.compiler.disable(function))
            return disabled[0](*arguments, **options)
        return function(*arguments, **options)

    return call


@uncompiled
def _prepare(
    solver: type[Solver], signature: inspect.Signature, given: tuple, named: dict[str, Any]
) -> tuple[dict[str, Any], Plan, torch.Tensor, Draws]:
    """Check a sampler's arguments and plan: (arguments by name, plan, sigmas as a tensor, the noise of its stages)."""
    bound = signature.bind(*given, **named)
    bound.apply_defaults()
    arguments = bound.arguments
    chosen = solver(**{name: arguments[name] for name in solver.options})
    schedule = noise_schedule_of(arguments["noise_schedule"])
    NOISE_DEVICE.check(arguments["noise_device"])
    levels = tuple(schedule.read(arguments["sigmas"]))
    plan = plan_of(chosen, schedule, levels)
    x, extra_args, noise_sampler = latent(arguments["x"]), arguments["extra_args"], arguments["noise_sampler"]
    if levels and levels[0] > torch.finfo(x.dtype).max:
        raise ValueError(f"sigmas: {levels[0]} at index 0; expected levels that {x.dtype}, x's dtype, can hold")
    if not FAR * plan.deviation <= torch.finfo(x.dtype).max:
        expected = f"expected at most {torch.finfo(x.dtype).max:.0e}, which {x.dtype} holds"
        raise ValueError(f"x, sigmas, s_noise: with them x gets as large as {FAR * plan.deviation:.0e}; {expected}")
    if extra_args is not None and not (isinstance(extra_args, Mapping) and all(isinstance(k, str) for k in extra_args)):
        raise ValueError(f"extra_args: {extra_args!r}; expected the model's keyword arguments by name")
    if arguments["callback"] is not None:
        function("callback", arguments["callback"])
    if noise_sampler is None and plan.draws:
        seed = (extra_args or {}).get("seed") if arguments["seed"] is None else arguments["seed"]
        noise_sampler = NoisePath(x, seed, noise_device=arguments["noise_device"])
    elif noise_sampler is not None:
        function("noise_sampler", noise_sampler)
    if isinstance(noise_sampler, NoisePath):
        noise_sampler = noise_sampler.in_clock(chosen.form, schedule)
    if plan.steps:
        function("model", arguments["model"])
    return arguments, plan, level_tensor(arguments["sigmas"]), Draws(noise_sampler, plan, x)


def sampler_of(solver: type[Solver]) -> Any:
    """The sampler of a solver. Its attributes say what is known of it: solver, about, calls_per_step, ode_order, ..."""
    signature = signature_of(solver)

    def sampled(*arguments: Any, **options: Any) -> torch.Tensor:
        given, plan, sigmas, draws = _prepare(solver, signature, arguments, options)
        if not plan.steps:
            return given["x"]
        rest = (given[name] for name in ("extra_args", "callback", "disable"))
        return run(plan, given["model"], given["x"], sigmas, draws, *rest)

    sample: Any = sampled  # a function with attributes
    sample.__name__ = sample.__qualname__ = "sample_" + solver.name.lower().replace("-", "_")
    sample.__signature__, sample.__doc__, sample.solver = signature, documentation_of(solver), solver
    sample.run_options = {one.name: one for one in (NOISE_SCHEDULE, NOISE_DEVICE)}
    for known in ("calls_per_step", "ode_order", "weak_order", "reads_cond", "about"):
        setattr(sample, known, getattr(solver, known))
    return sample


SAMPLERS: dict[str, Any] = {name: sampler_of(solver) for name, solver in SOLVERS.items()}
globals().update({one.__name__: one for one in SAMPLERS.values()})  # sample_seeds_1, ...: the stub declares them
sample_seeds_1, sample_seeds_2, sample_seeds_3, sample_seeds_m, sample_er_sde = (
    SAMPLERS[name] for name in ("SEEDS-1", "SEEDS-2", "SEEDS-3", "SEEDS-M", "ER-SDE")
)


def options_of(sampler: str) -> tuple[Option, ...]:
    """What hosts show of the sampler of that name: what many have first, then its own, everyday ones first."""
    options = SAMPLERS[choice("sampler", sampler, SAMPLERS)].solver.options
    common = [options[name] for name in (*BEFORE, "prediction") if name in options]
    own = [one for one in options.values() if one not in common and not one.of_model]
    return (*common, NOISE_DEVICE, *sorted(own, key=lambda one: not one.everyday))
