"""A small classifier of the glyphs: it rates images, and its features are what a Frechet distance compares."""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from .files import load_network

CLASSIFIER_WEIGHTS = Path(__file__).parent / "weights" / "classifier.safetensors"


class Classifier(nn.Module):
    """forward(x): x (B, 3, 32, 32) in [-1, 1] -> logits (B, 36). features(x): the (B, 128) vector before them."""

    def __init__(self, classes=36, width=32, out=128):
        super().__init__()
        self.config = dict(classes=classes, width=width, out=out)
        sizes = [
            (3, width, 1),
            (width, width, 2),
            (width, 2 * width, 1),
            (2 * width, 2 * width, 2),
            (2 * width, out, 1),
        ]
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, stride=s, padding=1) for i, o, s in sizes)
        self.norms = nn.ModuleList(nn.GroupNorm(8, o) for _, o, _ in sizes)
        self.project = nn.Linear(out * 16, out)
        self.logits = nn.Linear(out, classes)

    def features(self, x):
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.silu(norm(conv(x)))
        return F.silu(self.project(F.avg_pool2d(x, 2).flatten(1)))

    def forward(self, x):
        return self.logits(self.features(x))


def load_classifier(path=CLASSIFIER_WEIGHTS):
    """The embedded classifier, in float32 on the CPU."""
    return load_network(Classifier, path)


@torch.inference_mode()
def accuracy(classifier, images, labels, batch_size=512):
    """The fraction of images (B, 3, 32, 32) in [-1, 1] that are recognised as their labels (B,)."""
    right = [
        (classifier(x.clamp(-1, 1)).argmax(1) == y).float()
        for x, y in zip(images.split(batch_size), labels.split(batch_size), strict=True)
    ]
    return torch.cat(right).mean().item()
