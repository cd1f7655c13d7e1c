"""Draws docs/icon.png (400 x 400) and docs/banner.png (1260 x 540, 21:9): python docs/artwork.py

The lines are runs of SEEDS-1 on data at three places: from noise, on the left, to the data.
"""

from pathlib import Path

import matplotlib
import torch

from seeds_samplers.sampling import sample_seeds_1, sigmas_uniform_lambda

matplotlib.use("Agg")
from matplotlib import patches, pyplot

FOLDER = Path(__file__).parent
DATA, COLOURS = (-1.0, 0.0, 1.0), ("#f2b84b", "#7ee0a8", "#6cb6ff")
PAPER, INK, DPI = "#14161c", "#f4f4f7", 100


def denoiser(x, sigma):
    """The posterior mean of data at DATA."""
    places = torch.tensor(DATA)
    weights = torch.softmax(-((x - places) ** 2) / (2 * sigma[:, None] ** 2), 1)
    return (weights * places).sum(1, keepdim=True)


def runs(count, seed, steps=160):
    """Where `count` runs are after each step, (steps + 1, count)."""
    sigmas, places = sigmas_uniform_lambda(steps, 0.02, 3.0), []
    x = torch.randn(count, 1, generator=torch.Generator().manual_seed(seed)) * sigmas[0]
    end = sample_seeds_1(denoiser, x, sigmas, callback=lambda now: places.append(now["x"]), disable=True, seed=seed)
    return torch.stack([*places, end])[..., 0]


def draw_runs(axes, count, seed, width):
    found = torch.asinh(1.6 * runs(count, seed))
    across = torch.linspace(0, 1, len(found))
    for line in found.T:
        nearest = int((torch.asinh(1.6 * torch.tensor(DATA)) - line[-1]).abs().argmin())
        axes.plot(across, line, color=COLOURS[nearest], lw=width, alpha=0.75, solid_capstyle="round")
    for place, colour in zip(DATA, COLOURS, strict=True):
        axes.plot(1, torch.asinh(torch.tensor(1.6 * place)), "o", color=colour, ms=width * 7.5, clip_on=False)
    axes.set_axis_off()


def figure_of(width, height):
    """A figure of so many pixels, and axes that fill it."""
    figure = pyplot.figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    whole = figure.add_axes((0, 0, 1, 1))
    whole.set(xlim=(0, width), ylim=(0, height))
    whole.set_axis_off()
    return figure, whole


def icon():
    figure, whole = figure_of(400, 400)
    box = "round,pad=0,rounding_size=72"
    whole.add_patch(patches.FancyBboxPatch((0, 0), 400, 400, boxstyle=box, facecolor=PAPER, edgecolor="none"))
    draw_runs(figure.add_axes((0.1, 0.12, 0.76, 0.76)), 14, 5, 3.2)
    figure.savefig(FOLDER / "icon.png", dpi=DPI, transparent=True)


def banner():
    figure, whole = figure_of(1260, 540)
    figure.set_facecolor(PAPER)
    draw_runs(figure.add_axes((0.5, 0.1, 0.45, 0.8)), 40, 2, 2)
    whole.text(70, 300, "SEEDS samplers", color=INK, fontsize=44, weight="bold", va="center")
    whole.text(72, 225, "One seed, one image:\nwhatever the steps and the batch", color=INK, fontsize=20, va="top")
    figure.savefig(FOLDER / "banner.png", dpi=DPI, facecolor=PAPER)


if __name__ == "__main__":
    icon()
    banner()
