"""The network of the embedded model: a small class-conditional U-Net (Karras et al. 2022 parametrisation outside)."""

import math

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F


class NoiseEmbedding(nn.Module):
    """Random Fourier features of the noise level's logarithm: (B,) -> (B, width)."""

    def __init__(self, width):
        super().__init__()
        self.register_buffer("frequencies", torch.linspace(-2, 3, width // 2).exp())

    def forward(self, c_noise):
        angles = 2 * math.pi * c_noise[:, None] * self.frequencies
        return torch.cat([angles.cos(), angles.sin()], 1)


class ResidualBlock(nn.Module):
    """Two convolutions around a shift and scale from the embedding; the last one starts at zero."""

    def __init__(self, channels_in, channels, embedding):
        super().__init__()
        self.norm1 = nn.GroupNorm(8, channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.modulation = nn.Linear(embedding, 2 * channels)
        self.norm2 = nn.GroupNorm(8, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.skip = nn.Identity() if channels_in == channels else nn.Conv2d(channels_in, channels, 1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x, embedding):
        scale, shift = rearrange(self.modulation(embedding), "b (two c) -> two b c 1 1", two=2)
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h) * (1 + scale) + shift))
        return self.skip(x) + h


class Attention(nn.Module):
    """Self-attention over all places, which lets far parts of a glyph agree; starts at zero."""

    def __init__(self, channels, heads=4):
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(8, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x):
        q, k, v = rearrange(self.qkv(self.norm(x)), "b (three n c) h w -> three b n (h w) c", three=3, n=self.heads)
        # Written out: for 64 places the fused kernel's backward pass takes six times as long on a CPU.
        h = (q @ k.transpose(-1, -2) * k.shape[-1] ** -0.5).softmax(-1) @ v
        return x + self.out(rearrange(h, "b n (h w) c -> b (n c) h w", h=x.shape[2]))


class UNet(nn.Module):
    """Two resolutions, 16x16 and 8x8, on 2x2 patches of the picture.

    forward(x, c_noise, labels): x (B, 3, 32, 32); c_noise (B,); labels (B,) integers, `classes` for "no class".
    """

    def __init__(self, classes=36, width=64, deep=128, blocks=1, deep_blocks=3, embedding=192):
        super().__init__()
        self.classes = classes
        sizes = dict(width=width, deep=deep, blocks=blocks, deep_blocks=deep_blocks, embedding=embedding)
        self.config = dict(classes=classes, **sizes)
        self.noise = NoiseEmbedding(64)
        self.noise_mlp = nn.Linear(64, embedding)
        self.label = nn.Embedding(classes + 1, embedding)
        self.mlp = nn.Linear(embedding, embedding)
        self.patch = nn.Conv2d(12, width, 3, padding=1)
        self.down = nn.ModuleList(ResidualBlock(width, width, embedding) for _ in range(blocks))
        self.shrink = nn.Conv2d(width, deep, 3, padding=1, stride=2)
        self.deep = nn.ModuleList(ResidualBlock(deep, deep, embedding) for _ in range(deep_blocks))
        self.attention = nn.ModuleList(Attention(deep) for _ in range(deep_blocks))
        self.grow = nn.Conv2d(deep, width, 1)
        self.up = nn.ModuleList(ResidualBlock(2 * width, width, embedding) for _ in range(blocks + 1))
        self.norm = nn.GroupNorm(8, width)
        self.out = nn.Conv2d(width, 12, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x, c_noise, labels):
        embedding = F.silu(self.noise_mlp(self.noise(c_noise)) + self.label(labels))
        embedding = F.silu(self.mlp(embedding))
        h = self.patch(rearrange(x, "b c (h p) (w q) -> b (c p q) h w", p=2, q=2))
        skips = [h]
        for block in self.down:
            h = block(h, embedding)
            skips.append(h)
        h = self.shrink(h)
        for block, attention in zip(self.deep, self.attention, strict=True):
            h = attention(block(h, embedding))
        h = F.interpolate(self.grow(h), scale_factor=2.0, mode="nearest")
        for block in self.up:
            h = block(torch.cat([h, skips.pop()], 1), embedding)
        h = self.out(F.silu(self.norm(h)))
        return rearrange(h, "b (c p q) h w -> b c (h p) (w q)", p=2, q=2)
