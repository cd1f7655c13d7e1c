"""For tests of demo/generate.py: models of one's own, and running it in this process or in others."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from seeds_samplers.demo import files, generate

PLUGIN = '''
"""Exact denoisers of Gaussian data with deviation 0.5, whose mean the class decides."""

import os
import time
from pathlib import Path

import torch
from torch import nn


class Blobs(nn.Module):
    shape, sigma_min, sigma_max, sigma_data = (1, 6, 5), 0.02, torch.tensor(20.0), 0.5

    def __init__(self, means=()):
        super().__init__()
        self.classes, self.means = len(means), nn.Parameter(torch.tensor([*means, 0.0]))

    def forward(self, x, sigma, class_cond=None):
        assert (class_cond is not None) == bool(self.classes) and not self.training
        time.sleep(float(os.environ.get("SLOW", 0)))
        mean = 0.0 if class_cond is None else self.means[class_cond][:, None, None, None]
        s = sigma[:, None, None, None] ** 2
        return (0.25 * x + s * mean) / (0.25 + s)


def plain():
    Path(f"pid{os.environ.get('RANK', 0)}").write_text(str(os.getpid()))
    return Blobs()


def waits():
    Path(f"waiting{os.getpid()}").touch()
    while not Path("go").exists():
        time.sleep(0.001)
    return Blobs()


def classes():
    return Blobs([0.3, -0.3, 0.6])


def bare():
    return lambda x, sigma, kind=None: x / (1 + sigma[:, None, None, None] ** 2)


def latents():
    model = Blobs()
    model.shape = [4, 3, 2]
    return model


def cropping():
    return lambda x, sigma: x[..., 1:]


def nothing():
    return None


def fails():
    raise KeyError("weights")


class Text(RuntimeError):
    def __str__(self):
        raise SystemExit(5) if os.environ.get("WORSE") else ValueError("no text")


ERRORS = {
    "key": lambda: KeyError("weights"),
    "runtime": lambda: RuntimeError("two\\nlines"),
    "memory": MemoryError,
    "exit": lambda: SystemExit(0),
    "text": Text,
    "interrupt": KeyboardInterrupt,
}


def fails_at_call():
    """The error FAILS at call number AT, or of batches of more than one image, or while it is made; on one rank."""
    error, at, rank = (os.environ.get(name, "") for name in ("FAILS", "AT", "ON_RANK"))
    here = rank in ("", os.environ.get("RANK", "0"))
    model, calls = Blobs().eval(), []
    if at == "made" and here:
        raise ERRORS[error]()

    def call(x, sigma):
        calls.append(x)
        if here and (str(len(calls)) == at or (at == "batch" and len(x) > 1)):
            raise ERRORS[error]()
        return model(x, sigma)

    for name in ("shape", "sigma_min", "sigma_max"):
        setattr(call, name, getattr(model, name))
    return call


class Property:
    @property
    def shape(self):
        raise SystemExit(0)


def returns_none():
    model = fails_at_call()
    call = lambda x, sigma: None  # noqa: E731
    call.__dict__.update(model.__dict__)
    return call


def fails_on_rank_1():
    return fails() if os.environ.get("RANK") == "1" else Blobs()
'''


def workplace(folder, monkeypatch):
    """`folder` as the working folder, with the plug-ins in it as blobs.py."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "blobs", raising=False)
    (folder / "blobs.py").write_text(PLUGIN)
    return folder


def command(*arguments, ranks=1):
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"] if ranks > 1 else []
    return [sys.executable, *launcher, "-m", "seeds_samplers.demo.generate", *map(str, arguments)]


def run(*arguments, ranks=1, **variables):
    """generate in processes of its own, with these environment variables."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | variables
    return subprocess.run(
        command(*arguments, ranks=ranks), capture_output=True, text=True, timeout=180, env=environment
    )


def here(*arguments):
    """generate in this process; its exit code."""
    with pytest.raises(SystemExit) as stop:
        generate.main([str(argument) for argument in arguments])
    return stop.value.code


def refused(capsys, *arguments):
    """The one line with which it refuses, exit code 2."""
    assert here(*arguments) == 2
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("\n") == 1 and output.err.startswith("generate: ")
    return output.err.strip().removeprefix("generate: ")


def full_disk(monkeypatch):
    """What files.write_whole opens is /dev/full, which has no room, until the patch is undone."""

    def opened(handle, mode):
        os.close(handle)
        return open("/dev/full", mode)

    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    monkeypatch.setattr(files, "open", opened, raising=False)


def levels(path):
    with Image.open(path) as picture:
        return np.asarray(picture).astype(int)


def images_in(path):
    return {file.name: np.load(file) for file in sorted(path.glob("*.npy"))}


def same(one, other):
    assert list(one) == list(other)
    for name, image in one.items():
        np.testing.assert_allclose(image, other[name], atol=1e-4)
