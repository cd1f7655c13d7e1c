"""How the package is found and loaded: installed, and from a folder of any name. The habits of its files."""

import ast
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

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


def python(*arguments, cwd, timeout=120):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=cwd, timeout=timeout)


def test_importing_the_package_imports_neither_torch_nor_numpy(tmp_path):
    code = "import sys, seeds_samplers; print(sorted({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
    assert python("-c", code, cwd=tmp_path).stdout == "[]\n"


LEFT_OUT = [line for line in (ROOT / ".comfyignore").read_text().splitlines() if line and line[0] != "#"]
NOT_IN_GIT = shutil.ignore_patterns(
    ".git", ".*_cache", ".venv", "build", "*.egg-info", "__pycache__", "training", "site"
)


@pytest.mark.slow
def test_it_runs_from_a_folder_of_another_name_and_as_the_registry_packs_it(tmp_path):
    folder = tmp_path / "my-seeds 2.0"
    shutil.copytree(ROOT, folder, ignore=NOT_IN_GIT)
    for name in LEFT_OUT:
        path = folder / name
        assert path.is_dir() == name.endswith("/") and path.exists(), f".comfyignore: {name}"
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    result = python("-c", AS_A_HOST_DOES, str(folder), cwd=tmp_path)
    assert result.stdout == "torch.Size([1, 3, 32, 32])\n", result.stderr
    kept = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert {"__init__.py", "nodes", "sampling", "demo", "js", "example_workflows", "install.py"} <= kept
    assert not kept & {"tests", "benchmarks", "docs", "webui", "scripts"}


@pytest.mark.slow  # pip fetches setuptools
def test_the_wheel_has_what_python_users_need_and_nothing_else(tmp_path):
    pytest.importorskip("pip")
    source = tmp_path / "source"
    shutil.copytree(ROOT, source, ignore=NOT_IN_GIT)
    made = python("-m", "pip", "wheel", "--no-deps", "-w", str(tmp_path), str(source), cwd=tmp_path, timeout=600)
    assert made.returncode == 0, made.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as packed:
        names = {name for name in packed.namelist() if ".dist-info/" not in name}
        packed.extractall(tmp_path / "unpacked")
    ours = ("sampling", "schedulers", "demo")
    folders = [path for name in ours for path in (source / name).rglob("*") if path.is_file()]
    wanted = {f"seeds_samplers/{path.relative_to(source).as_posix()}" for path in folders}
    assert names == {"seeds_samplers/__init__.py", *wanted}
    code = "import seeds_samplers.demo.cli as cli; print(cli.__file__); cli.main(['samplers'])"
    result = python("-c", f"import sys; sys.path.insert(0, {str(tmp_path / 'unpacked')!r}); {code}", cwd=tmp_path)
    assert "unpacked" in result.stdout and "SEEDS-M" in result.stdout, result.stderr


def test_the_version_is_said_once():
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    assert newest == version
    others = [path for folder in ("sampling", "demo", "nodes", "webui") for path in (ROOT / folder).rglob("*.py")]
    assert not [path for path in (*others, ROOT / "__init__.py") if "__version__" in path.read_text(encoding="utf-8")]


def test_the_readme_of_the_package_index_has_absolute_links():
    absolute = runpy.run_path(str(ROOT / ".github" / "absolute_links.py"))["absolute"]
    text = absolute((ROOT / "README.md").read_text(encoding="utf-8"), "https://example.org/o/n", "v1")
    targets = re.findall(r"\]\(([^)]+)", text) + re.findall(r"src=\"([^\"]+)", text)
    assert "https://example.org/o/n/raw/v1/docs/same_seed.png" in targets
    assert "https://example.org/o/n/blob/v1/docs/comfyui.md" in targets
    assert [target for target in targets if not target.startswith("https://")] == []


def test_importing_the_core_leaves_torch_as_it_was(tmp_path):
    """No patches, no global state: the random state, the default dtype and gradient mode stay."""
    code = (
        "import torch; torch.manual_seed(1); before = torch.get_rng_state(), torch.get_default_dtype();"
        "import seeds_samplers.sampling, seeds_samplers.demo.draw;"
        "assert torch.equal(before[0], torch.get_rng_state()) and before[1] == torch.get_default_dtype();"
        "assert torch.is_grad_enabled() and torch.get_num_threads() > 0; print('ok')"
    )
    assert python("-c", code, cwd=tmp_path).stdout == "ok\n"


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "pyproject.toml"])
def test_what_a_repository_needs_is_there(name):
    assert (ROOT / name).stat().st_size > 200


def test_the_core_knows_no_host():
    for path in (ROOT / "sampling").rglob("*.py"):
        text = path.read_text()
        assert not [word for word in ("import comfy", "from comfy", "import modules", "from modules") if word in text]


def code():
    """(name, text) of the repository's own files of code, found without git."""
    for folder, folders, names in os.walk(ROOT):
        left_out = NOT_IN_GIT(folder, [*folders, *names])
        folders[:] = set(folders) - left_out
        for path in (Path(folder, name) for name in names if name.endswith((".py", ".js"))):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def functions(text):
    """(name, first line, number of lines) of each function of a Python file."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def test_no_file_is_longer_than_250_lines_and_no_function_than_60():
    files = dict(code())
    assert {"__init__.py", "js/seeds_chart.js", "tests/test_package.py"} <= files.keys()
    long = [f"{name}: {lines} lines" for name, text in files.items() if (lines := text.count("\n")) > 250]
    for name in (name for name in files if name.endswith(".py")):
        found = functions(files[name])
        long += [f"{name}:{first}, {function}: {lines} lines" for function, first, lines in found if lines > 60]
    assert not long, "\n".join(long)
