"""seeds compare: what it measures, what it keeps, and what it says."""

import csv
import itertools
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from seeds_samplers.demo import cli
from seeds_samplers.demo.cells import Comparison, Memory, Row
from seeds_samplers.demo.compare import Drawing, sampler_of
from seeds_samplers.demo.distances import BANDS, batch_statistics, distances, not_told_apart
from seeds_samplers.demo.draw import Request, draw_batch
from seeds_samplers.demo.kdiffusion import ODE, SDE, AnyPath, Sampler
from seeds_samplers.demo.pictures import COLOURS, chart, grid
from seeds_samplers.demo.report import recommended
from seeds_samplers.demo.source import Levels, Source
from seeds_samplers.sampling import SAMPLERS, NoisePath, sigmas_karras, steps_for_model_calls

LEVELS = Levels(0.01, 80.0, 0.5)
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


class TestDistances:
    def test_of_each_image(self):
        images = torch.randn(3, 4, 8, 8)
        moved = images + torch.tensor([0.0, 0.5, -2.0])[:, None, None, None]
        torch.testing.assert_close(distances(moved, images), torch.tensor([0.0, 0.5, 2.0], dtype=torch.float64))

    def test_of_a_batch(self):
        images = torch.randn(64, 3, 16, 16)
        found = batch_statistics(images * 0.5 + 1, images)
        assert found == pytest.approx({"mean": 1, "contrast": 0.5, "low": 0.5, "mid": 0.5, "high": 0.5}, abs=0.02)
        checkers = (-1.0) ** (torch.arange(16)[:, None] + torch.arange(16))
        found = batch_statistics(images + checkers, images)
        assert found["high"] > 1.2 and found["low"] == pytest.approx(1) and found["mid"] == pytest.approx(1)

    @pytest.mark.parametrize("shape", [(2, 1, 100), (2, 4, 3, 8, 8), (2, 3, 1, 1)])
    def test_of_latents_of_other_shapes(self, shape):
        found = batch_statistics(torch.ones(shape), torch.ones(shape))
        assert set(found) == {"mean", "contrast", *BANDS} and all(np.isfinite(value) for value in found.values())

    def test_what_is_told_apart(self):
        near = torch.tensor([0.1, 0.2, 0.3, 0.4])
        assert not_told_apart(near, near + torch.tensor([0.1, -0.1, 0.1, -0.1]))
        assert not not_told_apart(near, near + torch.tensor([0.02, 0.03, 0.02, 0.03]))  # pairs, not averages


class TestSamplers:
    @pytest.mark.parametrize(
        ("text", "equation"),
        [(name, SDE) for name in SAMPLERS if name != "ER-SDE"]
        + [(f"{name} eta=0", ODE) for name in SAMPLERS if name != "ER-SDE"]
        + [("SEEDS-2 eta=0.5", None), ("SEEDS-2 s_noise=0.8", None), ("SEEDS-1 prediction=v", SDE)]
        + [("ER-SDE", None), ("ER-SDE noise_scale=ode", ODE), ("ER-SDE noise_scale=sde", SDE)],
    )
    @pytest.mark.parametrize(("schedule", "ends"), [("karras", (0.01, 80.0)), ("flow", (0.003, 0.999))])
    def test_the_equation_that_they_solve(self, text, equation, schedule, ends):
        sampler = sampler_of(text, LEVELS)
        sampler = Sampler(text, sampler.function, sampler.options | {"noise_schedule": schedule})
        assert sampler.equation(*ends, schedule) == (equation or text)

    @pytest.mark.parametrize("name", SAMPLERS)
    def test_the_steps_that_calls_allow(self, name):
        for calls in (1, 2, 3, 8, 23):
            steps = sampler_of(name, LEVELS).steps(calls, lambda steps: sigmas_karras(steps, 0.01, 80))
            assert steps == steps_for_model_calls(name, calls)

    def test_one_that_chooses_its_own_steps_is_refused(self):
        sampler = Sampler("own", lambda model, x, sigmas, **_: model(x, sigmas[0]))
        with pytest.raises(ValueError, match=r"^samplers: own chooses its own steps"):
            sampler.steps(8, lambda steps: sigmas_karras(steps, 0.01, 80))

    def test_a_path_for_samplers_that_ask_where_a_step_has_no_length(self):
        x = torch.zeros(2, 3, 8, 8)
        path, plain = AnyPath(x, 5), NoisePath(x, 5)
        assert path(torch.tensor(2.0), torch.tensor(2.0)).std() == pytest.approx(1, abs=0.2)
        torch.testing.assert_close(path(2.0, 1.0), plain(2.0, 1.0), rtol=0, atol=0)


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


def row_of(sampler, budget, away, reference=SDE):
    statistics = {"mean": 0.0, "contrast": 1.0, "low": 1.0, "mid": 1.0, "high": 1.0}
    return Row(sampler, "karras", budget, budget, budget, reference, 0.1 * budget, torch.tensor(away), statistics)


class TestReport:
    def test_recommends_the_nearest_and_names_its_equals(self):
        rows = [row_of("A", 8, [0.1, 0.2, 0.1]), row_of("B", 8, [0.12, 0.18, 0.12]), row_of("C", 8, [0.9, 0.8, 0.9])]
        rows += [row_of("D", 8, [0.5, 0.5, 0.5], ODE), row_of("E", 8, [0.0, 0.0, 0.0], "E")]
        ode, sde = recommended(rows)
        assert ode.startswith("8 model calls, ODE: D, karras (0.5")
        assert sde.startswith("8 model calls, SDE: A, karras (0.133") and sde.endswith("not told apart: B, karras")

    def test_the_chart_has_a_line_for_each_sampler(self):
        picture = chart([row_of(name, budget, [1 / budget, 2 / budget]) for name in "ABC" for budget in (8, 16)])
        colours = {tuple(pixel) for pixel in np.asarray(picture).reshape(-1, 3).tolist()}
        assert {tuple(bytes.fromhex(colour[1:])) for colour in COLOURS[:3]} <= colours
        assert tuple(bytes.fromhex(COLOURS[3][1:])) not in colours

    def test_a_chart_of_a_single_exact_point(self):
        assert chart([row_of("A", 8, [0.0, 0.0])]).width > 400

    def test_the_grid_has_what_is_there(self):
        red = np.zeros((10, 10, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
        picture = np.asarray(grid(["8 model calls", "reference"], [("A\nkarras", [(red, "0.1"), None])], 12))
        assert (picture == [255, 0, 0]).all(-1).sum() == 100


class Flat:
    """A host whose pictures are all one colour: what a Comparison asks of it, and in which order."""

    schedule, levels, images = "karras", (0.01, 80.0), ["a", "b"]

    def __init__(self):
        self.references = {SDE: sampler_of("SEEDS-2", LEVELS), ODE: sampler_of("SEEDS-3 eta=0", LEVELS)}
        self.drawn = []

    def sigmas(self, schedule, steps):
        return sigmas_karras(steps, *self.levels)

    def settings(self, run):
        return [run.sampler.name, run.schedule, run.steps]

    def chunks(self, images):
        return [[image] for image in images]

    def draw(self, run, images):
        self.drawn.append((run.sampler.name, run.steps))
        return torch.full((1, 3, 4, 4), 1 / run.steps)


def test_rows_grow_as_the_cells_are_drawn():
    host, seen = Flat(), []
    samplers = [sampler_of(name, LEVELS) for name in ("SEEDS-1", "SEEDS-2 eta=0")]
    comparison = Comparison(host, samplers, ["karras"], [4, 8], 40, Memory())
    assert comparison.rows() == [] and comparison.model_calls() == 2 * (39 + 40 + 19 + 19 + 4 + 8 + 3 + 7)
    comparison.draw(lambda run, calls: seen.append(len(comparison.rows())))
    assert seen == sorted(seen) and len(comparison.rows()) == 4
    assert comparison.rows()[0].away.tolist() == pytest.approx([1 / 4 - 1 / 20] * 2)
    assert comparison.model_calls() == 0 and set(comparison.doubts()) == {SDE, ODE}
