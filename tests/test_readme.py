"""The README's Python runs as it stands."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from seeds_samplers.demo import generate

README = (Path(__file__).parents[1] / "README.md").read_text()
PATH, MODEL, K_DIFFUSION, PLUGIN = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_example_of_a_path_says_what_is_so():
    names = {}
    exec(PATH, names)
    noise = names["noise"]
    torch.testing.assert_close(names["alone"], noise[2:3])
    assert 0.9 < torch.corrcoef(torch.stack([names["varied"].flatten(), noise.flatten()]))[0, 1] < 1
    assert names["integral"].shape == noise.shape == (3, 4, 64, 64)
    assert (names["increment"] - noise).std() < 0.1  # the ends of the interval are rounded to 2^-10 for `noise`


def test_the_example_runs():
    names = {}
    exec(MODEL, names)
    assert names["images"].shape == (2, 3, 32, 32) and names["images"].isfinite().all()


def test_the_example_with_k_diffusion_runs():
    pytest.importorskip("k_diffusion", reason="the extra k-diffusion is not installed")
    names = {}
    exec(MODEL, names)
    before = names["images"]
    exec(K_DIFFUSION, names)
    assert names["images"].shape == before.shape and names["images"].isfinite().all()


def test_the_model_of_ones_own_draws_its_greys(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "greys.py").write_text(PLUGIN)
    with pytest.raises(SystemExit) as stop:
        generate.main(["--model", "greys:denoiser", "--seeds", "0-2", "--format", "npy", "--out", "greys"])
    images = [np.load(tmp_path / "greys" / f"{seed:06d}.npy") for seed in range(3)]
    assert stop.value.code == 0 and [image.shape for image in images] == [(1, 16, 16)] * 3
    np.testing.assert_allclose([image.mean() for image in images], [-0.9, 0, 0.9], atol=1e-4)
