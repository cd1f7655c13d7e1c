"""A folder of images, one file for each seed, that several processes write and a later run goes on with."""

import io
import json
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import text_of
from .files import write_whole
from .seeds import Missing

SETTINGS = "generate.json"
STALE = 600  # seconds, after which no process is still writing a file
PATIENCE = 5  # seconds for another process to write its settings where they cannot appear at once
FORMATS = ("png", "npy")
SEED = r"([0-9]{6}|[1-9][0-9]{6,19})"
PART = re.compile(rf"\.({SEED}\.({'|'.join(FORMATS)})|{re.escape(SETTINGS)})\.[a-z0-9_]{{8}}\.part")  # of write_whole


@dataclass(frozen=True)
class Folder:
    """path: the folder; form: "png" (images in [-1, 1], what lies outside clipped) or "npy" (float32, (C, H, W))."""

    path: Path
    form: str

    def file_of(self, seed):
        """The file of a seed's image."""
        return self.path / f"{seed:06d}.{self.form}"

    def open(self, settings, seeds, read=dict):
        """Make the folder ready for images of these settings, a dict; what it lacks of `seeds`, as Missing.

        Of several processes that open a new folder at once, one gives it its settings. read: brings settings that an
        earlier version wrote into the form of `settings`. Raises ValueError, and touches nothing, where the folder has
        images of other settings, or of nobody knows which.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"out: {self.path}; expected a folder, or a place for one ({error.strerror})") from error
        if not os.access(self.path, os.W_OK):
            raise ValueError(f"out: {self.path}; expected a folder that can be written to")
        if not self._is_claimed():
            # In this order: another process may have claimed it, and drawn, since.
            if any(not entry.name.startswith(".") for entry in os.scandir(self.path)) and not self._is_claimed():
                expected = f"expected a new folder, or one with the {SETTINGS} of an earlier run"
                raise ValueError(f"out: {self.path}; {expected}")
            self._claim(settings)
        self._compare(settings, read)
        self._remove_stale()
        return Missing(seeds, self._present())

    def write(self, seed, image):
        """Write an image, (C, H, W) in about [-1, 1], whole or not at all."""
        data = io.BytesIO()
        if self.form == "npy":
            np.save(data, image.float().numpy())
        else:
            from PIL import Image

            pixels = ((image.clamp(-1, 1) + 1) * 127.5).round().byte().movedim(0, -1).numpy()
            Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(data, format="PNG")
        write_whole(self.file_of(seed), data.getvalue())

    def _is_claimed(self):
        return os.path.lexists(self.path / SETTINGS)

    def _claim(self, settings):
        """Write the settings, unless another process just has."""
        lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in settings.items()]
        with suppress(FileExistsError):
            write_whole(self.path / SETTINGS, ("{\n" + ",\n".join(lines) + "\n}\n").encode(), new=True)

    def _text(self):
        """The text of the settings; where the file system has no hard links, they may be empty for a moment."""
        path, started = self.path / SETTINGS, time.monotonic()
        text = path.read_text()
        while not text and time.time() - path.stat().st_mtime < PATIENCE > time.monotonic() - started:
            time.sleep(0.05)
            text = path.read_text()
        return text

    def _compare(self, settings, read):
        path = self.path / SETTINGS
        try:
            there = read(json.loads(self._text()))
            names = [name for name in {**settings, **there} if there.get(name) != settings.get(name)]
        except OSError as error:
            raise ValueError(f"out: {path}; expected a file that can be read ({error.strerror})") from error
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"out: {path}; expected the settings of an earlier run ({text_of(error)})") from error
        if names:
            name = names[0]
            more = f" (different too: {', '.join(names[1:])})" if names[1:] else ""
            expected = f"expected {shown(there.get(name))} as in {path}, or another folder"
            raise ValueError(f"{name.replace('_', '-')}: {shown(settings.get(name))}; {expected}{more}")

    def _present(self):
        """The seeds whose images are there, as an array."""
        name = re.compile(rf"{SEED}\.{self.form}")
        matches = (name.fullmatch(entry.name) for entry in os.scandir(self.path))
        seeds = (int(match[1]) for match in matches if match)
        return np.fromiter((seed for seed in seeds if seed < 2**64), np.uint64)

    def _remove_stale(self):
        """Remove what processes of ours that were killed have left half written."""
        for entry in os.scandir(self.path):
            if PART.fullmatch(entry.name):
                with suppress(OSError):  # another process has removed it, or it is not ours to remove
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime > STALE:
                        os.unlink(entry.path)


def shown(value):
    """A value for a line of text."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def check_format(form, channels):
    """`form` where it can hold images of so many channels; ValueError if not, and without Pillow for "png"."""
    if form not in FORMATS:
        raise ValueError(f"format: {form!r}; expected one of {', '.join(map(repr, FORMATS))}")
    if form == "png":
        import PIL.Image  # noqa: F401

        if channels not in (1, 3):
            raise ValueError(f"format: 'png'; expected 'npy' for images of {channels} channels")
    return form
