"""install.py: nothing to do in an environment that has all; what is missing, and never torch, in one that has not."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def install():
    spec = importlib.util.spec_from_file_location("install", ROOT / "install.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_nothing_to_do_says_and_does_nothing():
    result = subprocess.run([sys.executable, ROOT / "install.py"], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_what_is_missing_is_installed_without_its_dependencies(install, monkeypatch, capsys):
    commands = []
    find = importlib.util.find_spec
    monkeypatch.setattr(install.importlib.util, "find_spec", lambda name: None if name == "einops" else find(name))
    monkeypatch.setattr(install.subprocess, "check_call", commands.append)
    install.main()
    assert commands == [[sys.executable, "-m", "pip", "install", "--no-deps", "einops>=0.4.1"]]
    assert "einops" in capsys.readouterr().out


def test_it_knows_what_the_package_needs_but_torch(install):
    text = (ROOT / "pyproject.toml").read_text()
    needed = re.findall(r'"([^"]+)"', re.search(r"^dependencies = \[(.*)\]", text, re.MULTILINE)[1])
    assert {requirement for requirement in needed if not requirement.startswith("torch")} == set(
        install.PACKAGES.values()
    )
