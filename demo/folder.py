"""A folder of images, one file for each seed, that several processes write and a later run goes on with."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .files import replacing

SETTINGS = "generate.json"
STALE = 600  # seconds, after which no process is still writing a file
FORMATS = ("png", "npy")


@dataclass(frozen=True)
class Folder:
    """path: the folder; form: "png" (images in [-1, 1], what lies outside clipped) or "npy" (float32, (C, H, W))."""

    path: Path
    form: str

    def file_of(self, seed):
        """The file of a seed's image."""
        return self.path / f"{seed:06d}.{self.form}"

    def open(self, settings, seeds):
        """Make the folder ready for images of these settings, a dict; the seeds whose images it lacks.

        Raises ValueError where it has images of other settings, or of nobody knows which.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"out: {self.path}; expected a folder, or a place for one ({error.strerror})") from error
        if not os.access(self.path, os.W_OK):
            raise ValueError(f"out: {self.path}; expected a folder that can be written to")
        self._remove_stale()
        present = {entry.name for entry in os.scandir(self.path) if not entry.name.startswith(".")}
        if SETTINGS in present:
            self._compare(settings)
        elif present:
            raise ValueError(f"out: {self.path}; expected a new folder, or one with the {SETTINGS} of an earlier run")
        else:
            with replacing(self.path / SETTINGS) as part:
                lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in settings.items()]
                part.write_text("{\n" + ",\n".join(lines) + "\n}\n")
        return [seed for seed in seeds if self.file_of(seed).name not in present]

    def write(self, seed, image):
        """Write an image, (C, H, W) in about [-1, 1], whole or not at all."""
        with replacing(self.file_of(seed)) as part, part.open("wb") as file:
            if self.form == "npy":
                np.save(file, image.float().numpy())
            else:
                from PIL import Image

                pixels = ((image.clamp(-1, 1) + 1) * 127.5).round().byte().movedim(0, -1).numpy()
                Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, format="PNG")

    def _compare(self, settings):
        path = self.path / SETTINGS
        try:
            there = json.loads(path.read_text())
            names = [name for name in {**settings, **there} if there.get(name) != settings.get(name)]
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"out: {path}; expected the settings of an earlier run ({error})") from error
        if names:
            name = names[0]
            more = f" (different too: {', '.join(names[1:])})" if names[1:] else ""
            expected = f"expected {shown(there.get(name))} as in {path}, or another folder"
            raise ValueError(f"{name.replace('_', '-')}: {shown(settings.get(name))}; {expected}{more}")

    def _remove_stale(self):
        """Remove what processes that were killed have left half written."""
        for part in self.path.glob(".*.part"):
            try:
                if time.time() - part.stat().st_mtime > STALE:
                    part.unlink()
            except FileNotFoundError:  # another process has
                pass


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
