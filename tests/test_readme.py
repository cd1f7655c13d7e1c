"""The README's Python runs as it stands."""

import re
from pathlib import Path

import pytest

BLOCKS = re.findall(r"```python\n(.*?)```", (Path(__file__).parents[1] / "README.md").read_text(), re.DOTALL)


def test_the_example_runs():
    names = {}
    exec(BLOCKS[0], names)
    assert names["images"].shape == (2, 3, 32, 32) and names["images"].isfinite().all()


def test_the_example_with_k_diffusion_runs():
    pytest.importorskip("k_diffusion", reason="the extra k-diffusion is not installed")
    names = {}
    exec(BLOCKS[0], names)
    before = names["images"]
    exec(BLOCKS[1], names)
    assert names["images"].shape == before.shape and names["images"].isfinite().all()
