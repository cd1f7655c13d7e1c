"""One seed, few model calls: what SEEDS-M and ComfyUI's samplers draw of it: python benchmarks/same_seed.py FILE.png

A row for each sampler, a column for each number of model calls, the last with the image as the first of a batch of
four. Every sampler draws its own noise, as in its host, from the same seed and the same initial latent: the embedded
model's S, E and D with three seeds in succession, guidance 2. Steps: karras, and SEEDS-M's own. ComfyUI's samplers are
there where COMFYUI_PATH names a checkout.
"""

import argparse

import torch
from contenders import contenders
from frames import EPS
from hosting import hosted

from seeds_samplers.demo.denoiser import SIGMA_MAX, SIGMA_MIN, load_model
from seeds_samplers.demo.glyphs import labels_of
from seeds_samplers.sampling import sigmas_karras, sigmas_seeds

NAMES = ("SEEDS-M", "ComfyUI dpmpp_2m_sde", "ComfyUI er_sde", "ComfyUI seeds_2", "ComfyUI euler_ancestral")
CALLS, BATCH, TEXT, SEED, GUIDANCE = (8, 12, 20, 40), 4, "SED", 0, 2.0
PAPER, INK, OURS = "#14161c", "#e8e8ec", "#7ee0a8"


def drawn(sampler, name, calls, batch, letter, seed):
    """The first image, (3, 32, 32), of a batch of that letter."""
    function, per_step = sampler
    levels = sigmas_seeds if name == "SEEDS-M" else sigmas_karras
    sigmas = levels((calls - 1) // per_step + 1, SIGMA_MIN, SIGMA_MAX)
    latent = torch.randn(batch, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    labels = torch.tensor(labels_of(letter) * batch)
    given = {"labels": labels, "cfg": GUIDANCE, "seed": seed, "model_options": {}}
    model = hosted(load_model(), EPS, latent.device)
    return function(model, latent * sigmas[0], sigmas, extra_args=given, disable=True)[0].clamp(-1, 1)


def strip(sampler, name, calls, batch):
    """The letters beside each other, (H, W, 3) in 0 to 1."""
    letters = [drawn(sampler, name, calls, batch, letter, SEED + k) for k, letter in enumerate(TEXT)]
    gap = torch.ones(3, 32, 1) * torch.tensor([int(PAPER[k : k + 2], 16) / 127.5 - 1 for k in (1, 3, 5)])[:, None, None]
    parts = [part for letter in letters for part in (letter, gap)][:-1]
    return (torch.cat(parts, 2).permute(1, 2, 0) + 1) / 2


def plot(rows, titles, path):
    """Rows (name, strips), a strip under each of the titles."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    size = (2.1 * len(titles) + 1.5, 0.72 * len(rows) + 0.35)
    figure, panels = pyplot.subplots(len(rows), len(titles), figsize=size, facecolor=PAPER, squeeze=False)
    figure.subplots_adjust(left=1.5 / size[0], right=0.995, bottom=0.01, top=1 - 0.35 / size[1], wspace=0.06, hspace=0)
    for panel, title in zip(panels[0], titles, strict=True):
        panel.set_title(title, fontsize=10, color=INK, pad=5)
    for line, (name, strips) in zip(panels, rows, strict=True):
        ours = name == "SEEDS-M"
        label = line[0].set_ylabel(name.replace(" ", "\n"), rotation=0, ha="right", va="center", fontsize=10)
        label.set(color=OURS if ours else INK, weight="bold" if ours else "normal")
        for panel, picture in zip(line, strips, strict=True):
            panel.imshow(picture, interpolation="bicubic")
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set_visible(False)
    figure.savefig(path, dpi=110, facecolor=PAPER)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", help="PNG to draw the picture into")
    path, known = parser.parse_args().path, contenders()
    columns = [(calls, 1) for calls in CALLS] + [(CALLS[-2], BATCH)]
    rows = [
        (name, [strip(known[name], name, calls, batch) for calls, batch in columns]) for name in NAMES if name in known
    ]
    titles = [f"{calls} model calls" + (f", batch of {batch}" if batch > 1 else "") for calls, batch in columns]
    plot(rows, titles, path)


if __name__ == "__main__":
    with torch.no_grad():
        main()
