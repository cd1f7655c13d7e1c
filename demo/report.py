"""What a comparison has found, in words: a table, a CSV and the samplers to take."""

import csv
import io
from collections import defaultdict

from .distances import ABOUT, mean_and_error, not_told_apart
from .kdiffusion import ODE, SDE
from .options import table

SHOWN = ("sampler", "schedule", "budget", "calls", "reference", "distance", "error", "median", "mean", "contrast")
SHOWN += ("low", "mid", "high", "seconds")


def number(value):
    """A value of a table, in three digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def csv_of(rows):
    """A CSV with a line for each row; the last column has the distance of each image."""
    if not rows:
        return ""
    text = io.StringIO()
    records = [
        {key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.values().items()}
        | {"distances": " ".join(f"{away:.5g}" for away in row.away.tolist())}
        for row in rows
    ]
    writer = csv.DictWriter(text, records[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def best(rows):
    """The row of the least distance, and the others of the same budget that cannot be told from it."""
    first = min(rows, key=lambda row: row.away.mean())
    return first, [row for row in rows if row is not first and not_told_apart(row.away, first.away)]


def recommended(rows):
    """A line for each budget and equation: the nearest sampler, with its schedule."""
    groups = defaultdict(list)
    for row in rows:
        if row.reference in (SDE, ODE):
            groups[row.budget, row.reference].append(row)
    lines = []
    for (budget, reference), group in sorted(groups.items()):
        first, others = best(group)
        mean, error = mean_and_error(first.away)
        line = f"{budget} model calls, {reference}: {first.sampler}, {first.schedule} ({mean:.3g} +- {error:.1g})"
        if others:
            line += f"; not told apart: {'; '.join(f'{row.sampler}, {row.schedule}' for row in others)}"
        lines.append(line)
    return lines


def notes(rows, doubts):
    """Lines that say what the figures mean."""
    lines = [f"{name}: {about}." for name, about in ABOUT.items()]
    for name, doubt in doubts.items():
        lines.append(f"reference {name}: {doubt:.2g} from that of half its calls; distances below that say nothing.")
    own = dict.fromkeys(row.reference for row in rows if row.reference not in (SDE, ODE))
    if own:
        lines.append(f"measured against themselves, as they solve another equation: {', '.join(own)}.")
    return lines


def text_of(rows, doubts):
    """The whole report."""
    if not rows:
        return "nothing has been drawn"
    cells = [[number(row.values()[name]) for name in SHOWN] for row in rows]
    return "\n".join([*table([SHOWN, *cells]), "", *recommended(rows), "", *notes(rows, doubts)])
