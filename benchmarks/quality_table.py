"""A table of what quality.py measured: python benchmarks/quality_table.py benchmarks/quality.csv

For each problem and guidance, SEEDS-M with the schedule "seeds", and the best of ComfyUI's stochastic samplers with the
best schedule for that cell; then how many cells are won, lost, or within twice the standard errors.
"""

import csv
import sys
from collections import Counter

OURS, SCHEDULE, THEIRS = "SEEDS-M", "seeds", "ComfyUI "


def read(path):
    """{(problem, guidance, calls): {(sampler, schedule): (excess, error)}}, and the calls in order."""
    cells = {}
    with open(path) as file:
        for row in csv.DictReader(file):
            key = row["problem"], float(row["guidance"]), int(row["calls"])
            cells.setdefault(key, {})[row["sampler"], row["schedule"]] = float(row["excess"]), float(row["error"])
    return cells, sorted({calls for _, _, calls in cells})


def compare(cell):
    """Ours, the best of theirs and its name, and the verdict."""
    ours = cell[OURS, SCHEDULE]
    name, theirs = min(
        ((key[0], value) for key, value in cell.items() if key[0].startswith(THEIRS)), key=lambda one: one[1]
    )
    margin = 2 * (ours[1] ** 2 + theirs[1] ** 2) ** 0.5
    verdict = "even" if abs(ours[0] - theirs[0]) <= margin else "won" if ours[0] < theirs[0] else "lost"
    return ours, theirs, name.removeprefix(THEIRS), verdict


def number(value):
    return f"{value:.0f}" if abs(value) < 10_000 else f"{value:.0e}"


def main():
    cells, budgets = read(sys.argv[1])
    print("| problem | guidance | " + " | ".join(f"{calls} calls" for calls in budgets) + " |")
    print("| --- | --- |" + " --- |" * len(budgets))
    verdicts = {calls: Counter() for calls in budgets}
    for problem, guidance in dict.fromkeys(key[:2] for key in cells):
        row = []
        for calls in budgets:
            ours, theirs, name, verdict = compare(cells[problem, guidance, calls])
            verdicts[calls][verdict] += 1
            row.append(f"**{number(ours[0])}** / {number(theirs[0])} {name}")
        print(f"| {problem} | {guidance:g} | " + " | ".join(row) + " |")
    for calls in budgets:
        print(f"{calls} calls:", ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts[calls].items())))


if __name__ == "__main__":
    main()
