"""Problems whose denoiser is known: Gaussian mixtures with the statistics of images, and how far samples are off."""

import math

import numpy as np
import torch
from hosting import plain_noise, sample

from seeds_samplers.sampling import sample_seeds_2, sigmas_uniform_lambda


class Mixture:
    """Components of means (K, d), covariances with eigenvalues (K, d) and eigenvectors (K, d, d), and weights (K,)."""

    def __init__(self, means, eigenvalues, vectors=None, weights=None):
        self.means, self.values = (torch.as_tensor(one, dtype=torch.float32) for one in (means, eigenvalues))
        self.vectors = None if vectors is None else torch.as_tensor(vectors, dtype=torch.float32)
        count, self.dimensions = self.means.shape
        weights = torch.full((count,), 1 / count) if weights is None else torch.as_tensor(weights, dtype=torch.float32)
        self.log_weights = weights.log()

    def parts(self, x, sigma):
        """The posterior means (n, K, d) and the components' posterior weights (n, K) at one noise level."""
        means, logs = [], []
        for k, mean in enumerate(self.means):
            z = x - mean if self.vectors is None else (x - mean) @ self.vectors[k]
            total = self.values[k] + sigma**2
            logs.append(self.log_weights[k] - 0.5 * (z * z / total + total.log()).sum(1))
            z = z * (self.values[k] / total)
            means.append(mean + (z if self.vectors is None else z @ self.vectors[k].T))
        return torch.stack(means, 1), torch.stack(logs, 1).softmax(1)

    def denoiser(self, guidance, labels):
        """model(x, sigma): the denoised, with classifier-free guidance towards the component of each label."""

        def model(x, sigma, **_):
            means, weights = self.parts(x, sigma.reshape(-1)[0])
            without = (weights[:, :, None] * means).sum(1)
            if guidance == 1:
                return without if labels is None else means[torch.arange(len(x)), labels]
            return without + guidance * (means[torch.arange(len(x)), labels] - without)

        return model


def power_law(exponent, count=8, dimensions=64, seed=2):
    """Variances that fall as k^-exponent, 1 on average; half of them within the components, half between."""
    random = np.random.default_rng(seed)
    variances = np.arange(1, dimensions + 1.0) ** -exponent
    variances *= dimensions / variances.sum()
    means = random.normal(size=(count, dimensions)) * np.sqrt(variances / 2)
    return Mixture(means - means.mean(0), variances / 2 * np.exp(0.3 * random.normal(size=(count, dimensions))))


def natural(count=8, dimensions=32, seed=1):
    """One direction of standard deviation 6, the others' from 1 down to 0.3."""
    random = np.random.default_rng(seed)
    deviations = np.concatenate([[6.0], np.linspace(1.0, 0.3, dimensions - 1)])
    means = random.normal(size=(count, dimensions)) * deviations / math.sqrt(2)
    return Mixture(means - means.mean(0), np.tile(deviations**2 / 2, (count, 1)))


def of_samples(groups, weights=None):
    """A Gaussian for each group of samples (n, d), all scaled to a variance of 1 on average."""
    everything = np.concatenate(groups)
    center, scale = everything.mean(0), math.sqrt(everything.var(0).mean())
    groups = [(group - center) / scale for group in groups]
    spectra = [np.linalg.eigh(np.cov(group.T) + 1e-3 * np.eye(len(center))) for group in groups]
    values, vectors = (np.stack(parts) for parts in zip(*spectra, strict=True))
    return Mixture(np.stack([group.mean(0) for group in groups]), values, vectors, weights)


def digits():
    from sklearn.datasets import load_digits

    pictures, labels = load_digits(return_X_y=True)
    return of_samples([pictures[labels == label] for label in range(10)])


def photographs(count=6, size=6, patches=8000, seed=3):
    """Patches of scikit-learn's two photographs, at three scales, in clusters."""
    from sklearn.cluster import KMeans
    from sklearn.datasets import load_sample_images

    random, found = np.random.default_rng(seed), []
    for image in load_sample_images().images:
        for _ in range(patches):
            scale = random.choice([1, 2, 4])
            row, column = (random.integers(0, length - scale * size) for length in image.shape[:2])
            patch = image[row : row + scale * size, column : column + scale * size].astype(float)
            found.append(patch.reshape(size, scale, size, scale, 3).mean((1, 3)).ravel())
    found = np.stack(found)
    labels = KMeans(count, n_init=1, random_state=0).fit_predict(found)
    return of_samples([found[labels == label] for label in range(count)], np.bincount(labels) / len(labels))


MIXTURES = {
    "digits": digits,
    "natural": natural,
    "power law 1": lambda: power_law(1.0),
    "power law 2": lambda: power_law(2.0),
    "photographs": photographs,
}


class MixtureProblem:
    """A mixture as a problem of quality.py: the target is the converged reverse SDE, under guidance too."""

    sigma_min, sigma_max = 0.03, 14.6
    images, target_images, guidances = 4096, 16384, (1.0, 3.0, 7.0)
    steps = 300  # that SEEDS-2 converges with

    def __init__(self, make):
        self.mixture = make()

    def draw(self, function, sigmas, guidance, images, seed):
        """(moments of `images` samples, None)."""
        generator, target = torch.Generator().manual_seed(seed), self.mixture
        labels = torch.randint(0, len(target.means), (images,), generator=generator) if guidance != 1 else None
        x = torch.randn(images, target.dimensions, generator=generator) * sigmas[0]
        return moments(sample(function, target.denoiser(guidance, labels), x, sigmas, plain_noise(x, seed))), None

    def true(self, guidance, images, seed):
        """The moments of `images` converged samples."""
        sigmas = sigmas_uniform_lambda(self.steps, self.sigma_min, self.sigma_max)
        return self.draw(sample_seeds_2, sigmas, guidance, images, seed)[0]


def moments(samples):
    samples = samples.double()
    center = samples.mean(0)
    return center.numpy(), ((samples - center).T @ (samples - center) / (len(samples) - 1)).numpy()


def frechet(one, other):
    """The Frechet distance of two Gaussians (mean, covariance); infinite where one is not finite."""
    (mean, covariance), (other_mean, other_covariance) = one, other
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        return math.inf
    values, vectors = np.linalg.eigh(other_covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ covariance @ root), 0)).sum()
    return float(((mean - other_mean) ** 2).sum() + np.trace(covariance) + np.trace(other_covariance) - 2 * cross)
