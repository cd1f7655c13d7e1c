"""How many model calls are as good as 50 or 100 of Euler-Maruyama: COMFYUI_PATH=... python benchmarks/calls.py

On the sharp mixtures of sharp.py without guidance, where samplers of the SDE and of the ODE have the same result.
Appends to calls.csv, beside this file, the rows that it does not have, in the format of sharp.csv, and prints a table:
for each problem the distance of Euler-Maruyama (ComfyUI's euler_ancestral, karras) with 50 and with 100 calls, and the
calls with which each sampler is as near, by interpolation in logarithms. The samplers have the better of the steps
karras and seeds for each number of calls. --table measures nothing.
"""

import argparse
import math
from itertools import product
from pathlib import Path

import sharp
import sharp_table
import torch
from contenders import paper
from quality_table import table

FILE = Path(__file__).with_name("calls.csv")
PROBLEMS = "digits", "glyphs", "patches"
YARDSTICK, YARDS = "ComfyUI euler_ancestral", (50, 100)
BUDGETS = 4, 6, 8, 10, 12, 16, 20, 25, 30, 40, 50, 70, 100
SCHEDULES = "karras", "seeds"


def samplers():
    """{name: (function, calls a step)} of the columns, and of the yardstick."""
    known = sharp.samplers()
    return {name: known[name] for name in ("SEEDS-M", "ComfyUI er_sde", YARDSTICK) if name in known} | paper()


def as_near(row, goal):
    """The calls with which the distance is `goal`, as text; row: {calls: distance}."""
    before = None
    for calls, found in sorted(row.items()):
        if found <= goal:
            if before is None:
                return f"under {calls}"
            share = math.log(before[1] / goal) / math.log(before[1] / found) if before[1] < math.inf else 1
            return f"{before[0] * (calls / before[0]) ** share:.0f}"
        before = calls, found
    return f"over {before[0]}"


def rows(path=FILE):
    """Head and rows of the table."""
    cells, _ = sharp_table.read(path)
    names = sorted({name for cell in cells.values() for name, schedule in cell if schedule} - {YARDSTICK}, key=order)
    found = []
    for (problem, _), cell in cells.items():
        for yard in YARDS:
            goal = cell[YARDSTICK, "karras"][yard][0]
            texts = []
            for name in names:
                measured = {calls for (of, _), row in cell.items() if of == name for calls in row}
                texts.append(as_near({n: sharp_table.best(cell, name.__eq__, n)[0] for n in measured}, goal))
            texts = [f"{yard} calls: {sharp_table.number(goal)}", *texts]
            found.append([problem, sharp_table.number(cell[sharp.FLOOR, ""]), *texts])
    return ["problem", "floor", "Euler-Maruyama", *names], found


def order(name):
    """Ours first, then those without noise, then ComfyUI's."""
    return name.startswith("ComfyUI"), not name.startswith("SEEDS"), name


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", default=PROBLEMS, choices=PROBLEMS)
    parser.add_argument("--table", action="store_true", help="measure nothing")
    options = parser.parse_args()
    if not options.table:
        known, wanted = samplers(), [(problem, "1", sharp.FLOOR, "", "", "0") for problem in options.problems]
        for name, calls, problem, schedule in product(known, BUDGETS, options.problems, SCHEDULES):
            wanted.append((problem, "1", name, schedule, str(calls), "0"))
        sharp.extend(FILE, wanted, known)
    table(*rows())


if __name__ == "__main__":
    with torch.no_grad():
        main()
