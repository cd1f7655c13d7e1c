"""Draws what quality.py measured: python benchmarks/quality_plot.py benchmarks/quality.csv docs/quality.png

A panel for each problem and guidance: the distance to the target over model calls, both logarithmic, for eleven
samplers with their best schedule for that budget (SEEDS-M: with the schedule "seeds"); the bands are twice the standard
error. The dashed line is the distance of as many true samples: nothing can be seen below it.
"""

import argparse

from quality_table import MODEL, OURS, SCHEDULE, read

LINES = {
    "SEEDS-M": ("tab:red", "-"), "SEEDS-2": ("tab:orange", "-"), "SEEDS-3": ("tab:brown", "-"),
    "SEEDS-1": ("tab:pink", "-"), "ComfyUI er_sde": ("tab:blue", "--"), "ComfyUI dpmpp_2m_sde": ("tab:green", "--"),
    "ComfyUI sa_solver": ("tab:purple", "--"), "ComfyUI seeds_2": ("black", ":"), "ComfyUI seeds_3": ("grey", ":"),
    "ComfyUI euler_ancestral": ("tab:olive", "--"), "ComfyUI heun with churn": ("tab:cyan", "--"),
}  # fmt: skip


def curve(cell, sampler):
    """[(calls, distance, error)] of the best schedule for each budget."""
    found = {}
    for (name, schedule, calls), (excess, error, floor, _) in cell.items():
        if name == sampler and (name != OURS or schedule == SCHEDULE):
            point = (max(excess + floor, 0.1 * floor), error)
            found[calls] = min(point, found.get(calls, point))
    return [(calls, *found[calls]) for calls in sorted(found)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("csv")
    parser.add_argument("png")
    options = parser.parse_args()
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    cells = read(options.csv)
    problems = list(dict.fromkeys(problem for problem, _ in cells))
    width = max(sum(key[0] == problem for key in cells) for problem in problems)
    figure, panels = pyplot.subplots(len(problems), width, figsize=(13, 2.6 * len(problems)), layout="constrained")
    for line in panels:
        for panel in line:
            panel.set_visible(False)
    for row, problem in zip(panels, problems, strict=True):
        for panel, key in zip(row, [key for key in cells if key[0] == problem], strict=False):
            draw(panel, key, cells[key])
    for panel in panels[-1]:
        panel.set_xlabel("model calls")
    figure.supylabel("distance: Frechet x 1000")
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=9)
    figure.savefig(options.png, dpi=80)


def draw(panel, key, cell):
    """One problem and guidance."""
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    panel.set_visible(True)
    floor = next(iter(cell.values()))[2]
    if key[0] != MODEL:
        panel.axhline(floor, color="black", lw=0.8, ls="--")
    for sampler, (color, style) in LINES.items():
        points = curve(cell, sampler)
        if points:
            calls, distances, errors = zip(*points, strict=True)
            panel.plot(calls, distances, style, color=color, lw=1.4, label=sampler)
            known = [2 * error < value for value, error in zip(distances, errors, strict=True)]  # not of runaways
            low = [value - 2 * error for value, error in zip(distances, errors, strict=True)]
            high = [value + 2 * error for value, error in zip(distances, errors, strict=True)]
            panel.fill_between(calls, low, high, known, color=color, alpha=0.15, lw=0)
    panel.set(xscale="log", yscale="log", title=f"{key[0]}, guidance {key[1]:g}")
    if key[0] != MODEL:
        low, high = panel.get_ylim()
        panel.set_ylim(max(low, floor / 4), min(high, 1e3 * floor))  # runaways leave the panel
    panel.set_xticks([8, 12, 20, 32, 50, 100])
    panel.xaxis.set_major_formatter(ScalarFormatter())
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.tick_params(labelsize=8)


if __name__ == "__main__":
    main()
