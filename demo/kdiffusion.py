"""Samplers with k-diffusion's signature, whoever wrote them: their noise, model calls and equation.

Nothing here is a list of names: a signature says whether a sampler takes noise, and short runs on plain numbers say the
rest.
"""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from ..sampling import NoisePath
from ..sampling.schedule import noise_schedule_of

SDE, ODE = "SDE", "ODE"
PIECES, STEPS, NUMBERS = 4, 16, 4096  # of the runs that find a sampler's equation


def takes_noise(function):
    """Whether a sampler has the argument noise_sampler."""
    return "noise_sampler" in inspect.signature(function).parameters


def default_of(function, option, otherwise=None):
    """The default of a sampler's option; `otherwise` where it has no such option."""
    parameter = inspect.signature(function).parameters.get(option)
    return otherwise if parameter is None or parameter.default is inspect.Parameter.empty else parameter.default


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
    return AnyPath(x, seed, eta=eta if eta > 0 else 1.0, noise_schedule=noise_schedule, **given)


def plainly(denoiser):
    """The model that a sampler is tried on: k-diffusion's convention, with any further arguments."""
    return lambda x, sigma, **_: denoiser(x, sigma)


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

        sigmas_of: sigmas_of(steps) gives the levels.
        """
        steps = min(calls, 4)
        spent, before = self.calls(sigmas_of(steps)), self.calls(sigmas_of(max(1, steps - 1)))
        steps = max(1, steps + (calls - spent) // max(1, spent - before))
        while steps > 1 and self.calls(sigmas_of(steps)) > calls:
            steps -= 1
        while self.calls(sigmas_of(steps + 1)) <= calls:
            steps += 1
        return steps

    def equation(self, sigma_min, sigma_max, noise_schedule="karras"):
        """SDE for the reverse SDE, ODE for the probability-flow ODE, else the sampler's name: what it converges to.

        Where the denoised is 0 everywhere, x shrinks over an interval, and noise grows, as the equation says: with many
        short steps, as 1 + eta and eta of its noise do. What a sampler makes of the prediction without the prompt
        (CFG++) is told apart by a prediction that differs.
        """
        schedule = noise_schedule_of(noise_schedule)
        low, high = (-math.log(schedule.level(sigma)) for sigma in (sigma_max, sigma_min))
        found = set()
        for piece in range(PIECES):
            ends = [low + (high - low) * (piece + i / STEPS) / PIECES for i in range(STEPS + 1)]
            found.add(self._equation_over([math.exp(-end) for end in ends], schedule))
        return found.pop() if len(found) == 1 and None not in found else self.name

    def _equation_over(self, levels, schedule):
        start, end = levels[0], levels[-1]
        sigmas = torch.tensor([schedule.sigma_of(level) for level in levels], dtype=torch.float64)
        scales = [schedule.alpha(float(sigma)) for sigma in sigmas]
        x = torch.full((1, 1, 1, NUMBERS), 1000 * start * scales[0], dtype=torch.float64)
        generator = torch.Generator().manual_seed(0)

        def noise(sigma, sigma_next):
            return torch.randn(x.shape, generator=generator, dtype=x.dtype)

        y = self._tried(lambda x, sigma: x * 0, x, sigmas, noise) / scales[-1]
        growth, deviation = y.mean().item() / (1000 * start), y.std().item()
        eta = math.log(growth) / math.log(end / start) - 1 if growth > 0 else math.inf
        if abs(eta) < 0.02 and deviation < 1e-3 * end:
            return ODE
        expected = end * math.sqrt(1 - (end / start) ** 2)
        return SDE if abs(eta - 1) < 0.02 and abs(deviation / expected - 1) < 0.1 else None

    def _tried(self, denoiser, x, sigmas, noise=None):
        noise = noise or (lambda *_: torch.zeros_like(x))
        with torch.no_grad():
            return self(self.stand_in(denoiser), x, sigmas.to(x), noise, extra_args={})
