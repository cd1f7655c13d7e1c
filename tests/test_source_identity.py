"""A folder of images knows the model that drew them: by its source files and its weights."""

import importlib
import json
import re
import shutil
import sys
import types

import pytest
import torch
from generating import here, refused

pytestmark = pytest.mark.usefixtures("folder")

NET = """
import torch
from torch import nn

class Net(nn.Module):
    shape, sigma_min, sigma_max = (1, 2, 2), 0.1, 9.0

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(1, 1)
        self.register_buffer("scale", torch.ones(()), persistent=False)
        self.low = nn.Parameter(torch.ones(3, dtype=torch.bfloat16))

    def forward(self, x, sigma):
        return x * 0.5
"""
FACTORY = """
import torch
from net import Net

def made():
    net = Net()
    net.load_state_dict(torch.load("net.pt"))
    return net

def bare():
    net = made()
    call = lambda x, sigma: net(x, sigma)
    call.shape, call.sigma_min, call.sigma_max = net.shape, net.sigma_min, net.sigma_max
    return call

def unreadable():
    net = made()
    net.named_parameters = lambda: [("x", None)]
    return net
"""


class TestAFolderKnowsTheModel:
    """A plug-in is known by its source files and its weights, or the run says what is not known."""

    OPTIONS = ("--format", "npy", "--steps", 1, "--seeds", 0, "--out", "out")

    @pytest.fixture(autouse=True)
    def files(self, folder):
        (folder / "net.py").write_text(NET)
        (folder / "plug.py").write_text(FACTORY)
        self.weights(folder)
        self.forget()
        yield
        self.forget()

    @staticmethod
    def forget():
        """As a new process would: neither module is loaded, nor its code kept."""
        importlib.invalidate_caches()
        for name in ("net", "plug"):
            sys.modules.pop(name, None)
        shutil.rmtree("__pycache__", ignore_errors=True)

    @staticmethod
    def weights(folder, **values):
        state = {"inner.weight": torch.ones(1, 1), "inner.bias": torch.zeros(1), "low": torch.ones(3).bfloat16()}
        torch.save(state | values, folder / "net.pt")

    def test_that_has_not_changed(self, folder, capsys):
        for _ in range(2):
            assert here("--model", "plug:made", *self.OPTIONS) == 0
            assert "note:" not in capsys.readouterr().err
            self.forget()
        assert re.fullmatch(r"plug:made, \w{16}", json.loads((folder / "out" / "generate.json").read_text())["model"])

    @pytest.mark.parametrize("changed", ["the factory's file", "the network's file", "a weight", "a buffer"])
    def test_that_has_changed(self, folder, capsys, changed):
        assert here("--model", "plug:made", *self.OPTIONS) == 0
        self.forget()
        if changed == "the factory's file":
            (folder / "plug.py").write_text(FACTORY.replace("return net\n", "return net.requires_grad_(False)\n", 1))
        elif changed == "the network's file":
            (folder / "net.py").write_text(NET.replace("0.5", "0.6"))
        elif changed == "a weight":
            self.weights(folder, low=torch.tensor([1, 1, 1 + 2**-7]).bfloat16())
        else:
            (folder / "net.py").write_text(NET.replace("ones(())", "zeros(())"))
        capsys.readouterr()
        line = refused(capsys, "--model", "plug:made", *self.OPTIONS)
        assert re.match(r"model: 'plug:made, (\w{16})'; expected 'plug:made, (?!\1)\w{16}' as in out/", line)

    @pytest.mark.parametrize(
        "factory, said",
        [
            ("bare", "it is no torch.nn.Module, so that only its source is known"),
            ("unreadable", "its weights cannot be read (AttributeError)"),
        ],
    )
    def test_that_cannot_be_known(self, capsys, factory, said):
        for _ in range(2):
            assert here("--model", f"plug:{factory}", *self.OPTIONS) == 0
            notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note:")]
            assert notes == [f"note: model plug:{factory}: {said}; if it has changed, use another folder"]

    def test_without_a_source_file(self, folder, monkeypatch, capsys):
        monkeypatch.syspath_prepend(folder)
        module = types.ModuleType("plug")
        exec(FACTORY, module.__dict__)
        monkeypatch.setitem(sys.modules, "plug", module)
        assert here("--model", "plug:made", *self.OPTIONS) == 0
        assert "note: model plug:made: plug has no source file; if it has" in capsys.readouterr().err
