"""How the package is found and loaded: installed, and from a folder of any name."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

AS_A_HOST_DOES = """
import importlib.util, sys
folder = sys.argv[1]
spec = importlib.util.spec_from_file_location("a_pack", folder + "/__init__.py", submodule_search_locations=[folder])
module = importlib.util.module_from_spec(spec)
sys.modules["a_pack"] = module
spec.loader.exec_module(module)
assert "torch" not in sys.modules and "numpy" not in sys.modules
import torch
from a_pack.sampling import sample_seeds_2
from a_pack.demo.denoiser import load_model
x = torch.ones(1, 3, 32, 32)
print(sample_seeds_2(load_model(), x, torch.tensor([1.0, 0.5, 0.0]), disable=True).shape)
assert not [name for name in sys.modules if name.startswith("seeds_samplers")]
"""


def python(*arguments, cwd):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=cwd, timeout=120)


def test_importing_the_package_imports_neither_torch_nor_numpy(tmp_path):
    code = "import sys, seeds_samplers; print(sorted({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
    assert python("-c", code, cwd=tmp_path).stdout == "[]\n"


def test_it_runs_from_a_folder_of_another_name(tmp_path):
    folder = tmp_path / "my-seeds 2.0"
    ignore = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "training")
    shutil.copytree(ROOT, folder, ignore=ignore)
    result = python("-c", AS_A_HOST_DOES, str(folder), cwd=tmp_path)
    assert result.stdout == "torch.Size([1, 3, 32, 32])\n", result.stderr


def test_importing_the_core_leaves_torch_as_it_was(tmp_path):
    """No patches, no global state: the random state, the default dtype and gradient mode stay."""
    code = (
        "import torch; torch.manual_seed(1); before = torch.get_rng_state(), torch.get_default_dtype();"
        "import seeds_samplers.sampling, seeds_samplers.demo.draw;"
        "assert torch.equal(before[0], torch.get_rng_state()) and before[1] == torch.get_default_dtype();"
        "assert torch.is_grad_enabled() and torch.get_num_threads() > 0; print('ok')"
    )
    assert python("-c", code, cwd=tmp_path).stdout == "ok\n"


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"])
def test_what_a_repository_needs_is_there(name):
    assert (ROOT / name).stat().st_size > 200


def test_the_core_knows_no_host():
    for path in (ROOT / "sampling").rglob("*.py"):
        text = path.read_text()
        assert not [word for word in ("import comfy", "from comfy", "import modules", "from modules") if word in text]
