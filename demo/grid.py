"""Grids of images as PNG files that carry the parameters they were drawn with."""

import json
import os
import struct
import zlib
from pathlib import Path

from einops import rearrange
from torch.nn import functional as F

from .draw import Request
from .weights import replacing

FIELD = "seeds-samplers"  # the PNG text that holds the parameters, as JSON
DAMAGED = (OSError, SyntaxError, ValueError, RecursionError, struct.error, zlib.error)  # what a broken file raises
SCALE, GAP = 3, 1  # each pixel of an image as 3x3, and white lines between images


def grid_of(images, columns):
    """One picture (H, W, 3), uint8, of images (B, 3, h, w) in [-1, 1], row after row."""
    images = images.repeat_interleave(SCALE, 2).repeat_interleave(SCALE, 3)
    tiles = F.pad(images, [GAP * SCALE] * 4, value=1.0)
    picture = rearrange(tiles, "(rows columns) c h w -> (rows h) (columns w) c", columns=columns)
    return ((picture + 1) * 127.5).round().byte().numpy()


def check_target(path):
    """`path` where a PNG may be written; ValueError where it may not, before any work is done."""
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
    with replacing(path) as part:
        Image.fromarray(grid_of(images, len(request.prompt))).save(part, format="PNG", pnginfo=text)


def read_request(path):
    """The request that a PNG was drawn with; ValueError for a file that is not such a PNG, or is damaged."""
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as picture:
            picture.verify()
            text = picture.info.get(FIELD)
        if not isinstance(text, str):
            raise ValueError("it carries no parameters")
        return Request.from_fields(json.loads(text))
    except FileNotFoundError:
        raise ValueError(f"like: {path}; expected a file that exists") from None
    except (*DAMAGED, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"like: {path}; expected a PNG drawn by seeds sample ({reason})") from error
