"""Denoisers of the user's: called in the embedded model's convention, and with errors that say which call failed."""

import torch
from torch import nn

from .errors import reason_of


class ModelFailed(ValueError):
    """A model raised an exception, the cause of this one, or returned what is no image."""


class Watched(nn.Module):
    """model(x, sigma, ...), with its calls counted. One that raises anything but KeyboardInterrupt is a ModelFailed."""

    def __init__(self, name, model):
        super().__init__()
        self.name, self.model, self.calls = name, model, 0

    @property
    def cond_denoised(self):
        """The conditional part of the latest result, where the model has it: SEEDS-M makes use of it."""
        return getattr(self.model, "cond_denoised", None)

    def forward(self, x, sigma, *arguments, **options):
        self.calls += 1
        call = f"model: {self.name}; call {self.calls}, x of shape {tuple(x.shape)}"
        try:
            denoised = self.model(x, sigma, *arguments, **options)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too
            raise ModelFailed(f"{call}: {reason_of(error)}") from error
        if not isinstance(denoised, torch.Tensor):
            raise ModelFailed(f"{call}: expected a tensor of that shape, not a {type(denoised).__name__}")
        if denoised.shape != x.shape:
            raise ModelFailed(f"{call}: expected a tensor of that shape, not one of {tuple(denoised.shape)}")
        return denoised


class Plugin(nn.Module):
    """Any k-diffusion denoiser in the embedded model's convention, model(x, sigma, labels, cfg), with its guidance.

    model(x, sigma, **{class_argument: labels}): x (B, C, H, W), sigma (B,), labels (B,) integers below `classes`;
    `classes` itself stands for no class, as in k-diffusion's training. Without classes, model(x, sigma).
    """

    def __init__(self, model, classes, class_argument):
        super().__init__()
        self.model, self.classes, self.class_argument = model, classes, class_argument
        self.cond_denoised = None  # the conditional part of the latest result, where it is known

    def forward(self, x, sigma, labels=None, cfg=1.0):
        if not self.classes:
            denoised = self.model(x, sigma)
            self.cond_denoised = self.model.cond_denoised  # whatever guidance it may have is its own
            return denoised
        if cfg == 1:
            self.cond_denoised = self.model(x, sigma, **{self.class_argument: labels})
            return self.cond_denoised
        both = torch.cat([labels, torch.full_like(labels, self.classes)])
        both = self.model(torch.cat([x, x]), torch.cat([sigma, sigma]), **{self.class_argument: both})
        self.cond_denoised, without = both.chunk(2)
        return torch.lerp(without, self.cond_denoised, cfg)
