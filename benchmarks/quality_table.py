"""Tables of what quality.py measured: python benchmarks/quality_table.py [quality.csv.gz]

variants: distances of the variants of SEEDS-2 and SEEDS-3, the best schedule, as multiples of the default's, geometric
mean over the mixtures in which neither runs away, which is to be a thousand times as far as true samples.
model: the embedded model's images.
"""

import argparse
import csv
import gzip
import math
from pathlib import Path

FILE = Path(__file__).with_name("quality.csv.gz")
MODEL = "embedded model"
VARIANTS = {
    "SEEDS-2": ("SEEDS-2 2a", "SEEDS-2 2b r=1", "SEEDS-2 2s"),
    "SEEDS-3": ("SEEDS-3 3b",),
}
RUNAWAY = 1000  # times the floor


def read(path):
    """{(problem, guidance): {(sampler, schedule, calls): (excess, error, floor, recognised or None)}}"""
    cells, path = {}, Path(path)
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt") as file:
        for row in csv.DictReader(file):
            figures = *(float(row[name]) for name in ("excess", "error", "floor")), row["recognised"] or None
            key = row["sampler"], row["schedule"], int(row["calls"])
            cells.setdefault((row["problem"], float(row["guidance"])), {})[key] = figures
    for cell in cells.values():  # runs with other random numbers have other floors: one for all, their mean
        floors = {floor for _, _, floor, _ in cell.values()}
        cell.update({key: (*one[:2], sum(floors) / len(floors), one[3]) for key, one in cell.items()})
    return cells


def markdown(head, rows):
    """A table in Markdown."""
    return "".join("| " + " | ".join(row) + " |\n" for row in (head, ["---"] * len(head), *rows))


def table(head, rows):
    """Print a table in Markdown."""
    print(markdown(head, rows), end="")


def number(value):
    return f"{value:.0f}" if abs(value) < 10_000 else f"{value:.0e}"


def distance(cell, sampler, calls):
    """The distance itself, with the best schedule; None where it was not measured."""
    found = [
        excess + floor
        for (name, _, budget), (excess, _, floor, _) in cell.items()
        if (name, budget) == (sampler, calls)
    ]
    return min(found, default=None)


def variants(cells):
    mixtures = {key: cell for key, cell in cells.items() if key[0] != MODEL}
    rows = []
    for default, others in VARIANTS.items():
        for guidance in sorted({guidance for _, guidance in mixtures}):
            budgets = sorted({key[2] for cell in mixtures.values() for key in cell if key[0] == others[0]})
            for other in others:
                row = [other, default, f"{guidance:g}"]
                for calls in (calls for calls in budgets if calls <= 50):
                    row.append(
                        ratio([cell for key, cell in mixtures.items() if key[1] == guidance], other, default, calls)
                    )
                rows.append(row)
    return ["variant", "beside", "guidance", *(f"{calls} calls" for calls in budgets if calls <= 50)], rows


def ratio(cells, other, default, calls):
    """The geometric mean of the ratios of distances over the cells, and how many runaways either has."""
    logs, runaways = [], [0, 0]
    for cell in cells:
        far = [distance(cell, name, calls) for name in (other, default)]
        most = RUNAWAY * next(iter(cell.values()))[2]
        if None in far:
            continue
        for k, value in enumerate(far):
            runaways[k] += value > most
        if max(far) <= most:
            logs.append(math.log(far[0] / far[1]))
    mean = f"{math.exp(sum(logs) / len(logs)):.2f}" if logs else "-"
    return mean + (f" ({runaways[0]}, {runaways[1]} runaways)" if any(runaways) else "")


def model(cells):
    for (problem, guidance), cell in cells.items():
        if problem != MODEL:
            continue
        budgets = sorted({calls for _, _, calls in cell})
        rows = []
        for sampler, schedule in dict.fromkeys(key[:2] for key in cell):
            found = [cell.get((sampler, schedule, calls)) for calls in budgets]
            rows.append(
                [sampler, schedule, *(f"{one[0] / 1000:.1f}, {float(one[3]):.0%}" if one else "" for one in found)]
            )
        print(f"\nguidance {guidance:g}")
        table(["sampler", "schedule", *(f"{calls} calls" for calls in budgets)], rows)


def main():
    parts = {
        "variants": lambda cells: table(*variants(cells)),
        "model": model,
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("csv", nargs="?", default=FILE)
    parser.add_argument("--parts", nargs="+", choices=parts, default=list(parts))
    options = parser.parse_args()
    cells = read(options.csv)
    for part in options.parts:
        print(f"\n## {part}\n")
        parts[part](cells)


if __name__ == "__main__":
    main()
