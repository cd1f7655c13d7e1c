"""The parts of seeds compare: distances, samplers, the report, and the table's rows as they come."""

import numpy as np
import pytest
import torch

from seeds_samplers.demo.cells import Comparison, Memory, Row
from seeds_samplers.demo.compare import sampler_of
from seeds_samplers.demo.distances import BANDS, batch_statistics, distances, not_told_apart
from seeds_samplers.demo.kdiffusion import ODE, SDE, AnyPath, Sampler
from seeds_samplers.demo.pictures import COLOURS, chart, grid
from seeds_samplers.demo.report import recommended
from seeds_samplers.demo.source import Levels
from seeds_samplers.sampling import SAMPLERS, NoisePath, sigmas_karras, steps_for_model_calls

LEVELS = Levels(0.01, 80.0, 0.5)


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

    def test_trying_one_leaves_the_global_generator_alone(self):
        """A host may be drawing from it in another thread: heunpp2 and others ask for noise that they do not use."""

        def draws(model, x, sigmas, extra_args=None, callback=None, disable=None):
            for sigma in sigmas[:-1]:
                x = model(x, sigma * x.new_ones(len(x))) + 0 * torch.randn_like(x) + 0 * torch.randn(x.shape)
            return x

        before = torch.get_rng_state()
        assert Sampler("draws", draws).calls(torch.tensor([2.0, 1.0, 0.0])) == 2
        assert torch.equal(torch.get_rng_state(), before)

    def test_one_that_chooses_its_own_steps_is_refused(self):
        sampler = Sampler("own", lambda model, x, sigmas, **_: model(x, sigmas[0]))
        with pytest.raises(ValueError, match=r"^samplers: own chooses its own steps"):
            sampler.steps(8, lambda steps: sigmas_karras(steps, 0.01, 80))

    def test_a_path_for_samplers_that_ask_where_a_step_has_no_length(self):
        x = torch.zeros(2, 3, 8, 8)
        path, plain = AnyPath(x, 5), NoisePath(x, 5)
        assert path(torch.tensor(2.0), torch.tensor(2.0)).std() == pytest.approx(1, abs=0.2)
        torch.testing.assert_close(path(2.0, 1.0), plain(2.0, 1.0), rtol=0, atol=0)


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
