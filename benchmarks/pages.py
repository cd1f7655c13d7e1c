"""The tables of figures in docs/, made from the CSVs beside this file: python benchmarks/pages.py

A page has a table between the comments `<!-- table: NAME -->` and `<!-- end -->`. This writes the tables anew. With
--check it changes nothing and ends with status 1 if a page differs.
"""

import argparse
import csv
import re
import sys
from pathlib import Path

import quality_table
import sharp_table

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
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


def quality(part):
    return lambda: getattr(quality_table, part)(quality_table.read(quality_table.FILE))


TABLES = {
    "noise": noise, "overhead": overhead, "near": near, "variants": quality("variants"), "calls": quality("calls"),
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
