"""What a sampler costs beside the model: python benchmarks/overhead.py

For each sampler and latent, per model call: milliseconds, the milliseconds of the noise draws among them, tensor
operations in all and of full size, host synchronisations; and the peak of extra memory in latents. The model does
nothing, the noise is torch.randn_like, the last step goes to sigma 0. k-diffusion's samplers are measured beside ours
where k-diffusion is installed.
"""

import argparse
import time

import torch
from ledger import Ledger
from tables import show, write_csv

from seeds_samplers.sampling import SAMPLERS, sigmas_karras

SHAPES = [(1, 4, 64, 64), (4, 4, 128, 128), (1, 16, 21, 60, 104)]
STEPS = 10
THEIRS = ("euler_ancestral", "dpm_2_ancestral", "dpmpp_2s_ancestral", "dpmpp_sde", "dpmpp_2m_sde", "dpmpp_3m_sde")
COLUMNS = ("sampler", "latent", "calls", "ms", "draw_ms", "operations", "full_size", "host_reads", "peak_latents")

WIDTHS = (31, 16, 6, 8, 8, 11, 10, 11, 13)


def samplers():
    """Name -> function: ours, and k-diffusion's where it is installed."""
    found = dict(SAMPLERS)
    try:
        from k_diffusion import sampling
    except ImportError as error:
        print(f"k-diffusion's samplers are not measured: {error}")
        return found
    return found | {f"k-diffusion {name}": getattr(sampling, f"sample_{name}") for name in THEIRS}


class NullModel:
    """Returns the same tensor each time, and counts."""

    def __init__(self, x):
        self.denoised, self.calls = torch.zeros_like(x), 0

    def __call__(self, x, sigma):
        self.calls += 1
        return self.denoised


class PlainNoise:
    """torch.randn_like, timed."""

    def __init__(self, x):
        self.x, self.seconds = x, 0.0

    def __call__(self, sigma, sigma_next):
        started = time.perf_counter()
        noise = torch.randn_like(self.x)
        self.seconds += time.perf_counter() - started
        return noise


def measure(name, sampler, shape, repeats):
    """One row of the table; times are the best of `repeats`."""
    x, sigmas = torch.randn(shape) * 80, sigmas_karras(STEPS, 0.02, 80)
    runs = []
    for _ in range(repeats):
        model, noise = NullModel(x), PlainNoise(x)
        started = time.perf_counter()
        sampler(model, x, sigmas, noise_sampler=noise, disable=True)
        runs.append((time.perf_counter() - started, noise.seconds))
    seconds, drawing = min(runs)
    model.calls = 0
    with Ledger(x) as ledger:
        sampler(model, x, sigmas, noise_sampler=lambda sigma, sigma_next: torch.randn_like(x), disable=True)
    calls, latent = model.calls, "x".join(map(str, shape))
    counts = [ledger.operations, ledger.full_size, ledger.host_reads]
    row = [name, latent, calls, 1e3 * seconds / calls, 1e3 * drawing / calls, *(count / calls for count in counts)]
    return dict(zip(COLUMNS, [*row, ledger.peak], strict=True))


def plot(rows, path):
    """Milliseconds a model call, the noise draws among them in grey: one panel a latent."""
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, len(SHAPES), figsize=(15, 1 + 0.3 * len(rows) / len(SHAPES)), sharey=True)
    for panel, shape in zip(panels, SHAPES, strict=True):
        here = [row for row in rows if row["latent"] == "x".join(map(str, shape))][::-1]
        names = [row["sampler"] for row in here]
        panel.barh(names, [row["ms"] for row in here], color="tab:blue", label="sampler")
        panel.barh(names, [row["draw_ms"] for row in here], color="lightgrey", label="of it: drawing noise")
        panel.set(title=f"latent {shape}", xlabel="ms a model call")
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="lower center", ncols=2)
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--csv", help="file to write the table to")
    parser.add_argument("--plot", help="PNG to draw the times into")
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {STEPS} steps, values per model call")
    show(dict(zip(COLUMNS, COLUMNS, strict=True)), WIDTHS)
    rows = []
    for shape in SHAPES:
        for name, sampler in samplers().items():
            rows.append(measure(name, sampler, shape, options.repeats))
            show(rows[-1], WIDTHS)
    if options.csv:
        write_csv(options.csv, rows)
    if options.plot:
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
