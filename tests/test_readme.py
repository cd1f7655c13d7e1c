"""The Python of the README and of the pages runs as it stands; links lead somewhere."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from seeds_samplers.demo import generate

ROOT = Path(__file__).parents[1]
PAGES = {path.stem: path for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md"))}


def examples(page):
    """The Python blocks of a page."""
    return re.findall(r"```python\n(.*?)```", PAGES[page].read_text(encoding="utf-8"), re.DOTALL)


def ran(*blocks):
    """The names that the blocks leave behind, one after another."""
    names = {}
    for block in blocks:
        exec(block, names)
    return names


def test_the_readme_is_short_and_begins_with_its_two_commands():
    text = PAGES["README"].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    commands = re.search(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)[1].splitlines()
    assert [command.split()[:2] for command in commands] == [["pip", "install"]] * 2


def test_the_readmes_example():
    (block,) = examples("README")
    images = ran(block)["images"]
    assert images.shape == (2, 3, 32, 32) and images.abs().max() < 1.5


def test_the_example_of_a_path_says_what_is_so():
    (block,) = examples("one_seed")
    names = ran(block)
    noise = names["noise"]
    torch.testing.assert_close(names["alone"], noise[2:3])
    assert 0.9 < torch.corrcoef(torch.stack([names["varied"].flatten(), noise.flatten()]))[0, 1] < 1
    assert names["integral"].shape == noise.shape == (3, 4, 64, 64)
    assert (names["increment"] - noise).std() < 0.1  # the ends of the interval are rounded to 2^-10 for `noise`


def test_the_example_in_python():
    images = ran(examples("python")[0])["images"]
    assert images.shape == (2, 3, 32, 32) and images.isfinite().all()


def test_the_example_with_k_diffusion():
    pytest.importorskip("k_diffusion", reason="the extra k-diffusion is not installed")
    images = ran(*examples("python"))["images"]
    assert images.shape == (2, 3, 32, 32) and images.isfinite().all()


def test_the_list_of_calls():
    (block,) = examples("caches")
    names = ran(block)
    assert (names["step"], names["stage"], round(names["sigma"], 1)) == (0, 1, 69.8)


def test_the_model_of_ones_own_draws_its_greys(tmp_path, monkeypatch):
    (block,) = examples("cli")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "greys.py").write_text(block)
    with pytest.raises(SystemExit) as stop:
        generate.main(["--model", "greys:denoiser", "--seeds", "0-2", "--format", "npy", "--out", "greys"])
    images = [np.load(tmp_path / "greys" / f"{seed:06d}.npy") for seed in range(3)]
    assert stop.value.code == 0 and [image.shape for image in images] == [(1, 16, 16)] * 3
    np.testing.assert_allclose([image.mean() for image in images], [-0.9, 0, 0.9], atol=1e-4)


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_are_there(page):
    text = re.sub(r"```.*?```", "", PAGES[page].read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)", text) + re.findall(r"src=\"([^\"]+)", text):
        assert target.startswith("https://") or (PAGES[page].parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_names_are_there(page):
    for name in re.findall(r"`((?:benchmarks|tests|demo|\.ci)/[\w./]+)`", PAGES[page].read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"python ((?:benchmarks|tests)/[\w/]+\.py)", PAGES[page].read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name
