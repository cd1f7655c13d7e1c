"""The families of models that diffusers has schedulers for: where their noise levels lie and what their outputs mean.

The levels are those of one of diffusers' own schedulers, so that every setting means what it means there.
"""

import inspect

import numpy as np
from diffusers import EDMEulerScheduler, EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler

from ..sampling.checks import choice

ROUNDING = 1e-4  # of a timestep: that of a noise level in float32


def host_scheduler(scheduler, config, **given):
    """diffusers' `scheduler`, with what it knows of the config."""
    known = inspect.signature(scheduler.__init__).parameters
    return scheduler(**{name: value for name, value in config.items() if name in known and value is not None} | given)


class Karras:
    """Models of a discrete sequence of betas, run on x = x0 + sigma eps, as diffusers' Euler scheduler does."""

    noise_schedule = "karras"
    predictions = ("epsilon", "v_prediction", "sample")

    def __init__(self, config):
        self.host = host_scheduler(EulerDiscreteScheduler, config)
        self.prediction = choice("prediction_type", config.prediction_type, self.predictions)
        self.continuous = config.timestep_type == "continuous" and self.prediction == "v_prediction"
        alphas = self.host.alphas_cumprod.double().numpy()
        self.log_sigmas = np.log((1 - alphas) / alphas) / 2

    def levels(self, steps, sigmas, timesteps, mu):
        """The noise levels, a list of floats; no model call is at the last."""
        if sigmas is not None or timesteps is not None:
            steps = None
        self.host.set_timesteps(steps, timesteps=timesteps, sigmas=sigmas)
        return self.host.sigmas.tolist()[: len(self.host.timesteps) + 1]  # log_linear has one that is not used

    def timestep(self, sigma):
        """The timestep, not always a whole number, of a noise level."""
        if self.continuous:
            return 0.25 * float(np.log(sigma))
        timestep = float(np.interp(np.log(sigma), self.log_sigmas, np.arange(len(self.log_sigmas))))
        return float(round(timestep)) if abs(timestep - round(timestep)) < ROUNDING else timestep

    def init_noise_sigma(self, sigma_max):
        """What unit normals are multiplied with to be at the first level."""
        return sigma_max if self.host.config.timestep_spacing != "leading" else (sigma_max**2 + 1) ** 0.5

    def model_input(self, sample, sigma):
        return sample / (sigma * sigma + 1) ** 0.5

    def denoised(self, sample, output, sigma):
        if self.prediction == "sample":
            return output
        if self.prediction == "epsilon":
            return sample - sigma * output
        total = sigma * sigma + 1
        return sample / total - (sigma / total**0.5) * output

    def noised(self, original, noise, sigma):
        return original + sigma * noise


class EDM(Karras):
    """Models in EDM's preconditioning, as Playground v2.5 and CosXL (Karras et al. 2022, table 1)."""

    predictions = ("epsilon", "v_prediction")

    def __init__(self, config):
        self.host = host_scheduler(EDMEulerScheduler, config)
        self.prediction = choice("prediction_type", config.prediction_type, self.predictions)
        self.sigma_data = self.host.config.sigma_data
        self.continuous = True

    def levels(self, steps, sigmas, timesteps, mu):
        if sigmas is not None or timesteps is not None:
            raise ValueError("sigmas, timesteps: given; expected num_inference_steps alone for models of EDM's kind")
        self.host.set_timesteps(steps)
        return self.host.sigmas.tolist()

    def init_noise_sigma(self, sigma_max):
        return (sigma_max**2 + 1) ** 0.5

    def model_input(self, sample, sigma):
        return sample / (sigma**2 + self.sigma_data**2) ** 0.5

    def denoised(self, sample, output, sigma):
        total, sign = sigma**2 + self.sigma_data**2, -1 if self.prediction == "v_prediction" else 1
        return sample * (self.sigma_data**2 / total) + output * (sign * sigma * self.sigma_data / total**0.5)


class Flow:
    """Flow models, x = (1 - sigma) x0 + sigma eps, whose output is eps - x0."""

    noise_schedule = "flow"

    def __init__(self, config):
        # For flow models UniPC and DPM-Solver++ have other names, and other levels, than the flow schedulers.
        self.other_levels = config.use_flow_sigmas
        shift = config.flow_shift if self.other_levels else config.shift
        self.host = host_scheduler(FlowMatchEulerDiscreteScheduler, config, shift=shift, invert_sigmas=False)
        self.inverted = config.invert_sigmas  # Mochi counts time from noise to data

    def levels(self, steps, sigmas, timesteps, mu):
        if self.other_levels and sigmas is None and timesteps is None:
            sigmas = np.linspace(1, 1 / self.host.config.num_train_timesteps, steps + 1)[:-1]
        self.host.set_timesteps(steps, sigmas=sigmas, timesteps=timesteps, mu=mu)
        return self.host.sigmas.tolist()

    def timestep(self, sigma):
        return (1 - sigma if self.inverted else sigma) * self.host.config.num_train_timesteps

    def init_noise_sigma(self, sigma_max):
        return 1.0

    def model_input(self, sample, sigma):
        return sample

    def denoised(self, sample, output, sigma):
        return sample + sigma * output if self.inverted else sample - sigma * output

    def noised(self, original, noise, sigma):
        return (1 - sigma) * original + sigma * noise


def unsaid(config):
    """What another scheduler's config means without saying it: flow schedulers have no prediction_type, and what has
    its default value in a config counts as not given."""
    name = str(config.get("_class_name"))
    if "FlowMatch" in name or ("shift" in config and "prediction_type" not in config):
        return {"prediction_type": config.get("prediction_type", "flow_prediction")}
    if name.startswith("EDM") or ("sigma_data" in config and "solver" not in config):
        known = inspect.signature(EDMEulerScheduler.__init__).parameters
        return {key: config.get(key, known[key].default) for key in ("sigma_min", "sigma_max", "sigma_data")}
    return {}


def family_of(config):
    """The family that a scheduler's config is for."""
    if config.prediction_type == "flow_prediction":
        return Flow(config)
    return Karras(config) if config.sigma_data is None else EDM(config)
