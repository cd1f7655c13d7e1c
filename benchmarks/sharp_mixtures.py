"""Mixtures whose denoiser is known and sharp: each picture of a few hundred is a narrow Gaussian.

Such a denoiser decides between pictures as a trained model's does; that of few broad Gaussians is nearly linear.
"""

import math

import torch

ROWS = 512  # of x at once: what a processor's cache holds


class Sharp:
    """A Gaussian of standard deviation `spread` around each picture; the conditional part has those of one label.

    pictures (K, channels, height, width) of standard deviation 1; labels (K,).
    """

    def __init__(self, pictures, labels, label, spread):
        self.shape, self.spread, means = tuple(pictures.shape[1:]), spread, pictures.flatten(1)
        self.means = {False: means, True: means[labels == label]}

    def posterior(self, x, alpha, sigma, conditional):
        """The posterior mean of x0 given x = alpha x0 + sigma eps, both (n, d)."""
        means, variance = self.means[conditional], self.spread**2
        total = alpha**2 * variance + sigma**2
        bias, turned = means.square().sum(1) * (-(alpha**2) / (2 * total)), means.T * (alpha / total)
        found = [torch.addmm(bias, rows, turned).softmax(1) @ means for rows in x.split(ROWS)]
        return torch.cat(found).mul_(sigma**2 / total).add_(x, alpha=alpha * variance / total)


class Denoiser:
    """model(x, sigma): the denoised in a frame, with guidance.

    After a call `cond_denoised` is the conditional prediction, like x. With guidance 1 the model is the mixture without
    a label and `cond_denoised` the very tensor that it returned.
    """

    def __init__(self, mixture, frame, guidance):
        self.mixture, self.frame, self.guidance, self.cond_denoised = mixture, frame, guidance, None

    def __call__(self, x, sigma, **_):
        sigma = float(sigma.reshape(-1)[0])
        alpha, flat = self.frame.alpha(sigma), x.flatten(1)
        without = self.mixture.posterior(flat, alpha, sigma, False).view_as(x)
        if self.guidance == 1:
            self.cond_denoised = without
            return without
        self.cond_denoised = self.mixture.posterior(flat, alpha, sigma, True).view_as(x)
        return torch.lerp(without, self.cond_denoised, self.guidance)


class Target:
    """The true samples (n, d) in the terms of the distance: their mean, and the axes and deviations of their spread."""

    def __init__(self, samples):
        samples = samples.double()
        self.mean = samples.mean(0)
        variances, self.axes = torch.linalg.eigh(torch.cov(samples.T))
        self.deviations = variances.clamp(min=0).sqrt()

    def distance(self, samples):
        """The squared distance of the means plus that of the standard deviations along the axes; else infinite.

        It is the Frechet distance of Gaussians where these axes are those of both. The full one has a floor that grows
        with d^2 / n, which hides small differences; this one grows with d / n only.
        """
        samples = samples.double()
        deviations = ((samples - samples.mean(0)) @ self.axes).std(0)
        found = (samples.mean(0) - self.mean).square().sum() + (deviations - self.deviations).square().sum()
        return found.item() if math.isfinite(found.item()) else math.inf
