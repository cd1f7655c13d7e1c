"""How a model's noise levels are counted, x = alpha x0 + sigma eps, and the steps that hosts make of them."""

import os
from dataclasses import dataclass
from functools import cache

import torch
from contenders import comfyui

from seeds_samplers.sampling import sigmas_karras, sigmas_seeds, sigmas_uniform_lambda

HOSTS_OWN = ("simple", "beta", "normal")  # of ComfyUI; here for flow models


@dataclass(frozen=True)
class Frame:
    """noise_schedule "karras", or "flow" with a host's shift; the lowest and highest level of the host's table."""

    noise_schedule: str
    sigma_min: float
    sigma_max: float
    shift: float = 1.0

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
        if schedule in HOSTS_OWN:
            comfyui()
            import comfy.samplers

            return comfy.samplers.calculate_sigmas(model_sampling(self), schedule, steps)
        ends = self.sigma_min, self.sigma_max
        if schedule == "karras":
            return sigmas_karras(steps, *ends)
        make = {"seeds": sigmas_seeds, "uniform lambda": sigmas_uniform_lambda}[schedule]
        return make(steps, *ends, noise_schedule=self.noise_schedule)

    def converged(self, steps):
        """Levels to converge with: uniform in lambda; on flow from where the data do not show yet."""
        if not self.flow:
            return sigmas_uniform_lambda(steps, self.sigma_min, self.sigma_max)
        high = 80.0  # level / alpha: behind it the latent is noise
        sigmas = sigmas_uniform_lambda(steps, self.sigma_min, high / (1 + high), noise_schedule="flow")
        return torch.cat([torch.ones(1), sigmas])


@cache
def model_sampling(frame, device="cpu"):
    """ComfyUI's object for such a model, which many of its samplers ask for; None where it is not at hand."""
    if not comfyui():
        return None
    import comfy.model_sampling as known

    if not frame.flow:
        return type("Eps", (known.ModelSamplingDiscrete, known.EPS), {})().to(device)
    made = type("Flow", (known.ModelSamplingDiscreteFlow, known.CONST), {})()
    made.set_parameters(shift=frame.shift)
    return made.to(device)


EPS = Frame("karras", 0.0292, 14.6146)  # ComfyUI's table for eps models


def flow(shift):
    """A flow model's frame in ComfyUI's terms: a table of 1000 levels after the shift, the last of which is 1."""
    return Frame("flow", shift / (1000 + shift - 1), 1.0, shift)
