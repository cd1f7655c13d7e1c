"""Noise schedules (how alpha and sigma belong together) and step schedules (which noise levels are visited).

A noise schedule is x = alpha * x0 + sigma * eps. Every solver works in the VE frame, y = x / alpha at the noise level
s = sigma / alpha, whose half log-SNR is lambda = -log s; a noise schedule is only the map in and out of it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from .checks import choice, decreasing, number, whole_number

DROWNING = 80.0  # no data have structures larger than EDM's first level
FAR = 15.0  # just above the first level of eps models: only the largest structures are decided above, by few numbers
FAR_STEP = 2.0  # times as long in lambda are steps there
FINEST = 0.029  # just below the last level of eps and v models: nothing is left to decide
LAST_STEP = 3.5  # of many steps of sigmas_seeds, in lambda, over the first: early, large decisions want short ones
FLOW_START = 1 - 1e-4  # stands for a first flow sigma of 1, where lambda is -infinity


@dataclass(frozen=True)
class NoiseSchedule:
    """alpha(sigma) and its inverse through the VE noise level s = sigma / alpha; sigma never exceeds `sigma_limit`."""

    name: str
    alpha: Callable[[float], float]
    sigma_of: Callable[[float], float]
    sigma_limit: float

    def level(self, sigma):
        """The VE noise level s of a host's sigma."""
        return sigma / self.alpha(sigma)

    def length(self, sigma, sigma_next):
        """lambda at sigma_next less lambda at sigma, both above 0."""
        return math.log(self.level(sigma)) - math.log(self.level(sigma_next))

    def read(self, sigmas):
        """A host's sigmas as checked Python floats; a first sigma at which lambda is infinite is moved just below."""
        values = decreasing(sigmas)
        if values and values[0] > self.sigma_limit:
            limit = f"sigmas of the noise schedule {self.name!r} up to {self.sigma_limit}"
            raise ValueError(f"sigmas: {values[0]} at index 0; expected {limit}")
        if values and self.alpha(values[0]) == 0:
            values[0] = max([FLOW_START] + [(1 + second) / 2 for second in values[1:2]])
            if self.alpha(values[0]) == 0:
                raise ValueError(f"sigmas: {values[1]} at index 1; expected a level farther below {self.sigma_limit}")
        return values


def _karras_alpha(sigma):  # functions with names can be pickled, as a NoisePath is
    return 1.0


def _karras_sigma(s):
    return s


def _flow_alpha(sigma):
    return 1.0 - sigma


def _flow_sigma(s):
    return s / (1.0 + s)


NOISE_SCHEDULES = {
    "karras": NoiseSchedule("karras", _karras_alpha, _karras_sigma, math.inf),
    "flow": NoiseSchedule("flow", _flow_alpha, _flow_sigma, 1.0),
}


def falling(sigmas):
    """A tensor of noise levels without those that are not below all earlier ones.

    Hosts' schedules that look levels up in a model's table repeat some where many steps share a small range, and one of
    them starts by rising.
    """
    if len(sigmas) < 2:
        return sigmas
    lowest = torch.cummin(sigmas, 0).values[:-1]
    return torch.cat([sigmas[:1], sigmas[1:][~(sigmas[1:] >= lowest)]])


def noise_schedule_of(name):
    """The noise schedule of that name; ValueError for an unknown one."""
    return NOISE_SCHEDULES[choice("noise_schedule", name, NOISE_SCHEDULES)]


def _between(sigma_min, sigma_max, noise_schedule="karras"):
    schedule = noise_schedule_of(noise_schedule)
    sigma_max = number("sigma_max", sigma_max, above=0, most=schedule.sigma_limit)
    sigma_min = number("sigma_min", sigma_min, above=0)
    if sigma_min >= sigma_max:
        raise ValueError(f"sigma_min: {sigma_min}; expected less than sigma_max, {sigma_max}")
    return schedule, sigma_min, schedule.read([sigma_max, sigma_min])[0]


def _ramp(steps):
    """steps numbers from 0 to 1; a single one is 0."""
    steps = whole_number("steps", steps, least=1)
    return [i / max(1, steps - 1) for i in range(steps)]


def _sigmas(values, device, dtype):
    return torch.tensor([*values, 0.0], device=device, dtype=dtype)


def sigmas_karras(steps, sigma_min, sigma_max, rho=7.0, device="cpu", dtype=torch.float32):
    """Karras et al. 2022, equation 5: uniform in sigma^(1/rho), then 0.

    Returns (steps + 1,) noise levels from sigma_max to sigma_min and 0; one step goes from sigma_max to 0.
    ValueError where not 0 < sigma_min < sigma_max or rho <= 0.
    """
    _, sigma_min, sigma_max = _between(sigma_min, sigma_max)
    rho = number("rho", rho, above=0)
    last = (sigma_min / sigma_max) ** (1 / rho)
    return _sigmas([sigma_max * (1 + x * (last - 1)) ** rho for x in _ramp(steps)], device, dtype)


def sigmas_uniform_lambda(steps, sigma_min, sigma_max, noise_schedule="karras", device="cpu", dtype=torch.float32):
    """Uniform in the half log-SNR lambda (geometric in the VE noise level), then 0.

    sigma_min and sigma_max are the host's, of the given noise schedule. Returns (steps + 1,) noise levels.
    """
    schedule, sigma_min, sigma_max = _between(sigma_min, sigma_max, noise_schedule)
    low, high = math.log(schedule.level(sigma_min)), math.log(schedule.level(sigma_max))
    return _sigmas([schedule.sigma_of(math.exp(high + x * (low - high))) for x in _ramp(steps)], device, dtype)


def sigmas_seeds(steps, sigma_min, sigma_max, noise_schedule="karras", device="cpu", dtype=torch.float32):
    """Steps in lambda that grow towards the last, up to 3.5 times as long as the first, then 0: for few steps.

    lambda is at the fraction -log(1 - u (1 - 1 / 3.5)) / log(3.5) of its way where u of the steps are done: the early,
    large decisions want short steps (docs/seeds_m.md). On this way lambda counts half above the VE noise level of 15,
    where little is decided. Above 80, where flow models start, nothing is: all but the first level, whose step is then
    the longest, are as if from there. Below 0.029, where eps and v models end, nothing is left to decide: a flow
    model's last level before 0 is not lower, unless its first is below 1. sigma_min and sigma_max are the host's, of
    the given noise schedule. Returns (steps + 1,) noise levels.
    """
    schedule, sigma_min, first = _between(sigma_min, sigma_max, noise_schedule)
    high, low = schedule.level(first), schedule.level(sigma_min)
    start = min(high, DROWNING)
    if schedule.name == "flow":
        low = max(low, FINEST * min(1.0, high))
    if low >= start:
        start = high
    way, end = _place(start), _place(low)
    ramp = (-math.log(1 - u * (1 - 1 / LAST_STEP)) / math.log(LAST_STEP) for u in _ramp(steps))
    levels = [_level(way + x * (end - way)) for x in ramp]
    return _sigmas([first, *map(schedule.sigma_of, levels[1:])], device, dtype)


def _place(level):
    """Where a VE noise level lies as sigmas_seeds counts: its logarithm, above FAR by less."""
    return math.log(min(level, FAR)) + math.log(max(level, FAR) / FAR) / FAR_STEP


def _level(place):
    """The inverse of _place."""
    over = max(0.0, place - math.log(FAR))
    return math.exp(place + over * (FAR_STEP - 1))


def sigmas_flow(steps, shift=1.0, sigma_max=1.0, device="cpu", dtype=torch.float32):
    """For flow models: sigmas uniform between sigma_max and 0 before the shift of Esser et al. 2024, equation 23.

    shift > 0 moves them towards noise (above 1) or data (below 1): sigma = shift u / (1 + (shift - 1) u). sigma_max is
    the first sigma after the shift. Returns (steps + 1,) noise levels.
    """
    steps, shift = whole_number("steps", steps, least=1), number("shift", shift, above=0)
    last = number("sigma_max", sigma_max, above=0, most=1)
    last = last / (shift - (shift - 1) * last)
    uniform = [last * (steps - i) / steps for i in range(steps)]
    return _sigmas([shift * u / (1 + (shift - 1) * u) for u in uniform], device, dtype)
