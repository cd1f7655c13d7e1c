"""How much of the data's variance is left on flow models at few model calls: python benchmarks/flow_variance.py

Exact, for Gaussian data of each variance (no sampling noise): a linear model's result is a linear map of the initial
latent and of each Gaussian drawn, so runs on unit vectors give its variance. Prints the variance of the result as a
share of the data's, for each sampler, form of the equation and step schedule, at --calls model calls and --shift. The
model tells SEEDS-M its conditional part.
"""

import argparse

import torch

from seeds_samplers.sampling import SAMPLERS, sigmas_flow, sigmas_seeds, steps_for_model_calls

VARIANCES = (0.05, 0.25, 1.0)
SIGMA_MIN = 0.001
FORMS = {"SEEDS-1": ("data", "v"), "SEEDS-2": ("data", "noise", "v"), "SEEDS-3": ("data", "noise", "v")}


def denoiser(variance):
    """The flow denoiser of Gaussian data; `variance` (d,)."""

    def model(x, sigma):
        sigma = sigma.view(-1, 1)
        model.cond_denoised = x * (1 - sigma) * variance / ((1 - sigma) ** 2 * variance + sigma**2)
        return model.cond_denoised

    return model


def levels(schedule, steps, shift):
    if schedule == "simple":
        return sigmas_flow(steps, shift=shift, dtype=torch.float64)
    last = shift * SIGMA_MIN / (1 + (shift - 1) * SIGMA_MIN)
    return sigmas_seeds(steps, last, 1.0, "flow", dtype=torch.float64)


def variance_of(function, sigmas, variances, **options):
    """The variance of the result for each variance of the data."""
    variances = torch.tensor(variances, dtype=torch.float64)
    model, drawn = denoiser(variances), []

    def count(*_):
        drawn.append(None)
        return torch.zeros(1, len(variances), dtype=torch.float64)

    given = dict(noise_schedule="flow", disable=True, **options)
    ones = torch.ones(1, len(variances), dtype=torch.float64)
    total = function(model, ones, sigmas, noise_sampler=count, **given) ** 2  # the latent begins as unit noise
    for k in range(len(drawn)):
        one = iter(range(len(drawn)))
        unit = function(model, 0 * ones, sigmas, noise_sampler=lambda *_: ones * (next(one) == k), **given)  # noqa: B023
        total += unit**2
    return total[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, nargs="+", default=[9, 13, 19])
    parser.add_argument("--shift", type=float, default=3.0)
    options = parser.parse_args()
    print("| sampler | form | steps | " + " | ".join(f"{calls} calls" for calls in options.calls) + " |")
    print("| --- | --- | --- |" + " --- |" * len(options.calls))
    for name, function in SAMPLERS.items():
        for form in FORMS.get(name, (None,)):
            for schedule in ("simple", "seeds"):
                cells = []
                for calls in options.calls:
                    sigmas = levels(schedule, steps_for_model_calls(name, calls), options.shift)
                    more = {"prediction": form} if form else {}
                    kept = variance_of(function, sigmas, VARIANCES, **more) / torch.tensor(VARIANCES)
                    cells.append(" / ".join(f"{share:.2f}" for share in kept.tolist()))
                print(f"| {name} | {form or ''} | {schedule} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
