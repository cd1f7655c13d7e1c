"""Samplers with k-diffusion's signature, whoever wrote them: their noise, model calls and equation.

Nothing here is a list of names: a signature says whether a sampler takes noise, and short runs on plain numbers say the
rest.
"""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch.overrides import TorchFunctionMode

from ..sampling import NoisePath, options_of
from ..sampling.schedule import noise_schedule_of
from .options import read_as, real, whole

SDE, ODE = "SDE", "ODE"
PIECES, LENGTH, NUMBERS = 4, 0.2, 4096  # of the runs that find a sampler's equation; LENGTH of a step, in lambda


def takes_noise(function):
    """Whether a sampler has the argument noise_sampler."""
    return "noise_sampler" in inspect.signature(function).parameters


def default_of(function, option, otherwise=None):
    """The default of a sampler's option; `otherwise` where it has no such option."""
    parameter = inspect.signature(function).parameters.get(option)
    return otherwise if parameter is None or parameter.default is inspect.Parameter.empty else parameter.default


def read_option(sampler, readers, name, text):
    """The value that the text of an option stands for; ValueError where the sampler has no such option."""
    if name not in readers:
        raise ValueError(f"samplers: {sampler} has no option {name}, only {', '.join(readers) or 'none'}")
    return readers[name](text)


def split_name(text):
    """The name and {option: text} of 'NAME option=text ...'."""
    name, *given = text.split()
    pairs = [part.partition("=") for part in given]
    for (option, equals, _), part in zip(pairs, given, strict=True):
        if not (option and equals):
            raise ValueError(f"samplers: {text!r}; expected NAME option=value, not {part!r}")
    return name, {option: value for option, _, value in pairs}


def readers_of(function):
    """{option: a function that reads its text} for the options of a sampler that are numbers or texts."""
    defaults = {name: one.default for name, one in inspect.signature(function).parameters.items()}
    return {name: read_as(type(value)) for name, value in defaults.items() if type(value) in (int, float, str)}


def readers_of_ours(name):
    """The same for one of SAMPLERS."""
    return {one.name: str if one.choices else whole if one.whole else real for one in options_of(name)}


class AnyPath(NoisePath):
    """A NoisePath for samplers that ask for noise where a step has no length, too.

    Some do so at the end of a step, to multiply it by 0, or where a scheduler repeats a level.
    """

    def __call__(self, sigma, sigma_next):
        if float(sigma) == float(sigma_next):
            sigma_next = float(sigma) * (1 - 2**-30)  # shorter than any lattice: a Gaussian of its own
        return super().__call__(sigma, sigma_next)


def path_for(function, options, x, seed, noise_schedule, **given):
    """The noise path for a run of a sampler with these options, in the clock of the noise that it adds.

    `given` goes to NoisePath: indices, noise_device, variation_seed, variation_strength.
    """
    eta = options.get("eta", default_of(function, "eta", 1.0))
    eta = eta if isinstance(eta, (int, float)) and eta > 0 else 1.0  # of the ODE, which asks for no noise, any will do
    return AnyPath(x, seed, eta=eta, noise_schedule=noise_schedule, **given)


def plainly(denoiser):
    """The model that a sampler is tried on: k-diffusion's convention, with any further arguments."""
    return lambda x, sigma, **_: denoiser(x, sigma)


def _is_of(eta, found, length):
    """Whether (eta, deviation), as Sampler._seen finds them, are those of the equation of this eta."""
    deviation = math.sqrt(-math.expm1(-2 * eta * length))
    return abs(found[0] - eta) < 0.03 and abs(found[1] - deviation) < 0.05


class Silent(TorchFunctionMode):
    """In this thread normals without a generator are zeros: torch's global one may be in use in another thread."""

    SILENT = {torch.randn_like: torch.zeros_like, torch.randn: torch.zeros}  # noqa: RUF012

    def __torch_function__(self, function, types, args=(), kwargs=None):
        given = dict(kwargs or {})
        if function in self.SILENT and given.get("generator") is None:
            given.pop("generator", None)
            function = self.SILENT[function]
        return function(*args, **given)


@dataclass(frozen=True)
class Sampler:
    """A sampler that is compared: its function, with options, and how a host has it call a model.

    stand_in: makes the model that the function can be tried on from denoiser(x, sigma).
    """

    name: str
    function: Callable
    options: dict = field(default_factory=dict)
    stand_in: Callable = plainly

    def __call__(self, model, x, sigmas, noise_sampler=None, **given):
        """Run it; a sampler that takes no noise does without."""
        noise = {"noise_sampler": noise_sampler} if takes_noise(self.function) else {}
        given = {"callback": None, **given}  # some want it, if only by name
        return self.function(model, x, sigmas, disable=True, **noise, **self.options, **given)

    def calls(self, sigmas):
        """The model calls of a run over these sigmas."""
        count = 0

        def denoiser(x, sigma):
            nonlocal count
            count += 1
            return x * 0.5

        self._tried(denoiser, torch.ones(1, 1, 1, 1), sigmas)
        return count

    def steps(self, calls, sigmas_of):
        """The most steps whose model calls are no more than `calls`, at least 1.

        sigmas_of: sigmas_of(steps) gives the levels. ValueError for a sampler that chooses its own steps.
        """
        before, spent = self.calls(sigmas_of(3)), self.calls(sigmas_of(4))
        if spent <= before:
            raise ValueError(f"samplers: {self.name} chooses its own steps; expected another")
        steps = max(1, min(calls, 4 + (calls - spent) // (spent - before)))
        while steps > 1 and self.calls(sigmas_of(steps)) > calls:
            steps -= 1
        while steps < calls and self.calls(sigmas_of(steps + 1)) <= calls:
            steps += 1
        return steps

    def equation(self, sigma_min, sigma_max, noise_schedule="karras"):
        """SDE for the reverse SDE, ODE for the probability-flow ODE, else the sampler's name: what it converges to.

        Where the denoised is 0 everywhere, x shrinks and noise grows as the equation says, over any interval: eta can
        be read from both. A stand_in whose prediction without the prompt differs tells CFG++ apart.
        """
        schedule = noise_schedule_of(noise_schedule)
        low, high = (-math.log(schedule.level(sigma)) for sigma in (sigma_max, sigma_min))
        width = (high - low) / PIECES
        pieces = [(low + piece * width, low + (piece + 1) * width) for piece in range(PIECES)]
        for equation, eta in ((ODE, 0.0), (SDE, 1.0)):
            if all(self._solves(eta, *piece, schedule) for piece in pieces):
                return equation
        return self.name

    def _solves(self, eta, start, end, schedule):
        """Whether it solves the equation of this eta over a piece in lambda, with ever shorter steps."""
        steps = math.ceil((end - start) / LENGTH)
        found = torch.tensor(self._seen(start, end, steps, schedule))
        if not _is_of(eta, found, end - start) and (found.abs() < 10).all():  # what is left of a first order error
            found = 2 * torch.tensor(self._seen(start, end, 2 * steps, schedule)) - found
        return _is_of(eta, found, end - start)

    def _seen(self, start, end, steps, schedule):
        """(eta by what is left of x, standard deviation of the noise in units of the level at the end)."""
        levels = [math.exp(-(start + (end - start) * i / steps)) for i in range(steps + 1)]
        sigmas = torch.tensor([schedule.sigma_of(level) for level in levels])
        first, last = (schedule.alpha(sigmas[i].item()) for i in (0, -1))
        x = torch.full((1, 1, 1, NUMBERS), 1000 * levels[0] * first)
        generator = torch.Generator().manual_seed(0)

        def noise(sigma, sigma_next):
            return torch.randn(x.shape, generator=generator)

        y = self._tried(lambda x, sigma: x * 0, x, sigmas, noise).double() / last
        growth = y.mean().item() / (1000 * levels[0])
        eta = -math.log(growth) / (end - start) - 1 if growth > 0 else math.inf
        return eta, y.std().item() / levels[-1]

    def _tried(self, denoiser, x, sigmas, noise=None):
        noise = noise or (lambda *_: torch.zeros_like(x))
        with torch.no_grad(), Silent():
            return self(self.stand_in(denoiser), x, sigmas.to(x), noise, extra_args={})
