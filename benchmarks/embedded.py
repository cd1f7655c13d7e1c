"""The embedded model as a problem of quality.py: how its classifier sees what is drawn."""

from functools import cached_property

import torch
from hosting import plain_noise, sample
from mixtures import moments

from seeds_samplers.demo.classifier import load_classifier
from seeds_samplers.demo.denoiser import SIGMA_MAX, SIGMA_MIN, load_model
from seeds_samplers.demo.evaluate import rendered
from seeds_samplers.demo.glyphs import GLYPHS


class EmbeddedProblem:
    """The target is freshly rendered images; the distance that of the classifier's 128 features."""

    sigma_min, sigma_max = SIGMA_MIN, SIGMA_MAX
    images, target_images, guidances = 180, 7200, (1.0, 2.0)

    @cached_property
    def model(self):
        return load_model()

    @cached_property
    def classifier(self):
        return load_classifier()

    @torch.inference_mode()
    def features(self, images):
        return torch.cat([self.classifier.features(some) for some in images.clamp(-1, 1).split(512)])

    def draw(self, function, sigmas, guidance, images, seed):
        """(moments of the features of `images` images, as many of each glyph, and the share that is recognised)."""
        generator = torch.Generator().manual_seed(seed)
        labels = torch.arange(images) % len(GLYPHS)
        x = torch.randn(images, 3, 32, 32, generator=generator) * sigmas[0]
        arguments = {"labels": labels, "cfg": guidance}
        pictures = sample(function, self.model, x, sigmas, plain_noise(x, seed), arguments)
        features = self.features(pictures)
        right = (self.classifier.logits(features).argmax(1) == labels).float().mean().item()
        return moments(features), right

    def true(self, guidance, images, seed):
        """The moments of the features of `images` rendered images."""
        return moments(self.features(rendered(images, seed)[0]))
