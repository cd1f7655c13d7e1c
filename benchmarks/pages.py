"""The tables of figures in docs/, made from the CSVs beside this file: python benchmarks/pages.py

A page has a table between the comments `<!-- table: NAME -->` and `<!-- end -->`. This writes the tables anew. With
--check it changes nothing and ends with status 1 if a page differs.
"""

import argparse
import csv
import re
import sys
from pathlib import Path

import calls
import quality_table
import sharp_table
from contenders import CAPS

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
LEARNED_CALLS = "8", "12", "20"
LATENT = "4x4x128x128"  # of the table of costs
BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rows_of(name):
    with (HERE / name).open() as file:
        return list(csv.DictReader(file))


def noise():
    """What the draws of a run cost (noise.py)."""
    head = [
        "latent", "threads", "`torch.randn_like`, ms", "path, ms", "times plain", "Brownian tree of k-diffusion, ms",
        "extra memory, latents",
    ]  # fmt: skip
    digits = {"plain_ms": 1, "path_ms": 0, "path_to_plain": 1, "tree_ms": 0, "latents": 1}
    found = rows_of("noise.csv")
    rows = [[one["latent"], one["threads"], *(f"{float(one[k]):.{n}f}" for k, n in digits.items())] for one in found]
    return head, rows


def overhead():
    """What a model call costs beside the model (overhead.py)."""
    head = [
        "sampler", "ms", "ms without the draws", "launches", "full-size operations", "host synchronisations",
        "peak extra memory, latents",
    ]  # fmt: skip
    rows = []
    for one in rows_of("overhead.csv"):
        if (one["device"], one["model"], one["latent"]) != ("cpu", "null", LATENT):
            continue
        if one["sampler"].startswith("k-diffusion"):
            continue
        ms, draws = float(one["ms"]), float(one["draw_ms"])
        counts = (f"{float(one[name]):.1f}" for name in ("launches", "full_size", "host_reads"))
        rows.append([one["sampler"], f"{ms:.2f}", f"{ms - draws:.2f}", *counts, f"{float(one['peak_latents']):.0f}"])
    return head, rows


def near():
    """SEEDS-M beside the best of ComfyUI's stochastic samplers (sharp.py)."""
    return sharp_table.near(*sharp_table.read(HERE / "sharp.csv"))


def shifts():
    """The same on flow models with other shifts, beside five of ComfyUI's."""
    return sharp_table.near(*sharp_table.read(HERE / "shifts.csv"))


def learned():
    """How far pictures of the demo model are from its converged ones (learned.py), the best steps of each sampler."""
    cells, rows = {}, []
    for one in rows_of("learned.csv"):
        if not one["sampler"].startswith("SEEDS-M eta_cap"):
            cell = cells.setdefault((one["guidance"], one["sampler"]), {})
            cell.setdefault(one["calls"], []).append((float(one["rms"]), one["schedule"]))
    for key, cell in sorted(cells.items(), key=lambda one: (float(one[0][0]), one[0][1] != "SEEDS-M", one[0][1])):
        rows.append([*key, *(f"{rms:.3f} {schedule}" for rms, schedule in map(min, map(cell.get, LEARNED_CALLS)))])
    return ["guidance", "sampler", *(f"{calls} calls" for calls in LEARNED_CALLS)], rows


def caps():
    """SEEDS-M with other values of eta_cap on the sharp problems (sharp.py)."""
    low, *high = CAPS
    return sharp_table.of_caps(sharp_table.read(HERE / "sharp.csv")[0], (low, "SEEDS-M", *high))


def caps_learned():
    """The same on the demo model (learned.py), for one other value."""
    names, cells, rows = ("SEEDS-M", "SEEDS-M eta_cap=0.6"), {}, []
    for one in rows_of("learned.csv"):
        cells[one["guidance"], one["schedule"], one["sampler"], one["calls"]] = f"{float(one['rms']):.3f}"
    for key in sorted({key[:2] for key in cells}):
        found = [[cells.get((*key, name, calls)) for calls in LEARNED_CALLS] for name in names]
        if all(map(all, found)):
            rows.append([*key, *map(" / ".join, found)])
    return ["guidance", "steps", *names], rows


def every_sampler():
    """ComfyUI's samplers with the noise path (every_sampler.py)."""
    head, *rows = csv.reader((HERE / "every_sampler.csv").read_text().splitlines())
    return head, rows


def quality(part):
    return lambda: getattr(quality_table, part)(quality_table.read(quality_table.FILE))


TABLES = {
    "noise": noise, "overhead": overhead, "near": near, "shifts": shifts, "every_sampler": every_sampler,
    "learned": learned, "caps": caps, "caps_learned": caps_learned, "variants": quality("variants"),
    "calls": calls.rows,
}  # fmt: skip


def renewed(text):
    """A page's text with its tables made anew."""
    return BLOCK.sub(lambda found: found[1] + quality_table.markdown(*TABLES[found[2]]()) + found[3], text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if a page differs")
    check, stale = parser.parse_args().check, []
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text()
        if (new := renewed(text)) != text:
            stale.append(page.name)
            if not check:
                page.write_text(new)
    print(f"{'differ' if check else 'written'}: {', '.join(stale) or 'none'}")
    sys.exit(bool(check and stale))


if __name__ == "__main__":
    main()
