"""The command seeds compare: what it draws, what it keeps, and what it says."""

import csv
import itertools
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch

from seeds_samplers.demo import cli
from seeds_samplers.demo.compare import Drawing, sampler_of
from seeds_samplers.demo.draw import Request, draw_batch
from seeds_samplers.demo.kdiffusion import ODE, SDE
from seeds_samplers.demo.source import Source

FACTORY = """
import torch
calls = 0

class Gaussian(torch.nn.Module):
    shape, sigma_min, sigma_max, sigma_data = (3, 8, 8), 0.01, 80.0, 0.5
    stop_at = None

    def forward(self, x, sigma):
        global calls
        calls += len(x)
        if calls == self.stop_at:
            raise KeyboardInterrupt
        level = sigma[:, None, None, None]
        return x * 0.25 / (0.25 + level**2) + 0.1 * torch.tanh(x)
"""


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A module with a model whose calls, an image each, are counted; the working folder."""
    monkeypatch.chdir(tmp_path)
    name = f"gaussian_{next(NUMBERS)}"
    (tmp_path / f"{name}.py").write_text(FACTORY)
    monkeypatch.syspath_prepend(tmp_path)
    module = __import__(name)
    module.options = ["compare", "--model", f"{name}:Gaussian", "--images", "3", "--reference-calls", "60"]
    yield module
    del sys.modules[name]


NUMBERS = itertools.count()


def rows_of(path="compare.csv"):
    """The table that a run has written."""
    with open(path) as file:
        return list(csv.DictReader(file))


def run(model, *options):
    """Run the command; how many calls it made."""
    before = model.calls
    cli.main([*model.options, *options])
    return model.calls - before


def euler_ancestral(model, x, sigmas, extra_args=None, callback=None, disable=None, eta=1.0, noise_sampler=None):
    for sigma, below in itertools.pairwise(sigmas):
        denoised = model(x, sigma * x.new_ones(len(x)), **(extra_args or {}))
        up = eta * (below**2 * (sigma**2 - below**2) / sigma**2) ** 0.5
        down = (below**2 - up**2) ** 0.5
        x = denoised + (x - denoised) * down / sigma + (noise_sampler(sigma, below) * up if below else 0)
    return x


@pytest.fixture
def k_diffusion(monkeypatch):
    """A stand-in for the package: two samplers with its signatures."""
    package, sampling = ModuleType("k_diffusion"), ModuleType("k_diffusion.sampling")
    euler_ancestral.__module__ = "k_diffusion.sampling"
    sampling.sample_euler_ancestral, package.sampling = euler_ancestral, sampling
    sampling.sample_dpm_fast = lambda model, x, sigma_min, sigma_max, n: x
    monkeypatch.setitem(sys.modules, "k_diffusion", package)
    monkeypatch.setitem(sys.modules, "k_diffusion.sampling", sampling)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1")
    return sampling


class TestCommand:
    def test_table_picture_and_recommendation(self, model, capsys):
        from PIL import Image

        run(
            model,
            "--model-calls",
            "4",
            "12",
            "--samplers",
            "SEEDS-2",
            "SEEDS-M eta=0",
            "--schedules",
            "karras",
            "seeds",
        )
        rows = rows_of()
        assert len(rows) == 8 and {row["reference"] for row in rows} == {SDE, ODE}
        assert all(len(row["distances"].split()) == 3 and int(row["calls"]) <= int(row["budget"]) for row in rows)
        for few, many in zip(rows[::2], rows[1::2], strict=True):
            assert float(many["distance"]) < float(few["distance"])
        text = capsys.readouterr().out
        assert "12 model calls, SDE: SEEDS-2, " in text and "12 model calls, ODE: SEEDS-M eta=0, " in text
        assert Image.open("compare.png").width > 400

    def test_a_second_run_draws_only_what_is_missing(self, model):
        run(model, "--model-calls", "4", "--samplers", "SEEDS-2")
        first = rows_of()
        trial = 1  # the model is tried out once
        assert run(model, "--model-calls", "4", "--samplers", "SEEDS-2") == trial
        assert rows_of() == first
        assert run(model, "--model-calls", "4", "7", "--samplers", "SEEDS-2") == trial + 3 * 7
        assert run(model, "--model-calls", "4", "--samplers", "SEEDS-2", "--images", "4") == trial + 3 + 59 + 29

    def test_another_seed_guidance_or_option_is_another_cell(self, model):
        run(model, "--model-calls", "5", "--samplers", "SEEDS-2")
        assert run(model, "--model-calls", "5", "--samplers", "SEEDS-2 r=0.4") == 1 + 3 * 5
        assert run(model, "--model-calls", "5", "--samplers", "SEEDS-2", "--seed", "1") > 3 * 60

    @pytest.mark.slow
    def test_an_interrupted_run_goes_on(self, model, capsys):
        whole = run(model, "--model-calls", "4", "--samplers", "SEEDS-1", "--csv", "whole.csv", "--batch-size", "1")
        model.Gaussian.stop_at = model.calls + 150
        with pytest.raises(SystemExit) as stopped:
            run(model, "--model-calls", "4", "--samplers", "SEEDS-1", "--batch-size", "1")
        assert stopped.value.code == 130 and "run it again" in capsys.readouterr().out
        again = run(model, "--model-calls", "4", "--samplers", "SEEDS-1", "--batch-size", "1")
        assert again == whole - 2 * 59  # two images of the first reference were kept
        kept, whole = (rows_of(f"{name}.csv")[0] for name in ("compare", "whole"))
        assert kept["distances"] == whole["distances"]

    def test_a_damaged_cell_is_drawn_again(self, model, tmp_path):
        calls = run(model, "--model-calls", "4", "--samplers", "SEEDS-2")
        for path in (tmp_path / "compare.cells").iterdir():
            path.write_bytes(path.read_bytes()[:100])
        assert run(model, "--model-calls", "4", "--samplers", "SEEDS-2") == calls

    def test_a_sampler_of_k_diffusion_shares_the_path(self, model, k_diffusion):
        """Its images converge to the reference that SEEDS-2 draws."""
        run(model, "--model-calls", "10", "29", "--samplers", "k:euler_ancestral", "SEEDS-1")
        rows = rows_of()
        assert {row["reference"] for row in rows} == {SDE}
        for one, other in zip(rows[:2], rows[2:], strict=True):  # the same method by another name
            assert float(one["distance"]) == pytest.approx(float(other["distance"]), rel=1e-3)
        assert float(rows[1]["distance"]) < 0.7 * float(rows[0]["distance"])

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--samplers", "SEEDS-9"], "samplers: 'SEEDS-9'; expected one of 'SEEDS-1'"),
            (["--samplers", "SEEDS-2 r=2"], "r: 2.0; expected"),
            (["--samplers", "SEEDS-2 order=2"], "samplers: SEEDS-2 has no option order, only eta"),
            (["--samplers", "SEEDS-2 2s"], "samplers: 'SEEDS-2 2s'; expected NAME option=value, not '2s'"),
            (["--samplers", "k:euler"], "samplers: k:euler; expected k-diffusion to be installed"),
            (["--schedules", "karass"], "schedules: 'karass'; expected"),
            (["--model-calls", "0"], "model-calls: 0; expected"),
            (["--model-calls", "many"], "model-calls: 'many'; expected"),
            (["--model-calls", "40"], "reference-calls: 60; expected at least twice the most model calls, 80"),
            (["--images", "1"], "images: 1; expected"),
            (["--out", "compare.jpg"], "out: compare.jpg; expected a name that ends in .png"),
            (["--csv", "nowhere/compare.csv"], "csv: nowhere/compare.csv; expected"),
            (["--cfg", "2"], "cfg: 2.0; expected 1"),
            (["--cfg", "much"], "cfg: 'much'; expected"),
            (["--labels", "1"], "labels: '1'; expected none"),
        ],
    )
    def test_what_is_wrong_in_one_line(self, model, options, message, capsys, monkeypatch):
        monkeypatch.setitem(sys.modules, "k_diffusion", None)
        with pytest.raises(SystemExit) as refused:
            run(model, *options)
        error = capsys.readouterr().err
        assert refused.value.code == 2 and error.count("\n") == 1 and f"seeds compare: {message}" in error

    def test_a_sampler_that_k_diffusion_has_not(self, model, k_diffusion, capsys):
        for name in ("k:dpm_fast", "k:eiler"):
            with pytest.raises(SystemExit):
                run(model, "--samplers", name)
            assert f"samplers: '{name}'; expected one of 'k:euler_ancestral'" in capsys.readouterr().err


def test_the_images_are_those_of_the_other_commands():
    source = Source.embedded()
    options = {"seed": 7, "images": 2, "batch_size": 2}
    host = Drawing(source, [3, 4], options, torch.device("cpu"))
    sampler = sampler_of("SEEDS-2", source.levels)
    drawn = host.draw(SimpleNamespace(sampler=sampler, schedule="karras", steps=4), host.images)
    request = Request(steps=4).checked()
    torch.testing.assert_close(drawn, draw_batch(source, request, [7, 8], [3, 4], "cpu"), rtol=0, atol=0)
