"""Grids of images as PNG files that carry the parameters they were drawn with."""

import io
import json
import os
import warnings
from pathlib import Path

from einops import rearrange, repeat
from torch.nn import functional as F

from .draw import Request
from .errors import text_of
from .files import write_whole

FIELD = "seeds-samplers"  # the PNG text that holds the parameters, as JSON
SCALE, GAP = 3, 1  # each pixel of an image as 3x3, and white lines between images


def grid_of(images, columns):
    """One picture (H, W, 3), uint8, of images (B, 3, h, w) in [-1, 1], row after row."""
    tiles = F.pad(((images + 1) * 127.5).round().byte(), [GAP] * 4, value=255)
    picture = rearrange(tiles, "(rows columns) c h w -> (rows h) (columns w) c", columns=columns)
    return repeat(picture, "h w c -> (h p) (w q) c", p=SCALE, q=SCALE).numpy()


def check_target(path):
    """`path` if a PNG can be written there; ValueError if not, and without Pillow, before any work is done."""
    import PIL.Image  # noqa: F401

    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"out: {path}; expected a name that ends in .png")
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise ValueError(f"out: {path}; expected a file in a folder that exists and can be written to")
    return path


def write(path, images, request):
    """Write the grid of a request's images, whole or not at all."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text(FIELD, json.dumps(request.as_fields()))
    png = io.BytesIO()
    Image.fromarray(grid_of(images, len(request.prompt))).save(png, format="PNG", pnginfo=text)
    write_whole(path, png.getvalue())


def read_request(path):
    """The request that a PNG was drawn with, in any version, and the names of parameters that this one cannot use.

    ValueError for a file that is not such a PNG, or is damaged.
    """
    try:
        return Request.from_fields(json.loads(_parameters(path)))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"like: {path}; expected a PNG drawn by seeds sample ({text_of(error)})") from error


def _parameters(path):
    """The text with the parameters in a PNG; ValueError where there is none."""
    from PIL import Image

    if not Path(path).is_file():
        raise ValueError("there is no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(path, formats=["PNG"])
        with picture:
            picture.verify()
            text = picture.info.get(FIELD)
    except Exception as error:  # a broken file makes Pillow raise nearly anything
        raise ValueError(str(error)) from error
    if not isinstance(text, str):
        raise ValueError("it carries no parameters")
    return text
