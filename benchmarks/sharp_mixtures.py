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
    """True samples, in the terms of the distance: along the axes of their covariance, their means and deviations.

    first, others (n, d): `first` has the initial latents and the noise paths of all that is measured.
    """

    def __init__(self, first, others):
        first, others = first.double(), others.double()
        self.axes = torch.linalg.eigh(torch.cov(torch.cat([first, others]).T))[1]
        self.center, self.count = others.mean(0), len(others)
        self.first, self.others = self._along(first), self._along(others)
        self.variances = self.others.square().mean(0)
        spread = self.variances + self.others.square().var(0) / (4 * self.variances)
        self.floor = (spread.sum() / len(first)).item()  # the distance that so many true samples have on average

    def _along(self, samples):
        return (samples.double() - self.center) @ self.axes

    def _means(self, values, of_first, of_others):
        """The means of values (n, d) that are of `others`' kind but for the sampler, and the variance of their error.

        What `first`, on the same paths, is off from the others is taken away in proportion (control variates).
        """
        a, b = values - values.mean(0), of_first - of_first.mean(0)
        share = (a * b).mean(0) / b.square().mean(0)
        error = (a - share * b).square().mean(0) / len(a) + (1 - share) ** 2 * of_others.var(0) / self.count
        return values.mean(0) - share * (of_first.mean(0) - of_others.mean(0)), error

    def excess(self, samples):
        """What the distance of samples (n, d) is above the floor; infinite where a sample is not finite.

        The distance is the squared one of the means plus that of the standard deviations along the axes: the Frechet
        distance of Gaussians where the axes are those of both. The full one has a floor that grows with d^2 / n, which
        hides small differences; this one's grows with d / n. The expected error of the estimate is taken off.
        """
        found = self._along(samples)
        shift, of_shift = self._means(found, self.first, self.others)
        squares, of_squares = self._means(*(one.square() for one in (found, self.first, self.others)))
        variances = (squares - shift.square()).clamp(min=0)
        of_deviations = of_squares / (4 * torch.maximum(variances, self.variances))
        deviations = variances.sqrt() - self.variances.sqrt()
        value = (shift.square() - of_shift + deviations.square() - of_deviations).sum().item()
        return value if math.isfinite(value) else math.inf
