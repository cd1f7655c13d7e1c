"""Train the embedded networks again: python -m seeds_samplers.demo.train

Everything random is a function of (seed, step), so that a run that was stopped goes on from its checkpoint as if it
had not been. Checkpoints are safetensors too.
"""

import argparse
import math
import sys
import time
from pathlib import Path

import torch
from torch.nn import functional as F
from tqdm import trange

from .classifier import Classifier, accuracy
from .denoiser import SIGMA_DATA, Denoiser
from .glyphs import HELD_OUT, Pool
from .network import UNet
from .weights import device_of, load_tensors, save_network, save_tensors

POOL = 36 * 1000  # masks in memory
RENEWED = 8  # masks replaced by new ones at every step
KEPT_EVERY = 250  # steps between checkpoints
LABEL_DROPOUT = 0.15
LOG_SIGMA = (-0.4, 1.6)  # mean and deviation: higher than EDM's, since a flat background is decided at large noise


def denoising_loss(network, images, labels, generator):
    """EDM's loss with log-normal noise levels; some labels are dropped, for guidance."""
    mean, deviation = LOG_SIGMA
    sigma = (mean + deviation * torch.randn(len(images), generator=generator)).exp().to(images.device)
    noise = torch.randn(images.shape, generator=generator).to(images.device)
    dropped = (torch.rand(len(images), generator=generator) < LABEL_DROPOUT).to(images.device)
    return Denoiser(network).loss(images, sigma, noise, labels.masked_fill(dropped, network.classes)).mean()


def classification_loss(network, images, labels, generator):
    """Cross entropy on pictures with a little noise, of the size that a sampler leaves."""
    noise = torch.randn(images.shape, generator=generator) * 0.1 * torch.rand(len(images), 1, 1, 1, generator=generator)
    return F.cross_entropy(network(images + noise.to(images.device)), labels, label_smoothing=0.05)


JOBS = {
    "model": dict(kind=UNet, loss=denoising_loss, images=960_000, batch=64, rate=1.5e-3),
    "classifier": dict(kind=Classifier, loss=classification_loss, images=512_000, batch=128, rate=2e-3),
}
METADATA = {"model": dict(sigma_data=SIGMA_DATA), "classifier": {}}


class Run:
    """One network, its running average, its optimiser, and how far it has come."""

    def __init__(self, kind, loss, images, batch, rate, seed, device):
        torch.manual_seed(seed)
        self.loss, self.batch, self.rate, self.seed = loss, batch, rate, seed
        self.steps, self.step, self.device = images // batch, 0, device
        self.network = kind().to(device, memory_format=torch.channels_last)
        self.average = kind().to(device).requires_grad_(False)
        self.average.load_state_dict(self.network.state_dict())
        self.optimizer = torch.optim.AdamW(self.network.parameters(), rate, betas=(0.9, 0.99), weight_decay=0.01)

    def train_step(self, pool):
        """One gradient step; returns the loss as a tensor."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.step)
        images, labels = pool.draw(self.batch, generator)
        images = images.to(self.device, memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16):
            loss = self.loss(self.network, images, labels.to(self.device), generator)
        warm, left = min(1, (self.step + 1) / 300), 0.5 + 0.5 * math.cos(math.pi * self.step / self.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * warm * left
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        keep = min(0.9993, (1 + self.step) / (20 + self.step))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), 1 - keep)
        self.step += 1
        return loss.detach()

    def state(self):
        """All tensors of the run by name."""
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        for k, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{k}.{name}": value for name, value in values.items()}
        return tensors

    def save(self, path, **metadata):
        save_tensors(path, self.state(), step=self.step, steps=self.steps, seed=self.seed, **metadata)

    def load(self, path):
        """Go on from a checkpoint; returns its metadata."""
        tensors, metadata = load_tensors(path)
        if (metadata.get("steps"), metadata.get("seed")) != (self.steps, self.seed):
            raise ValueError(f"{path}: a checkpoint of another run (seed or number of images differ); move it away")
        part = {name: {} for name in ("network", "average", "optimizer")}
        for name, tensor in tensors.items():
            head, rest = name.split(".", 1)
            part[head][rest] = tensor
        self.network.load_state_dict(part["network"])
        self.average.load_state_dict(part["average"])
        state = self.optimizer.state_dict()
        for name, tensor in part["optimizer"].items():
            k, key = name.split(".")
            state["state"].setdefault(int(k), {})[key] = tensor
        self.optimizer.load_state_dict(state)
        self.step = metadata["step"]
        return metadata


def train(name, seed, images, out, device):
    """Train one of JOBS and write `out/name.safetensors`, with a checkpoint beside it; returns the averaged network."""
    job = JOBS[name] | ({} if images is None else {"images": images})
    if job["images"] < job["batch"]:
        raise ValueError(f"images: {images}; expected at least a batch, {job['batch']}")
    run, checkpoint = Run(**job, seed=seed, device=device), out / f"{name}.checkpoint.safetensors"
    losses, seconds = [], 0.0
    if checkpoint.exists():
        metadata = run.load(checkpoint)
        losses, seconds = metadata["losses"], metadata["seconds"]
    pool, started = Pool(seed, POOL, run.step * RENEWED), time.monotonic() - seconds
    window, bar = [], trange(run.step, run.steps, initial=run.step, total=run.steps, desc=name, unit="step")
    for _ in bar:
        window.append(run.train_step(pool))
        pool.advance(RENEWED)
        if run.step % KEPT_EVERY == 0 or run.step == run.steps:
            losses.append(round(torch.stack(window).mean().item(), 5))
            window, seconds = [], time.monotonic() - started
            bar.set_postfix(loss=losses[-1])
            run.save(checkpoint, losses=losses, seconds=seconds)
            save_network(out / f"{name}.safetensors", run.average, **METADATA[name], seed=seed, step=run.step)
    print(f"{name}: {run.steps} steps, {run.steps * run.batch} images, {seconds / 60:.0f} min, final loss {losses[-1]}")
    return run.average


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m seeds_samplers.demo.train", description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=[*JOBS, "all"], default="all", help="what to train")
    parser.add_argument("--images", type=int, help="training images (default: as for the shipped weights)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("training"), help="folder of weights and checkpoints")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(arguments)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        device = device_of(options.device)
        for name in JOBS if options.network == "all" else [options.network]:
            network = train(name, options.seed, options.images, options.out, device)
            if name == "classifier":
                images, labels = Pool(options.seed, 3600, HELD_OUT).all(torch.Generator().manual_seed(options.seed))
                print(
                    f"classifier: recognises {accuracy(network.cpu(), images, labels):.2%} of {len(labels)} new images"
                )
    except (ValueError, OSError) as error:
        sys.exit(f"train: {error}")


if __name__ == "__main__":
    main()
