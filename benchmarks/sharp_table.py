"""The goals of SEEDS-M beside what sharp.py measured: python benchmarks/sharp_table.py benchmarks/sharp.csv

For each problem and guidance: the distance of SEEDS-M (and without the model's `cond_denoised`: "whole") with its
default steps, "seeds", for flow models with "beta", too; below it the best of ComfyUI's stochastic samplers, and of its
ODE samplers, each with its best steps. Then in how many cells (a problem, a guidance and a budget) a goal is met.
"""

import argparse
import csv
import math
from collections import Counter

from contenders import ODE
from quality_table import RUNAWAY, table

OURS, WHOLE, FLOOR, THEIRS = "SEEDS-M", "SEEDS-M, whole", "true", "ComfyUI "
DEFAULT = "seeds"
NEAR, AT_FLOOR, HALF, OWN = 1.1, 1.15, 0.5, 1.3  # the goals
ODES = {THEIRS + name for name in ODE}


def read(path):
    """{(problem, guidance): {(sampler, schedule): [distance of each budget]}} and the budgets."""
    cells = {}
    with open(path) as file:
        head, *rows = csv.reader(file)
    for problem, guidance, sampler, schedule, *values in rows:
        cells.setdefault((problem, float(guidance)), {})[sampler, schedule] = [float(value) for value in values]
    for cell in cells.values():  # the file has what is above the floor: errors bring it below 0, where nothing can be
        floor = cell.pop((FLOOR, ""), None)
        for key, row in cell.items():
            cell[key] = [max(above, 0.0) + least for above, least in zip(row, floor or row, strict=True)]
        if floor:
            cell[FLOOR, ""] = floor
    return cells, [int(calls) for calls in head[4:]]


def best(cell, names, n):
    """(distance, sampler, schedule): the nearest of some samplers at budget n of the row; infinite without any."""
    return min(((found[n], *key) for key, found in cell.items() if names(key[0])), default=(math.inf, "-", ""))


def stochastic(name):
    return name.startswith(THEIRS) and name not in ODES


def number(value):
    return f"{value:.1f}" if value < 10 else f"{value:.0f}" if value < 10_000 else f"{value:.0e}"


def cells_of(cell, names, budgets):
    found = [best(cell, names, n) for n in range(len(budgets))]
    return [f"{number(value)} {name.removeprefix(THEIRS)}, {schedule}" for value, name, schedule in found]


def near(cells, budgets):
    """For docs/quality.md: head and rows, SEEDS-M with its default steps, "beta" on flow, beside the best peer."""
    rows = []
    for (problem, guidance), cell in sorted(cells.items()):
        ours = cell.get((OURS, "beta" if "flow" in problem else DEFAULT))
        if not ours or (FLOOR, "") not in cell:
            continue
        row = [problem, f"{guidance:g}", number(cell[FLOOR, ""][0])]
        for n, value in enumerate(ours):
            found, name, _ = best(cell, stochastic, n)
            row.append(f"**{number(value)}** / {number(found)} {name.removeprefix(THEIRS)}")
        rows.append(row)
    return ["problem", "guidance", "floor", *(f"{calls} calls" for calls in budgets)], rows


def distances(cells, budgets):
    rows = []
    for (problem, guidance), cell in sorted(cells.items()):
        title = [problem, f"{guidance:g}", number(cell[FLOOR, ""][0])]
        for name, schedule in ((OURS, DEFAULT), (OURS, "beta"), (WHOLE, DEFAULT), (WHOLE, "beta")):
            if (name, schedule) in cell:
                rows.append([*title, f"{name}, {schedule}", *map(number, cell[name, schedule])])
        rows.append([*title, "best of ComfyUI's stochastic", *cells_of(cell, stochastic, budgets)])
        if any(key[0] in ODES for key in cell):
            rows.append([*title, "best of its ODE ones", *cells_of(cell, ODES.__contains__, budgets)])
    table(["problem", "guidance", "floor", "sampler", *(f"{calls} calls" for calls in budgets)], rows)


def verdicts(cell, ours, n):
    """{goal: met} of one cell, for our row of distances."""
    floor, theirs, own = cell[FLOOR, ""][n], best(cell, stochastic, n)[0], ours[n]
    at_floor = own <= AT_FLOOR * floor
    halved = own - floor <= HALF * (theirs - floor)
    return {
        f"at most {NEAR} times the best, or within {AT_FLOOR} of the floor": own <= NEAR * theirs or at_floor,
        f"{HALF} of the best's excess": halved,
        f"{HALF} of the best's excess, or within {AT_FLOOR} of the floor": halved or at_floor,
        f"at most {OWN} times its own best steps": own <= OWN * best(cell, OURS.__eq__, n)[0],
        f"no runaway ({RUNAWAY} times the floor)": own <= RUNAWAY * floor,
        "ComfyUI's best: no runaway": theirs <= RUNAWAY * floor,
    }


def goals(cells, budgets):
    rows = []
    for flow, name, schedule in (
        (False, OURS, DEFAULT), (False, WHOLE, DEFAULT), (True, OURS, DEFAULT), (True, OURS, "beta"),
        (True, WHOLE, DEFAULT), (True, WHOLE, "beta"),
    ):  # fmt: skip
        chosen = [
            cell for (problem, _), cell in cells.items() if ("flow" in problem) == flow and (name, schedule) in cell
        ]
        if not chosen:
            continue
        met = [Counter() for _ in budgets]
        for cell in chosen:
            for n in range(len(budgets)):
                met[n].update({goal: int(is_met) for goal, is_met in verdicts(cell, cell[name, schedule], n).items()})
        kind = "flow" if flow else "VE"
        for goal in met[0]:
            rows.append([f"{kind}: {name}, {schedule}", goal, *(f"{one[goal]} of {len(chosen)}" for one in met)])
    table(["", "goal", *(f"{calls} calls" for calls in budgets)], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("csv")
    cells, budgets = read(parser.parse_args().csv)
    cells = {key: cell for key, cell in cells.items() if (FLOOR, "") in cell and (OURS, DEFAULT) in cell}
    distances(cells, budgets)
    print()
    goals(cells, budgets)


if __name__ == "__main__":
    main()
