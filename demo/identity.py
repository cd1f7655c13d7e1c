"""What tells a model of the user's from another one: its source files and its weights."""

import hashlib
import inspect
import sys
import sysconfig
from pathlib import Path

import torch
from torch import nn

BLOCK = 1 << 24
INSTALLED = {"site-packages", "dist-packages"}


def identity_of(module, model):
    """A digest of a model that a factory in the module of that name has made, and what the digest does not cover.

    The digest, sixteen hexadecimal digits, is None where nothing can be known; the second is "" where all is known.
    """
    digest = hashlib.sha256()
    try:
        for path in _sources(module, model):
            digest.update(path.read_bytes())
    except (OSError, TypeError, KeyError):
        return None, f"{module} has no source file"
    if not isinstance(model, nn.Module):
        return digest.hexdigest()[:16], "it is no torch.nn.Module, so that only its source is known"
    try:
        for name, tensor in sorted([*model.named_parameters(), *model.named_buffers()], key=lambda pair: pair[0]):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            data = memoryview(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
            for start in range(0, len(data), BLOCK):
                digest.update(data[start : start + BLOCK])
    except Exception as error:  # a parameter may be of a class of its own
        return None, f"its weights cannot be read ({type(error).__name__})"
    return digest.hexdigest()[:16], ""


def _sources(module, model):
    """The files of the factory and of the classes that the model is made of, without those of installed packages."""
    own = Path(inspect.getsourcefile(sys.modules[module])).resolve()
    parts = model.modules() if isinstance(model, nn.Module) else [model]
    names = {(part if inspect.isroutine(part) else type(part)).__module__ for part in parts}
    paths = {Path(file).resolve() for name in names if (file := getattr(sys.modules.get(name), "__file__", None))}
    return [own, *sorted(path for path in paths - {own} if not _is_installed(path))]


def _is_installed(path):
    standard = Path(sysconfig.get_path("stdlib")).resolve()
    return path.suffix != ".py" or standard in path.parents or not INSTALLED.isdisjoint(path.parts)
