"""For tests of SEEDSScheduler: what a pipeline does with it, on an exact denoiser, and the sampler's own result."""

import numpy as np
import torch

from seeds_samplers.sampling import SAMPLERS

SD = dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)  # Stable Diffusion's
FLOW = dict(prediction_type="flow_prediction", shift=3.0)
SHAPE = (2, 4, 6, 6)
DATA = 0.7  # the standard deviation of the data of the model here


def denoise(x, alpha, sigma):
    """The exact denoiser of Gaussian data, made nonlinear a little."""
    y, s = x / alpha, sigma / alpha
    mean = y * DATA**2 / (DATA**2 + s**2)
    return mean + 0.1 * torch.sin(3 * mean)


def output_of(scheduler, model_input, t):
    """What a model of the scheduler's prediction type returns; the level is found from what the model gets alone."""
    prediction, family = scheduler.config.prediction_type, scheduler.family
    if prediction == "flow_prediction":
        sigma = float(t) / 1000
        return (model_input - denoise(model_input, 1 - sigma, sigma)) / sigma
    sigma = float(np.exp(np.interp(float(t), np.arange(len(family.log_sigmas)), family.log_sigmas)))
    alpha, std = (sigma**2 + 1) ** -0.5, sigma * (sigma**2 + 1) ** -0.5
    x0 = denoise(model_input, alpha, std)
    noise = (model_input - alpha * x0) / std
    return {"sample": x0, "epsilon": noise, "v_prediction": alpha * noise - std * x0}[prediction]


def run(scheduler, x, generator=None, timesteps=None, change=None):
    """What a pipeline does. change(i, x): what it does to the latents between two steps."""
    for i, t in enumerate(scheduler.timesteps if timesteps is None else timesteps):
        output = output_of(scheduler, scheduler.scale_model_input(x, t), t)
        x = scheduler.step(output, t, x, generator=generator, return_dict=False)[0]
        x = change(i, x) if change else x
    return x


def levels_of(scheduler):
    """The levels that the steps of a scheduler are between, to the last bit."""
    return torch.tensor(scheduler._levels, dtype=torch.float64)


def sample(name, scheduler, x, levels=None, **given):
    """The sampler's result on the same model."""
    schedule = scheduler.noise_schedule

    def model(x, sigma):
        return denoise(x, schedule.alpha(sigma[0].item()), sigma[0].item())

    levels = levels_of(scheduler) if levels is None else levels
    return SAMPLERS[name](model, x, levels, disable=True, noise_schedule=schedule.name, **given)


def start(scheduler, seed=0, shape=SHAPE):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * scheduler.init_noise_sigma
