"""What the benchmarks print and write."""

import csv


def show(row, widths):
    """Print a row's values: texts to the left, numbers to the right, floats with two digits."""
    cells = [f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values()]
    print(
        "".join(
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
        )
    )


def write_csv(path, rows):
    """Write rows, dicts with the same keys, to a file."""
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
