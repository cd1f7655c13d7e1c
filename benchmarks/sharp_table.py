"""The goals of SEEDS-M beside what sharp.py measured: python benchmarks/sharp_table.py benchmarks/sharp.csv

For each problem and guidance: the distance of SEEDS-M (and without the model's `cond_denoised`: "whole") with the steps
"seeds", for flow models with "beta", too; below it the best of ComfyUI's stochastic samplers, and of its ODE samplers,
each with its best steps; with a standard error where there are several seeds. Then in how many cells (a problem, a
guidance and a budget) a goal is met.
"""

import argparse
import csv
import math
from collections import Counter
from statistics import mean, stdev

from contenders import ODE
from quality_table import RUNAWAY, table

OURS, WHOLE, FLOOR, THEIRS = "SEEDS-M", "SEEDS-M, whole", "true", "ComfyUI "
DEFAULT = "seeds"
BUDGETS = 8, 12, 20  # of the table of eta_cap
NEAR, AT_FLOOR, HALF, OWN = 1.1, 1.15, 0.5, 1.3  # the goals
ODES = {THEIRS + name for name in ODE}


def read(path):
    """{(problem, guidance): {(sampler, schedule): {calls: (distance, its standard error)}}} and the numbers of calls.

    The mean over seeds; the error is nan where there is one seed only.
    """
    found = {}
    with open(path) as file:
        for row in csv.DictReader(file):
            cell = found.setdefault((row["problem"], float(row["guidance"])), {})
            of_calls = cell.setdefault((row["sampler"], row["schedule"]), {})
            of_calls.setdefault(int(row["calls"] or 0), []).append(float(row["excess"]))
    cells = {}
    for key, cell in found.items():
        floor = mean(cell.pop((FLOOR, ""), {0: [0.0]})[0])
        # the file has what is above the floor: errors bring it below 0, where nothing can be
        cells[key] = {
            row: {calls: (max(mean(values), 0.0) + floor, error(values)) for calls, values in of_calls.items()}
            for row, of_calls in cell.items()
        }
        cells[key][FLOOR, ""] = floor
    return cells, sorted({calls for cell in found.values() for row in cell.values() for calls in row})


def error(values):
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 and max(values) < math.inf else math.nan


def best(cell, names, calls):
    """(distance, error, sampler, schedule): the nearest of some samplers with so many calls; infinite without any."""
    of_names = ((key, row) for key, row in cell.items() if names(key[0]) and calls in row)
    return min(((*row[calls], *key) for key, row in of_names), default=(math.inf, math.nan, "-", ""))


def stochastic(name):
    return name.startswith(THEIRS) and name not in ODES


def number(value):
    return f"{value:.1f}" if value < 10 else f"{value:.0f}" if value < 10_000 else f"{value:.0e}"


def with_error(value, error):
    return number(value) + (f" ± {number(error)}" if error == error else "")


def near(cells, budgets):
    """For docs/quality.md: head and rows, SEEDS-M with the steps "seeds" beside the best peer."""
    rows = []
    for (problem, guidance), cell in sorted(cells.items()):
        ours = cell.get((OURS, DEFAULT), {})
        row = [problem, f"{guidance:g}", number(cell[FLOOR, ""])]
        for calls in budgets:
            value, _, name, _ = best(cell, stochastic, calls)
            peer = f"{number(value)} {name.removeprefix(THEIRS)}"
            row.append(f"**{with_error(*ours[calls])}** / {peer}" if calls in ours and value < math.inf else "")
        if any(row[3:]):
            rows.append(row)
    return ["problem", "guidance", "floor", *(f"{calls} calls" for calls in budgets)], rows


def of_caps(cells, names):
    """For docs/seeds_m.md: head and rows, the distance of each of `names` where all of them were measured."""
    rows = []
    for (problem, guidance), cell in sorted(cells.items()):
        found = [cell.get((name, DEFAULT), {}) for name in names]
        if all(calls in one for one in found for calls in BUDGETS):
            texts = [" / ".join(number(one[calls][0]) for calls in BUDGETS) for one in found]
            rows.append([problem, f"{guidance:g}", number(cell[FLOOR, ""]), *texts])
    return ["problem", "guidance", "floor", *names], rows


def distances(cells, budgets):
    rows = []
    for (problem, guidance), cell in sorted(cells.items()):
        title = [problem, f"{guidance:g}", number(cell[FLOOR, ""])]
        for row in ((OURS, DEFAULT), (OURS, "beta"), (WHOLE, DEFAULT), (WHOLE, "beta")):
            if row in cell:
                values = [with_error(*cell[row][calls]) if calls in cell[row] else "" for calls in budgets]
                rows.append([*title, ", ".join(row), *values])
        for kind, names in (("ComfyUI's stochastic", stochastic), ("its ODE ones", ODES.__contains__)):
            found = [best(cell, names, calls) for calls in budgets]
            if min(found)[0] < math.inf:
                texts = [f"{with_error(*one[:2])} {one[2].removeprefix(THEIRS)}, {one[3]}" for one in found]
                rows.append([*title, f"best of {kind}", *texts])
    table(["problem", "guidance", "floor", "sampler", *(f"{calls} calls" for calls in budgets)], rows)


def verdicts(cell, ours, calls):
    """{goal: met} of one cell, for the (sampler, schedule) of ours."""
    floor, theirs, own = cell[FLOOR, ""], best(cell, stochastic, calls)[0], cell[ours][calls][0]
    at_floor = own <= AT_FLOOR * floor
    halved = own - floor <= HALF * (theirs - floor)
    return {
        f"at most {NEAR} times the best, or within {AT_FLOOR} of the floor": own <= NEAR * theirs or at_floor,
        f"{HALF} of the best's excess": halved,
        f"{HALF} of the best's excess, or within {AT_FLOOR} of the floor": halved or at_floor,
        f"at most {OWN} times its own best steps": own <= OWN * best(cell, ours[0].__eq__, calls)[0],
        f"no runaway ({RUNAWAY} times the floor)": own <= RUNAWAY * floor,
        "ComfyUI's best: no runaway": theirs <= RUNAWAY * floor,
    }


def counted(cell, ours, calls):
    """Whether so many calls were measured of ours and of all of ComfyUI's stochastic samplers that the cell has."""
    return calls in cell.get(ours, {}) and all(calls in row for key, row in cell.items() if stochastic(key[0]))


def goals(cells, budgets):
    rows = []
    for flow, name, schedule in (
        (False, OURS, "karras"), (False, OURS, DEFAULT), (False, WHOLE, DEFAULT), (True, OURS, DEFAULT),
        (True, OURS, "beta"), (True, WHOLE, DEFAULT), (True, WHOLE, "beta"),
    ):  # fmt: skip
        of_kind = [cell for (problem, _), cell in cells.items() if ("flow" in problem) == flow]
        chosen = {calls: [cell for cell in of_kind if counted(cell, (name, schedule), calls)] for calls in budgets}
        met = {calls: Counter() for calls in budgets}
        for calls in budgets:
            for cell in chosen[calls]:
                of_cell = verdicts(cell, (name, schedule), calls)
                met[calls].update({goal: int(is_met) for goal, is_met in of_cell.items()})
        kind = "flow" if flow else "VE"
        for goal in max(met.values(), key=len):
            counts = [f"{met[calls][goal]} of {len(chosen[calls])}" if chosen[calls] else "" for calls in budgets]
            rows.append([f"{kind}: {name}, {schedule}", goal, *counts])
    table(["", "goal", *(f"{calls} calls" for calls in budgets)], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("csv")
    cells, budgets = read(parser.parse_args().csv)
    cells = {key: cell for key, cell in cells.items() if cell[FLOOR, ""] and (OURS, DEFAULT) in cell}
    distances(cells, budgets)
    print()
    goals(cells, budgets)


if __name__ == "__main__":
    main()
