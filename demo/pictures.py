"""The pictures of a comparison, drawn with Pillow: a labelled grid, and charts of distances."""

import math
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .distances import mean_and_error

COLOURS = ("#1f6fb4", "#d9541e", "#2a9440", "#8a4fbf", "#c2185b", "#7a5230", "#0097a7", "#6b6b6b", "#b59b00", "#111111")
INK, PALE = "#202020", "#d8d8d8"
LEAST = 1e-9  # of a distance, on a logarithmic axis
SCALE = 2  # charts are drawn larger and made smaller: smooth lines


def font_of(size):
    """Pillow's own font; of a fixed size before Pillow 10.1."""
    try:
        return ImageFont.load_default(size)
    except TypeError:
        return ImageFont.load_default()


def width_of(text, font):
    return int(font.getbbox(text)[2]) if text else 0


def strip(images, gap=2):
    """One picture of several (H, W, 3) uint8 side by side."""
    height, width = max(image.shape[0] for image in images), sum(image.shape[1] + gap for image in images) - gap
    whole, left = np.full((height, width, 3), 255, np.uint8), 0
    for image in images:
        whole[: image.shape[0], left : left + image.shape[1]] = image
        left += image.shape[1] + gap
    return whole


def grid(columns, rows, size):
    """A labelled grid. columns: titles. rows: (label, cells), a cell (picture, text) or None. size: of a text, pixels.

    The pictures are (H, W, 3) uint8. Missing cells stay white.
    """
    font, line, gap = font_of(size), int(size * 1.4), size // 2
    cells = [cell for _, row in rows for cell in row if cell]
    height = max((cell[0].shape[0] for cell in cells), default=size) + line
    widths = [
        max([width_of(title, font), *(max(row[i][0].shape[1], width_of(row[i][1], font)) for _, row in rows if row[i])])
        for i, title in enumerate(columns)
    ]
    left = max(width_of(part, font) for label, _ in rows for part in label.split("\n")) + 2 * gap
    size_of_all = left + sum(width + gap for width in widths), line + gap + len(rows) * (height + gap)
    whole = Image.new("RGB", size_of_all, "white")
    pen, x = ImageDraw.Draw(whole), left
    for title, width in zip(columns, widths, strict=True):
        pen.text((x, gap // 2), title, INK, font)
        x += width + gap
    for number, (label, row) in enumerate(rows):
        x, y = left, line + gap + number * (height + gap)
        for i, part in enumerate(label.split("\n")):
            pen.text((gap, y + i * line), part, INK, font)
        for cell, width in zip(row, widths, strict=True):
            if cell:
                whole.paste(Image.fromarray(cell[0]), (x, y))
                pen.text((x, y + height - line), cell[1], INK, font)
            x += width + gap
    return whole


def ticks(low, high):
    """Round numbers between low and high, on a logarithmic axis: 1, 2 and 5 times powers of ten."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    return [value for value in every if low <= value <= high]


class Panel:
    """A chart with two logarithmic axes, drawn into a box (left, top, right, bottom)."""

    def __init__(self, pen, box, font, xs, ys, titles):
        self.pen, self.font = pen, font
        self.left, self.top, self.right, self.bottom = box
        self.x_ends, self.y_ends = self._ends(xs), self._ends(ys)
        pen.rectangle(box, outline=INK, width=SCALE)
        pen.text((self.left, self.top - font.size * 1.5), titles[1], INK, font)
        pen.text((self.right - width_of(titles[0], font), self.bottom + font.size * 1.6), titles[0], INK, font)
        self._ticks(xs)

    @staticmethod
    def _ends(values):
        low, high = min(values), max(values)
        margin = (high / low) ** 0.06 if high > low else 1.3
        return low / margin, high * margin

    def place(self, x, y):
        """Where a point lies in the picture."""
        (x0, x1), (y0, y1) = self.x_ends, self.y_ends
        across, up = math.log(x / x0) / math.log(x1 / x0), math.log(y / y0) / math.log(y1 / y0)
        return self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)

    def _ticks(self, xs):
        for value in ticks(*self.y_ends):
            _, y = self.place(self.x_ends[0], value)
            self.pen.line([(self.left, y), (self.right, y)], PALE, SCALE)
            text = f"{value:g}"
            self.pen.text((self.left - width_of(text, self.font) - 8, y - self.font.size * 0.6), text, INK, self.font)
        shown = sorted(set(xs)) if all(isinstance(x, int) for x in xs) and len(set(xs)) < 8 else ticks(*self.x_ends)
        for value in shown:
            x, _ = self.place(value, self.y_ends[0])
            self.pen.line([(x, self.top), (x, self.bottom)], PALE, SCALE)
            self.pen.text((x - width_of(f"{value:g}", self.font) / 2, self.bottom + 6), f"{value:g}", INK, self.font)

    def line(self, points, errors, colour, dashed):
        """Points (x, y), joined, with bars of one standard error."""
        places = [self.place(*point) for point in points]
        for start, end in pairwise(places):
            parts = max(2, int(math.dist(start, end) / (8 * SCALE))) if dashed else 1
            for part in range(0, parts, 2):
                ends = [between(start, end, min(1.0, (part + i) / parts)) for i in (0, 1)]
                self.pen.line(ends, colour, 2 * SCALE)
        for (x, y), error, (across, up) in zip(points, errors, places, strict=True):
            if error < y * 0.9:
                self.pen.line([self.place(x, y - error), self.place(x, y + error)], colour, SCALE)
            radius = 3 * SCALE
            self.pen.ellipse((across - radius, up - radius, across + radius, up + radius), colour)


def between(start, end, share):
    """The point that lies at this share of the way."""
    return tuple(a + (b - a) * share for a, b in zip(start, end, strict=True))


def chart(rows, size=14):
    """Distances over model calls and over seconds, a line for each sampler and schedule. rows: cells.Row."""
    lines, titles = {}, ("model calls", "seconds an image")
    for row in rows:
        lines.setdefault((row.sampler, row.schedule, row.reference), []).append(row)
    schedules = list(dict.fromkeys(row.schedule for row in rows))
    samplers = list(dict.fromkeys(row.sampler for row in rows))
    names = {key: f"{key[0]}, {key[1]}" + ("" if key[2] == key[0] else f" ({key[2]})") for key in lines}
    font = font_of(size * SCALE)
    if not hasattr(font, "size"):
        font.size = 11
    legend = max(width_of(name, font) for name in names.values()) + 60 * SCALE
    width, height, margin = 380 * SCALE, 380 * SCALE, 64 * SCALE
    deep = max(height + 2 * margin, len(lines) * int(font.size * 1.5) + 2 * margin)
    whole = Image.new("RGB", (2 * (width + margin) + legend + margin // 2, deep), "white")
    pen, ys = ImageDraw.Draw(whole), []
    for mean, error in (mean_and_error(row.away) for row in rows):
        ys += [max(mean, LEAST), max(mean + error, LEAST)] + [mean - error] * (error < mean * 0.9)
    for place, title in enumerate(titles):
        left = margin + place * (width + margin)
        xs = [row.seconds if place else row.calls for row in rows]
        box = (left, margin, left + width, margin + height)
        panel = Panel(pen, box, font, xs, ys, (title, "distance from the reference" if not place else ""))
        for (sampler, schedule, _), line in lines.items():
            dashed, colour = schedules.index(schedule) % 2 == 1, COLOURS[samplers.index(sampler) % len(COLOURS)]
            measured = sorted(line, key=lambda row: row.budget)
            points = [(row.seconds if place else row.calls, max(row.away.mean().item(), LEAST)) for row in measured]
            panel.line(points, [mean_and_error(row.away)[1] for row in measured], colour, dashed)
    for number, ((sampler, schedule, _), name) in enumerate(names.items()):
        left, up = 2 * (width + margin) + margin // 4, margin + number * int(font.size * 1.5)
        dashed, colour = schedules.index(schedule) % 2 == 1, COLOURS[samplers.index(sampler) % len(COLOURS)]
        for part in (0, 16 * SCALE) if dashed else (0,):
            end = part + (12 if dashed else 30) * SCALE
            pen.line([(left + part, up + font.size * 0.7), (left + end, up + font.size * 0.7)], colour, 2 * SCALE)
        pen.text((left + 38 * SCALE, up), name, INK, font)
    return whole.reduce(SCALE)


def stacked(*images):
    """Pictures one below the other."""
    whole = Image.new("RGB", (max(image.width for image in images), sum(image.height for image in images)), "white")
    top = 0
    for image in images:
        whole.paste(image, (0, top))
        top += image.height
    return whole


def grid_of(comparison, shown, pictures, size):
    """The grid of a comparison: a row for each sampler and schedule, a column for each budget, references last.

    shown: which images are in a cell. pictures: latents (n, ...) -> a list of (H, W, 3) uint8.
    """
    rows, measured = {}, {(row.sampler, row.schedule, row.budget): row for row in comparison.rows()}
    budgets = list(dict.fromkeys(cell.budget for cell in comparison.cells))
    for cell in comparison.cells:
        rows.setdefault((cell.run.sampler.name, cell.run.schedule), []).append(cell)
    made = {}

    def picture(run):
        latents = comparison.latents(run)
        if latents is not None and run not in made:
            made[run] = strip(pictures(latents[shown]))
        return made.get(run)

    lines = []
    for (sampler, schedule), cells in rows.items():
        line = []
        for cell in cells:
            found, row = picture(cell.run), measured.get((sampler, schedule, cell.budget))
            text = f"{cell.run.calls} calls" + (f", {row.away.mean():.3g}" if row else "")
            line.append(None if found is None else (found, text))
        reference = picture(cells[0].reference)
        about = f"{cells[0].equation}, {cells[0].reference.calls} calls"
        lines.append((f"{sampler}\n{schedule}", [*line, None if reference is None else (reference, about)]))
    return grid([*(f"{budget} model calls" for budget in budgets), "reference"], lines, size)
