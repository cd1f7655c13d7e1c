"""How a model's noise levels are counted, x = alpha x0 + sigma eps, and the steps that hosts make of them."""

import os
from dataclasses import dataclass
from functools import cache

import torch
from contenders import comfyui

from seeds_samplers.sampling import sigmas_karras, sigmas_seeds, sigmas_uniform_lambda

HOSTS_OWN = ("simple", "beta", "normal")


@dataclass(frozen=True)
class Frame:
    """noise_schedule "karras" between two levels, or "flow" with a host's shift (ModelSamplingDiscreteFlow's table)."""

    noise_schedule: str = "karras"
    sigma_min: float = 0.0292  # the first and last level of ComfyUI's table for eps models
    sigma_max: float = 14.6146
    shift: float = 1.0
    sigma_data: float | None = None  # of an EDM model: its levels are not in a table

    @property
    def flow(self):
        return self.noise_schedule == "flow"

    def alpha(self, sigma):
        return 1.0 - sigma if self.flow else 1.0

    @property
    def schedules(self):
        """The names of the schedules that can be had: hosts' own need COMFYUI_PATH."""
        if not self.flow:
            return "karras", "uniform lambda", "seeds"
        return ("seeds", *HOSTS_OWN) if os.environ.get("COMFYUI_PATH") else ("seeds",)

    def sigmas(self, schedule, steps):
        """(steps + 1,) levels, the last 0; a host's own may be fewer, where it leaves out what it would repeat."""
        ends = self.sigma_min, self.sigma_max
        if schedule == "karras":
            return sigmas_karras(steps, *ends)
        if schedule in HOSTS_OWN:
            comfyui()
            import comfy.samplers

            return comfy.samplers.calculate_sigmas(self.model_sampling, schedule, steps)
        make = {"seeds": sigmas_seeds, "uniform lambda": sigmas_uniform_lambda}[schedule]
        return make(steps, *ends, noise_schedule=self.noise_schedule)

    def converged(self, steps):
        """Levels to converge with: uniform in lambda, from where data begin to show, and well below their finest."""
        if not self.flow:
            return sigmas_uniform_lambda(steps, self.sigma_min, self.sigma_max)
        low, high = 0.01, 80.0
        sigmas = sigmas_uniform_lambda(steps, low / (1 + low), high / (1 + high), noise_schedule="flow")
        return torch.cat([torch.ones(1), sigmas])

    @property
    def target_key(self):
        """Frames with the same key have the same target: all flow models have, whatever their shift."""
        return "flow" if self.flow else f"{self.sigma_max:g} to {self.sigma_min:g}"

    @property
    def model_sampling(self):
        """ComfyUI's object for such a model, which many of its samplers ask for; None where it is not at hand."""
        return _model_sampling(self)


@cache
def _model_sampling(frame):
    if not comfyui():
        return None
    import comfy.model_sampling as known

    if frame.flow:
        made = type("Flow", (known.ModelSamplingDiscreteFlow, known.CONST), {})()
        made.set_parameters(shift=frame.shift)
    elif frame.sigma_data is not None:
        made = type("EDM", (known.ModelSamplingContinuousEDM, known.EDM), {})()
        made.set_parameters(frame.sigma_min, frame.sigma_max, frame.sigma_data)
    else:
        made = type("Eps", (known.ModelSamplingDiscrete, known.EPS), {})()
    return made


EPS = Frame()


def flow(shift):
    """A flow model's frame in ComfyUI's terms: a table of 1000 levels after the shift, the last of which is 1."""
    return Frame("flow", shift / (1000 + shift - 1), 1.0, shift)
