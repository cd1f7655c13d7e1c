"""Samplers compared: each with the steps that its model calls allow, against the picture that it converges to.

A host (the command line, a node of ComfyUI) says what there is to draw with:

    images          names of the images, that tell apart what differs in more than the run: seed, label, place
    references      {SDE: Sampler, ODE: Sampler}, the samplers that draw the references
    schedule        the step schedule of the references
    levels          sigma_min, sigma_max and the noise schedule, for Sampler.equation
    sigmas(schedule, steps)     the noise levels of a run
    settings(run)               all that decides the images of a run, as plain values
    chunks(images)              lists of images that are drawn at once
    draw(run, images)           their latents, (n, ...), on the CPU
"""

import time
from collections import defaultdict
from dataclasses import dataclass

import torch

from ..sampling.checks import choice, whole_number
from .distances import batch_statistics, distances, mean_and_error
from .kdiffusion import Sampler

MOST_CALLS = 10_000


@dataclass(frozen=True, eq=False)
class Run:
    """A sampler with a schedule and steps, and the model calls that they take."""

    sampler: Sampler
    schedule: str
    steps: int
    calls: int


@dataclass(frozen=True, eq=False)
class Cell:
    """A run, the number of model calls it was allowed, the run it is measured against and what that converges to."""

    run: Run
    budget: int
    reference: Run
    equation: str


@dataclass(frozen=True)
class Row:
    """What came out of a cell. away: the distance of each image; seconds: of one image."""

    sampler: str
    schedule: str
    budget: int
    calls: int
    steps: int
    reference: str
    seconds: float
    away: torch.Tensor
    statistics: dict

    def values(self):
        """The row of a table: plain values by the names that distances.ABOUT explains."""
        mean, error = mean_and_error(self.away)
        return {
            "sampler": self.sampler, "schedule": self.schedule, "budget": self.budget, "calls": self.calls,
            "steps": self.steps, "reference": self.reference, "images": len(self.away), "distance": mean,
            "error": error, "median": self.away.quantile(0.5).item(), **self.statistics, "seconds": self.seconds,
        }  # fmt: skip


class Memory:
    """Pictures that are kept while the process lives: settings -> {image: (latent, seconds)}.

    inputs: for a host, what must live as long as they do.
    """

    def __init__(self):
        self.kept, self.inputs = defaultdict(dict), {}

    def load(self, settings):
        return dict(self.kept[repr(settings)])

    def add(self, settings, pictures):
        self.kept[repr(settings)].update(pictures)


class Comparison:
    """The cells of some samplers, schedules and budgets; `draw` draws them, `rows` measures them."""

    def __init__(self, host, samplers, schedules, budgets, reference_calls, store=None):
        """ValueError for numbers of calls that do not fit."""
        self.host, self.store, self.pictures = host, Memory() if store is None else store, {}
        budgets = [whole_number("model-calls", budget, least=1, most=MOST_CALLS) for budget in budgets]
        reference_calls = whole_number("reference-calls", reference_calls, least=1, most=MOST_CALLS)
        if reference_calls < 2 * max(budgets):
            expected = f"at least twice the most model calls, {2 * max(budgets)}"
            raise ValueError(f"reference-calls: {reference_calls}; expected {expected}")
        self.cells, self.halves, references = [], {}, {}
        for sampler in samplers:
            equation = sampler.equation(*host.levels)
            if equation not in references:
                referee = host.references.get(equation, sampler)
                references[equation] = self._run(referee, host.schedule, reference_calls)
                self.halves[equation] = self._run(referee, host.schedule, reference_calls // 2)
            for schedule in schedules:
                for budget in budgets:
                    run = self._run(sampler, schedule, budget)
                    self.cells.append(Cell(run, budget, references[equation], equation))
        self.references = references

    def _run(self, sampler, schedule, calls):
        def sigmas_of(steps):
            return self.host.sigmas(schedule, steps)

        steps = sampler.steps(calls, sigmas_of)
        return Run(sampler, schedule, steps, sampler.calls(sigmas_of(steps)))

    def runs(self):
        """All runs, the references first: without them nothing can be said of the others."""
        return [*self.references.values(), *self.halves.values(), *(cell.run for cell in self.cells)]

    def model_calls(self):
        """How many model calls, each with one image, are still to be made."""
        missing = {id(run): len(self.host.images) - len(self._kept(run)) for run in self.runs()}
        return sum(run.calls * missing[id(run)] for run in self.runs())

    def _kept(self, run):
        kept = self.store.load(self.host.settings(run))
        return {image: kept[image] for image in self.host.images if image in kept}

    def shown(self):
        """The runs of the grid in its order, then the references."""
        return [*(cell.run for cell in self.cells), *self.references.values()]

    def draw(self, progress=lambda run, calls: None, started=lambda run: None):
        """Draw what is missing, a run after another; each picture is stored as soon as it is there.

        started(run) is called before a run's first picture, progress(run, model calls made) after each.
        """
        for run in self.runs():
            started(run)
            settings, there = self.host.settings(run), self._kept(run)
            for images in self.host.chunks([image for image in self.host.images if image not in there]):
                began = time.perf_counter()
                latents = self.host.draw(run, images)
                seconds = (time.perf_counter() - began) / len(images)
                drawn = {image: (latent, seconds) for image, latent in zip(images, latents, strict=True)}
                self.store.add(settings, drawn)
                there |= drawn
                progress(run, run.calls * len(images))
            self.pictures[run] = there

    def latents(self, run):
        """The run's pictures, (n, ...); None where it has not been drawn."""
        if run not in self.pictures:
            return None
        return torch.stack([self.pictures[run][image][0] for image in self.host.images]).float()

    def rows(self):
        """A Row for each cell that has been drawn, with its reference."""
        done = [cell for cell in self.cells if cell.run in self.pictures and cell.reference in self.pictures]
        return [self._row(cell) for cell in done]

    def _row(self, cell):
        run, images, references = cell.run, self.latents(cell.run), self.latents(cell.reference)
        seconds = [seconds for _, seconds in self.pictures[run].values()]
        return Row(
            run.sampler.name, run.schedule, cell.budget, run.calls, run.steps, cell.equation,
            sum(seconds) / len(seconds), distances(images, references), batch_statistics(images, references),
        )  # fmt: skip

    def doubts(self):
        """{equation: how far its reference is from that of half the model calls}: what no distance can tell below."""
        there = {name: run for name, run in self.halves.items() if run in self.pictures}
        return {
            name: distances(self.latents(run), self.latents(self.references[name])).mean().item()
            for name, run in there.items()
        }


def listed(name, texts, known):
    """The checked values of a list, each once; ValueError naming the list for one that is not known."""
    if not texts:
        raise ValueError(f"{name}: none; expected one or more of {', '.join(known)}")
    return [choice(name, text, known) for text in dict.fromkeys(texts)]
