"""What one seed draws, here and in ComfyUI, by the same two solvers: python benchmarks/same_seed.py FILE.png

Columns: 12, 20 and 40 steps; 20 steps as the first image of a batch of four; 20 steps cut in two, as two samplers with
one seed run them. Every sampler draws its own noise, as in its host, from the same seed and the same initial latent:
the demo model's S, E and D with three seeds in succession, guidance 2, karras. Needs COMFYUI_PATH and what ComfyUI
requires.
"""

import argparse

import torch
from contenders import contenders
from frames import EPS
from hosting import hosted

from seeds_samplers.demo.denoiser import SIGMA_MAX, SIGMA_MIN, load_model
from seeds_samplers.demo.glyphs import labels_of
from seeds_samplers.sampling import sigmas_karras

ROWS = {
    "SEEDS-2": "SEEDS-2",
    "ComfyUI's\nseeds_2": "ComfyUI seeds_2",
    "ER-SDE": "ER-SDE",
    "ComfyUI's\ner_sde": "ComfyUI er_sde",
}
COLUMNS = {  # title: steps, batch, cut
    "12 steps": (12, 1, False), "20 steps": (20, 1, False), "40 steps": (40, 1, False),
    "20 steps,\nin a batch": (20, 4, False), "20 steps,\ntwo samplers": (20, 1, True),
}  # fmt: skip
TEXT, SEED, GUIDANCE = "SED", 0, 2.0
PAPER, INK, OURS = "#14161c", "#e8e8ec", "#7ee0a8"


def drawn(function, steps, batch, cut, letter, seed):
    """The first image, (3, 32, 32), of a batch of that letter."""
    sigmas = sigmas_karras(steps, SIGMA_MIN, SIGMA_MAX)
    x = torch.randn(batch, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * sigmas[0]
    given = {"labels": torch.tensor(labels_of(letter) * batch), "cfg": GUIDANCE, "seed": seed, "model_options": {}}
    model, middle = hosted(load_model(), EPS, x.device), steps // 2
    for part in (sigmas[: middle + 1], sigmas[middle:]) if cut else (sigmas,):
        x = function(model, x, part, extra_args=dict(given), disable=True)
    return x[0].clamp(-1, 1)


def strip(function, *how):
    """The letters beside each other, (H, W, 3) in 0 to 1."""
    letters = [drawn(function, *how, letter, SEED + k) for k, letter in enumerate(TEXT)]
    return (torch.cat(letters, 2).permute(1, 2, 0) + 1) / 2


def plot(rows, path):
    """Rows {label: strips}, a strip under each of the titles."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from PIL import Image

    width, height = 1.5 * len(COLUMNS) + 1.1, 0.52 * len(rows) + 0.5
    figure, panels = pyplot.subplots(len(rows), len(COLUMNS), figsize=(width, height), facecolor=PAPER, squeeze=False)
    figure.subplots_adjust(left=1.05 / width, right=0.995, bottom=0.01, top=1 - 0.48 / height, wspace=0.06, hspace=0)
    for panel, title in zip(panels[0], COLUMNS, strict=True):
        panel.set_title(title, fontsize=11, color=INK, pad=5)
    for line, (name, strips) in zip(panels, rows.items(), strict=True):
        ours = "ComfyUI" not in name
        label = line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=11)
        label.set(color=OURS if ours else INK, weight="bold" if ours else "normal")
        for panel, picture in zip(line, strips, strict=True):
            panel.imshow(picture, interpolation="bicubic")
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set_visible(False)
    figure.savefig(path, dpi=130, facecolor=PAPER)
    Image.open(path).convert("RGB").quantize(160).save(path, optimize=True)  # a third of the size


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", help="PNG to draw the picture into")
    path, known = parser.parse_args().path, contenders()
    plot({row: [strip(known[name][0], *how) for how in COLUMNS.values()] for row, name in ROWS.items()}, path)


if __name__ == "__main__":
    with torch.no_grad():
        main()
