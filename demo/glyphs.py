"""The data: pictures of the 36 glyphs A-Z and 0-9, rendered without limit from the fonts that matplotlib ships.

A picture is a background colour, a foreground colour and a coverage mask between them. Masks are rendered with
Pillow at four times the resolution; colours are drawn when a mask is used, so that a pool of masks in memory
never shows the same picture twice. Image number k of a seed is a pure function of (seed, k).
"""

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from einops import rearrange

GLYPHS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SIZE = 32
FACES = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    *("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    *("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    *("cmb10", "cmr10", "cmss10", "cmti10", "cmtt10"),
)

SUPERSAMPLING = 4
MARGIN = 1.5  # pixels between the glyph and the border
HELD_OUT = 1 << 40  # images with this number and above are never trained on
MIN_CONTRAST = 0.7  # least difference of luma between foreground and background, on [-1, 1]
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Variety:
    """What pictures differ in beside their glyph, colours and place."""

    faces: tuple[str, ...]
    cap_height: tuple[float, float]  # pixels
    max_angle: float  # degrees: beyond 20, 6 would turn into 9 and M into W


UPRIGHT = tuple(f for f in FACES if not any(style in f for style in ("Oblique", "Italic", "Ita", "cmti")))
THIN = ("STIXGeneral", "cmr10", "cmtt10")
WIDE = Variety(FACES, (17.0, 25.0), 20.0)
CALM = Variety(tuple(f for f in UPRIGHT if f not in THIN), (19.0, 25.0), 12.0)  # what the shipped model draws


def labels_of(text):
    """Class indices of the glyphs in `text` (lower case counts as upper case); ValueError for any other character."""
    unknown = sorted({c for c in text.upper() if c not in GLYPHS})
    if unknown or not text:
        raise ValueError(f"prompt: {text!r} is not drawable; allowed are one or more of A-Z and 0-9")
    return [GLYPHS.index(c) for c in text.upper()]


@cache
def _font(face, pixels):
    import matplotlib
    from PIL import ImageFont

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{face}.ttf"
    return ImageFont.truetype(str(path), pixels)


@cache
def _em_per_cap(face):
    _, top, _, bottom = _font(face, 200).getbbox("H")
    return 200 / (bottom - top)


def render_mask(glyph, face, cap_height, angle, place):
    """Coverage of one glyph: (32, 32) uint8, 255 where the glyph is.

    Args: glyph, a character; face, one of FACES; cap_height in pixels (made smaller where the glyph would not fit);
    angle in degrees; place, two numbers in [0, 1]: where in the free room the glyph lies, across and down.
    """
    from PIL import Image, ImageDraw

    room = SIZE - 2 * MARGIN
    cos, sin = math.cos(math.radians(angle)), abs(math.sin(math.radians(angle)))
    left, top, right, bottom = _font(face, 200).getbbox(glyph)
    scale = _em_per_cap(face) * cap_height / 200
    width, height = (right - left) * scale, (bottom - top) * scale
    fit = min(1.0, room / (width * cos + height * sin), room / (width * sin + height * cos))
    font = _font(face, max(8, round(200 * scale * fit * SUPERSAMPLING)))

    canvas = SIZE * SUPERSAMPLING
    picture = Image.new("L", (canvas, canvas))
    ImageDraw.Draw(picture).text(
        (canvas / 2 - sum(font.getbbox(glyph)[::2]) / 2, canvas / 2 - sum(font.getbbox(glyph)[1::2]) / 2),
        glyph,
        font=font,
        fill=255,
    )
    width, height = width * fit, height * fit
    free = (room - width * cos - height * sin, room - width * sin - height * cos)
    shift = [(p - 0.5) * max(0.0, f) * SUPERSAMPLING for p, f in zip(place, free, strict=True)]
    picture = picture.rotate(angle, Image.Resampling.BICUBIC, translate=shift)
    return np.asarray(picture.reduce(SUPERSAMPLING))


def mask_of(seed, k, variety=CALM):
    """Image number k of a seed, without its colours: (mask, label). The labels take turns."""
    rng = np.random.default_rng((seed, k))
    face, label = variety.faces[rng.integers(len(variety.faces))], k % len(GLYPHS)
    cap_height, angle = rng.uniform(*variety.cap_height), rng.uniform(-variety.max_angle, variety.max_angle)
    return render_mask(GLYPHS[label], face, cap_height, angle, rng.uniform(size=2)), label


def colour(masks, generator):
    """Give each mask two random colours that contrast: (B, 32, 32) uint8 -> (B, 3, 32, 32) float in [-1, 1]."""
    count, tries = len(masks), 24
    pairs = torch.rand(count, tries, 2, 3, generator=generator) * 2 - 1
    contrast = ((pairs[:, :, 0] - pairs[:, :, 1]) @ torch.tensor(LUMA)).abs()
    first = (contrast >= MIN_CONTRAST).float().argmax(1)
    back, front = rearrange(pairs[torch.arange(count), first], "b two c -> two b c 1 1", two=2)
    cover = rearrange(masks, "b h w -> b 1 h w").float() / 255
    return torch.lerp(back, front, cover)


class Pool:
    """A window of masks over the endless sequence of a seed: a step uses any of them, then some are replaced.

    The window is a pure function of the position, so that a resumed training sees what an unbroken one would have.
    """

    def __init__(self, seed, size, position=0, variety=CALM):
        self.seed, self.size, self.position, self.variety = seed, size, position, variety
        self.masks = torch.empty(size, SIZE, SIZE, dtype=torch.uint8)
        self.labels = torch.empty(size, dtype=torch.long)
        for k in range(position, position + size):
            self._put(k)

    def _put(self, k):
        mask, label = mask_of(self.seed, k, self.variety)
        self.masks[k % self.size] = torch.from_numpy(np.array(mask))
        self.labels[k % self.size] = label

    def advance(self, count):
        """Replace the oldest `count` masks by new ones."""
        for k in range(self.position + self.size, self.position + self.size + count):
            self._put(k)
        self.position += count

    def draw(self, count, generator):
        """A random batch: images (count, 3, 32, 32) in [-1, 1] and labels (count,)."""
        chosen = torch.randint(self.size, (count,), generator=generator)
        return colour(self.masks[chosen], generator), self.labels[chosen]

    def all(self, generator):
        """Every mask once, in the order of the sequence: images and labels, as draw gives them."""
        return colour(self.masks, generator), self.labels
