"""The embedded model as a k-diffusion denoiser: EDM preconditioning (Karras et al. 2022, table 1) and guidance."""

from pathlib import Path

import torch
from torch import nn

from ..sampling.checks import number
from .files import load_network
from .network import UNet

MODEL_WEIGHTS = Path(__file__).parent / "weights" / "model.safetensors"
SIGMA_DATA = 0.6  # standard deviation of the pictures' pixels (measured: 0.61)
SIGMA_MIN, SIGMA_MAX = 0.01, 80.0  # the noise levels the network has learnt


class Denoiser(nn.Module):
    """model(x, sigma, labels=...) -> denoised, in k-diffusion's convention.

    Args: x (B, 3, 32, 32), noisy pictures whose clean ones lie in [-1, 1]; sigma (B,), VE noise levels; labels (B,)
    integers in 0..35, or None for no class. With `cfg` other than 1 the result is classifier-free guidance (Ho and
    Salimans 2022): the prediction without the class plus cfg times the difference that the class makes. `cond_denoised`
    is the prediction with the class of the latest call, which SEEDS-M makes use of.
    """

    cond_denoised = None

    def __init__(self, network, sigma_data=SIGMA_DATA):
        super().__init__()
        self.network, self.sigma_data = network, sigma_data

    def forward(self, x, sigma, labels=None, cfg=1.0):
        if labels is None:
            labels = torch.full((len(x),), self.network.classes, device=x.device)
        elif labels.shape != (len(x),):
            raise ValueError(f"labels: shape {tuple(labels.shape)}; expected one for each image, ({len(x)},)")
        elif cfg != 1:
            no_class = torch.full_like(labels, self.network.classes)
            both = self(torch.cat([x, x]), torch.cat([sigma, sigma]), torch.cat([labels, no_class]))
            with_class, without = both.chunk(2)
            self.cond_denoised = with_class
            return torch.lerp(without, with_class, cfg)
        c_skip, c_out, c_in, c_noise = self.scalings(sigma.float())
        f = self.network(x.float() * c_in, c_noise, labels)
        self.cond_denoised = (c_skip * x + c_out * f).to(x.dtype)
        return self.cond_denoised

    def scalings(self, sigma):
        """(c_skip, c_out, c_in, c_noise) for sigma (B,); the first three as (B, 1, 1, 1)."""
        s, sd = sigma[:, None, None, None], self.sigma_data
        total = (s * s + sd * sd).sqrt()
        return (sd / total) ** 2, s * sd / total, 1 / total, sigma.log() / 4

    def loss(self, x0, sigma, noise, labels):
        """EDM's weighted denoising loss, one number per image: mean squared error of the network's own output."""
        c_skip, c_out, c_in, c_noise = self.scalings(sigma)
        x = x0 + sigma[:, None, None, None] * noise
        f = self.network(x * c_in, c_noise, labels)
        return (f - (x0 - c_skip * x) / c_out).square().flatten(1).mean(1)


def load_model(path=MODEL_WEIGHTS):
    """The embedded model, in float32 on the CPU."""
    network = load_network(UNet, path)
    try:
        sigma_data = number("sigma_data", network.metadata.get("sigma_data"), above=0)
    except ValueError as error:
        raise ValueError(f"weights: {path}; {error}") from error
    return Denoiser(network.to(memory_format=torch.channels_last), sigma_data).eval()
