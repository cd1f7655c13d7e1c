"""Problems whose denoiser is known: each picture of a few hundred is a narrow Gaussian (or gaussians.py's, few and broad).

A narrow mixture's denoiser decides between pictures as a trained model's does; a broad one's is nearly linear.
"""

import torch

ROWS = 512  # of x at once: what a processor's cache holds


class Denoiser:
    """model(x, sigma): the denoised in a frame, with guidance, and what it is made of.

    posterior(x, alpha, sigma, conditional): the posterior mean of x0 given x = alpha x0 + sigma eps, both (n, d). After
    a call `cond_denoised` and `uncond_denoised` are the two predictions, like x, or None without guidance (1).
    """

    def __init__(self, posterior, frame, guidance):
        self.posterior, self.frame, self.guidance = posterior, frame, guidance
        self.cond_denoised = self.uncond_denoised = None

    def __call__(self, x, sigma, **_):
        sigma = float(sigma.reshape(-1)[0])
        alpha, flat = self.frame.alpha(sigma), x.flatten(1)
        without = self.posterior(flat, alpha, sigma, False).view_as(x)
        if self.guidance == 1:
            return without
        self.uncond_denoised, self.cond_denoised = without, self.posterior(flat, alpha, sigma, True).view_as(x)
        return torch.lerp(self.uncond_denoised, self.cond_denoised, self.guidance)


class Sharp:
    """A Gaussian of standard deviation `spread` around each picture; guidance is towards the pictures of one label.

    pictures (K, channels, height, width) of standard deviation 1; labels (K,). unconditional_spread: of the components
    without the label, where it is to differ: guidance then is stiff, as it has a slope of up to guidance - 1.
    """

    def __init__(self, pictures, labels, label, spread, unconditional_spread=None):
        self.shape, means = tuple(pictures.shape[1:]), pictures.flatten(1)
        self.parts = {
            False: (means, spread if unconditional_spread is None else unconditional_spread),
            True: (means[labels == label], spread),
        }

    def posterior(self, x, alpha, sigma, conditional):
        means, spread = self.parts[conditional]
        variance = spread**2
        total = alpha**2 * variance + sigma**2
        bias, turned = means.square().sum(1) * (-(alpha**2) / (2 * total)), means.T * (alpha / total)
        found = [torch.addmm(bias, rows, turned).softmax(1) @ means for rows in x.split(ROWS)]
        return torch.cat(found).mul_(sigma**2 / total).add_(x, alpha=alpha * variance / total)

    def log_density(self, x, alpha, sigma, conditional):
        """The logarithm of the density of x = alpha x0 + sigma eps (n, d), for one part."""
        means, spread = self.parts[conditional]
        total = alpha**2 * spread**2 + sigma**2
        squares = (x[:, None] - alpha * means).square().sum(2) / total
        return torch.logsumexp(-squares / 2, 1) - x.shape[1] / 2 * torch.as_tensor(2 * torch.pi * total).log()
