"""Problems with known answers, and ways to look into a sampler."""

import pytest
import torch

from seeds_samplers.sampling import SAMPLERS, NoisePath, sample_seeds_1, sample_seeds_2, sample_seeds_3, sigmas_karras
from seeds_samplers.sampling.solvers.one_step import OneStep

PREDICTIONS = ("data", "noise", "v")
METHODS = {
    "SEEDS-1": (sample_seeds_1, {}),
    "SEEDS-2a": (sample_seeds_2, {"variant": "2a"}),
    "SEEDS-2b": (sample_seeds_2, {"variant": "2b"}),
    "SEEDS-2s": (sample_seeds_2, {"variant": "2s"}),
    "SEEDS-3a": (sample_seeds_3, {"variant": "3a"}),
    "SEEDS-3b": (sample_seeds_3, {"variant": "3b"}),
}
for name, sampler in SAMPLERS.items():  # one that is new is measured with its defaults
    if issubclass(sampler.solver, OneStep) and sampler not in [function for function, _ in METHODS.values()]:
        METHODS[name] = sampler, {}
SIGMAS = sigmas_karras(6, 0.05, 20)
X = torch.randn(3, 2, 4, 4, generator=torch.Generator().manual_seed(1)) * 20


def quick_first(cases, quick=1):
    """Parameters for a test: the first `quick` cases are run by plain pytest, all of them by `.ci/run`."""
    cases = [case if isinstance(case, tuple) else (case,) for case in cases]
    return [pytest.param(*case, marks=[] if k < quick else pytest.mark.slow) for k, case in enumerate(cases)]


def gaussian_denoiser(variance):
    """The exact denoiser of centred Gaussian data, in the VE frame; `variance` a number or one for each column."""
    return lambda x, sigma: x * (variance / (variance + sigma.view(-1, *[1] * (x.ndim - 1)) ** 2))


def flow_model(denoiser):
    """The model of the flow frame, x = (1 - sigma) x0 + sigma eps, whose VE denoiser is `denoiser`."""

    def model(x, sigma):
        alpha = (1 - sigma).view(-1, *[1] * (x.ndim - 1))
        return denoiser(x / alpha, sigma / (1 - sigma))

    return model


def curved_denoiser(x, sigma):
    """A smooth nonlinear denoiser: the posterior mean of data at -1 and +1, each coordinate by itself."""
    return torch.tanh(x / sigma.view(-1, *[1] * (x.ndim - 1)) ** 2)


class Impulses:
    """A noise_sampler whose draw number j is 1 in image j + 1 and 0 elsewhere: the run's response to each Gaussian."""

    def __init__(self, x):
        self.x, self.intervals = x, []

    def __call__(self, sigma, sigma_next):
        noise = torch.zeros_like(self.x)
        noise[len(self.intervals) + 1] = 1
        self.intervals.append((sigma.item(), sigma_next.item()))
        return noise


def responses(sampler, model, sigmas, columns=1, **options):
    """The affine map of a run on a linear model: response to x (columns,), responses to each Gaussian (n, columns).

    Image 0 starts at 1 and gets no noise; the others start at 0 and get one Gaussian of size 1 each.
    """
    x = torch.zeros(4 * len(sigmas), columns, dtype=torch.float64)
    x[0] = 1
    impulses = Impulses(x)
    sigmas = torch.as_tensor(sigmas, dtype=torch.float64)
    result = sampler(model, x, sigmas, noise_sampler=impulses, disable=True, **options)
    return result[0], result[1 : len(impulses.intervals) + 1]


def uniform_lambda(steps, start, stop):
    """Noise levels from start to stop > 0, uniform in lambda, in double precision."""
    exponents = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    return start * (stop / start) ** exponents


def final_variance(sampler, sigmas, variances, **options):
    """The variances (n,) that a run on Gaussian data of `variances` (n,) ends with, from the exact start."""
    columns = torch.as_tensor(variances, dtype=torch.float64)
    to_x, to_noise = responses(sampler, gaussian_denoiser(columns), sigmas, len(columns), **options)
    return to_x**2 * (columns + float(sigmas[0]) ** 2) + (to_noise**2).sum(0)


def draw(method, x=X, sigmas=SIGMAS, model=curved_denoiser, **options):
    sampler, variant = METHODS[method]
    return sampler(model, x, sigmas, disable=True, **{"seed": 0, **variant, **options})


class Recorder:
    """A model that remembers its calls."""

    def __init__(self, model=curved_denoiser):
        self.model, self.calls, self.results = model, [], []

    def __call__(self, x, sigma, **extra_args):
        self.calls.append((x, sigma, extra_args))
        self.results.append(self.model(x, sigma))
        return self.results[-1]


COUNT = 100_000
FIVE_SIGMA = 5 / COUNT**0.5


def mixture_denoiser(x, sigma):
    """The posterior mean of data around -1 and +1, of standard deviation 1/2: nonlinear, and smooth at any sigma."""
    variance = sigma.view(-1, *[1] * (x.ndim - 1)) ** 2
    center = torch.tanh(x / (variance + 0.25))
    return center + 0.25 / (variance + 0.25) * (x - center)


class Guided:
    """Guidance between a mixture and one of its classes; says its conditional part, if it is to."""

    def __init__(self, weight, tells=True, slope=0.0):
        self.weight, self.tells, self.slope = weight, tells, slope

    def __call__(self, x, sigma):
        level = sigma.view(-1, *[1] * (x.ndim - 1)) ** 2
        cond = (x + 4 * level) / (1 + level)
        without = mixture_denoiser(x, sigma) + self.slope * (x - cond)
        if self.tells:
            self.cond_denoised = cond
        return without + self.weight * (cond - without)


def normals(*intervals, seed=42, batch=1, **options):
    """A row of COUNT numbers for each interval and image."""
    path = NoisePath(torch.zeros(batch, COUNT), seed, **options)
    return torch.cat([path(*interval) for interval in intervals])


def correlations(rows):
    return (torch.corrcoef(rows) - torch.eye(len(rows))).abs().max()
