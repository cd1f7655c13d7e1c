"""Train the embedded networks again: python -m seeds_samplers.demo.train

Everything random is a function of (seed, step), so that a run that was stopped goes on from its checkpoint as if it
had not been. Checkpoints are safetensors too.
"""

import argparse
import math
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch.nn import functional as F
from tqdm import trange

from .classifier import Classifier, accuracy
from .denoiser import SIGMA_DATA, Denoiser
from .files import device_of, load_tensors, save_network, save_tensors
from .glyphs import CALM, HELD_OUT, WIDE, Pool, Variety
from .network import UNet

POOL = 36 * 1000  # masks in memory
RENEWED = 8  # masks replaced by new ones at every step
KEPT_EVERY = 250  # steps between checkpoints
LABEL_DROPOUT = 0.15


@dataclass(frozen=True)
class Phase:
    """A stretch of training: the learning rate warms up to `rate` and falls to 0 along half a cosine."""

    images: int
    rate: float
    variety: Variety
    log_sigma: tuple[float, float] = (0.0, 0.0)  # mean and deviation of the noise levels' logarithm


def denoising_loss(network, images, labels, generator, phase):
    """EDM's loss with log-normal noise levels; some labels are dropped, for guidance."""
    mean, deviation = phase.log_sigma
    sigma = (mean + deviation * torch.randn(len(images), generator=generator)).exp().to(images.device)
    noise = torch.randn(images.shape, generator=generator).to(images.device)
    dropped = (torch.rand(len(images), generator=generator) < LABEL_DROPOUT).to(images.device)
    return Denoiser(network).loss(images, sigma, noise, labels.masked_fill(dropped, network.classes)).mean()


def classification_loss(network, images, labels, generator, phase):
    """Cross entropy on pictures with a little noise, of the size that a sampler leaves."""
    noise = torch.randn(images.shape, generator=generator) * 0.1 * torch.rand(len(images), 1, 1, 1, generator=generator)
    return F.cross_entropy(network(images + noise.to(images.device)), labels, label_smoothing=0.05)


# The model sees every variety first, at noise levels higher than EDM's, since a flat background is decided at large
# noise; then the calmer variety that it is to draw, and more of the levels at which a glyph takes its shape.
JOBS = {
    "model": dict(
        kind=UNet,
        loss=denoising_loss,
        batch=64,
        phases=(Phase(960_000, 1.5e-3, WIDE, (-0.4, 1.6)), Phase(384_000, 1e-3, CALM, (0.2, 1.4))),
    ),
    "classifier": dict(kind=Classifier, loss=classification_loss, batch=128, phases=(Phase(512_000, 2e-3, WIDE),)),
}
METADATA = {"model": dict(sigma_data=SIGMA_DATA), "classifier": {}}


class Run:
    """One network, its running average, its optimiser, and how far it has come."""

    def __init__(self, kind, loss, batch, phases, seed, device):
        torch.manual_seed(seed)
        self.loss, self.batch, self.phases, self.seed = loss, batch, phases, seed
        self.steps, self.step, self.device = sum(phase.images // batch for phase in phases), 0, device
        self.network = kind().to(device, memory_format=torch.channels_last)
        self.average = kind().to(device).requires_grad_(False)
        self.average.load_state_dict(self.network.state_dict())
        self.optimizer = torch.optim.AdamW(self.network.parameters(), 1.0, betas=(0.9, 0.99), weight_decay=0.01)

    def phase(self):
        """The phase that the next step belongs to, the step's number in it, and how many steps it has."""
        step = self.step
        for phase in self.phases:
            steps = phase.images // self.batch
            if step < steps:
                return phase, step, steps
            step -= steps
        return phase, steps, steps

    def train_step(self, pool):
        """One gradient step; returns the loss as a tensor."""
        phase, step, steps = self.phase()
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.step)
        images, labels = pool.draw(self.batch, generator)
        images = images.to(self.device, memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16):
            loss = self.loss(self.network, images, labels.to(self.device), generator, phase)
        for group in self.optimizer.param_groups:
            group["lr"] = phase.rate * min(1, (step + 1) / 300) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        keep = min(0.9993, (1 + self.step) / (20 + self.step))
        with torch.no_grad():
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
    job = dict(JOBS[name])
    if images is not None:
        job["phases"] = tuple(replace(phase, images=images) for phase in job["phases"])
    if min(phase.images for phase in job["phases"]) < job["batch"]:
        raise ValueError(f"images: {images}; expected at least a batch, {job['batch']}")
    run, checkpoint = Run(**job, seed=seed, device=device), out / f"{name}.checkpoint.safetensors"
    losses, seconds = [], 0.0
    if checkpoint.exists():
        metadata = run.load(checkpoint)
        losses, seconds = metadata["losses"], metadata["seconds"]
    started, pool, window = time.monotonic() - seconds, None, []
    bar = trange(run.step, run.steps, initial=run.step, total=run.steps, desc=name, unit="step")
    for _ in bar:
        variety = run.phase()[0].variety
        if pool is None or pool.variety != variety:
            pool = Pool(seed, POOL, run.step * RENEWED, variety)
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
    parser.add_argument("--images", type=int, help="images in each phase (default: as for the shipped weights)")
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
