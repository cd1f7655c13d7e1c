"""For tests of demo/generate.py: models of one's own, and running it in this process or in others."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from seeds_samplers.demo import generate

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


def run(*arguments, ranks=1):
    """generate in processes of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
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


def levels(path):
    with Image.open(path) as picture:
        return np.asarray(picture).astype(int)


def images_in(path):
    return {file.name: np.load(file) for file in sorted(path.glob("*.npy"))}


def same(one, other):
    assert list(one) == list(other)
    for name, image in one.items():
        np.testing.assert_allclose(image, other[name], atol=1e-4)
