"""Many images, one file for each seed, on any number of processes: python -m seeds_samplers.demo.generate

`torchrun --nproc_per_node=N -m seeds_samplers.demo.generate` shares the seeds out among N of them. An image is a
function of its seed and of the settings, so that neither N nor the batch size changes it, and a run that was stopped
goes on with what is missing.
"""

import argparse
import contextlib
import os
import re
import sys
import time
from pathlib import Path

import torch
from tqdm import tqdm

from .draw import Request, draw_batch
from .files import device_of
from .folder import FORMATS, Folder, check_format
from .glyphs import GLYPHS, labels_of
from .options import add_sampler_options, real, table, whole, with_options
from .ranks import Failed, Ranks
from .source import FIELDS, KINDS, source_of

MOST_NUMBERS = 10_000_000
NOT_OF_THE_IMAGES = ("prompt", "count", "seed", "batch_size")  # the fields of a Request that are no settings here


class Parser(argparse.ArgumentParser):
    """Raises ValueError for options that it does not understand: one rank is to say so, and all of them to end."""

    def error(self, message):
        raise ValueError(message)


def build_parser():
    name = "python -m seeds_samplers.demo.generate"
    parser = Parser(prog=name, description=__doc__.split(": ")[0], argument_default=argparse.SUPPRESS)
    parser.add_argument("--seeds", default="0-63", help="numbers and ranges, one image each (default: 0-63)")
    labels = parser.add_mutually_exclusive_group()
    labels.add_argument(
        "--prompt", help="embedded model: the image of seed s is glyph s modulo its length (default: all)"
    )
    labels.add_argument(
        "--labels", help="numbers and ranges: the image of seed s has label s modulo how many (default: all)"
    )
    parser.add_argument("--out", default="generated", metavar="FOLDER", help="where to (default: generated)")
    parser.add_argument("--format", default="png", help=f"{', '.join(FORMATS)}: float32 (C, H, W) (default: png)")
    parser.add_argument(
        "--device", help="torch device (default: cuda, a GPU for each process of a machine, or else cpu)"
    )
    add_sampler_options(parser.add_argument_group("the sampler"), Request(), cfg="2; of a model of yours 1")
    model = parser.add_argument_group("the model", "What is left out is read from the model, or its checkpoint.")
    model.add_argument("--model", default="embedded", help=f"{KINDS} (default: embedded)")
    model.add_argument("--config", metavar="FILE.json", help="of a k-diffusion checkpoint")
    model.add_argument("--shape", type=whole, nargs=3, metavar=("C", "H", "W"), help="of an image")
    model.add_argument("--sigma-min", type=real, help="least noise level")
    model.add_argument("--sigma-max", type=real, help="greatest noise level")
    model.add_argument("--sigma-data", type=real, help="standard deviation of the data (default: the model's, or 1)")
    model.add_argument("--classes", type=whole, help="how many; 0: none (default: the model's, or 0)")
    model.add_argument("--class-argument", help="the model's argument for labels (default: the model's, or class_cond)")
    return parser


def numbers_of(name, text, most):
    """The list of numbers that "0-63,70" stands for; ValueError where one is above `most`."""
    numbers = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,20})\s*(?:-\s*([0-9]{1,20})\s*)?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last <= most:
            raise ValueError(f"{name}: {text!r}; expected numbers up to {most} and ranges of them, such as 0-3,7")
        if len(numbers) + last - first >= MOST_NUMBERS:
            raise ValueError(f"{name}: {text!r}; expected at most {MOST_NUMBERS} numbers")
        numbers.extend(range(first, last + 1))
    return numbers


def device_for(options, ranks):
    """The device of this process: of several GPUs each process of a machine has its own."""
    name = options.get("device", "cuda" if torch.cuda.is_available() else "cpu")
    device = device_of(f"cuda:{ranks.local}" if name == "cuda" else name)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def labels_for(source, options):
    """The labels that the seeds go through, each below source.classes; an empty list where there are no classes."""
    if "prompt" in options:
        if source.name != "embedded":
            raise ValueError(f"prompt: {options['prompt']!r}; expected --labels, glyphs are for the embedded model")
        return labels_of(options["prompt"])
    if "labels" not in options:
        return list(range(source.classes))
    if not source.classes:
        raise ValueError(f"labels: {options['labels']!r}; expected none, the model has no classes")
    return numbers_of("labels", options["labels"], source.classes - 1)


class Job:
    """What the options ask for, checked: a source that has drawn an image on `device`, a request, labels, a folder."""

    def __init__(self, options, ranks):
        self.seeds = list(dict.fromkeys(numbers_of("seeds", options["seeds"], 2**64 - 1)))
        self.device = device_for(options, ranks)
        given = {field: options[field] for field in FIELDS if field in options}
        self.source = source_of(options["model"], options.get("config"), **given).on(self.device)
        self.labels = labels_for(self.source, options)
        default = Request(prompt=GLYPHS, count=1, cfg=2.0 if self.source.name == "embedded" else 1.0)
        self.request = with_options(default, options, self.source.levels)
        self.folder = Folder(Path(options["out"]), check_format(options["format"], self.source.shape[0]))
        self.source.try_out(self.device, self.request.cfg)

    def settings(self):
        """All that decides the image of a seed, as plain values."""
        source = self.source
        settings = {"model": source.name, "shape": list(source.shape), **source.levels._asdict()}
        settings |= {"classes": source.classes, "class_argument": source.class_argument, "labels": self.labels}
        settings["format"] = self.folder.form
        fields = self.request.as_fields().items()
        return settings | {name: value for name, value in fields if name not in NOT_OF_THE_IMAGES}

    def label_of(self, seed):
        """The label of a seed's image; 0, which nobody reads, where there are no classes."""
        return self.labels[seed % len(self.labels)] if self.labels else 0

    def batch(self, seeds, progress):
        """Draw and write the images of some seeds."""
        labels = [self.label_of(seed) for seed in seeds]
        try:
            images = draw_batch(self.source, self.request, seeds, labels, self.device, progress)
        except torch.cuda.OutOfMemoryError as error:
            raise ValueError(f"batch-size: {len(seeds)}; expected fewer, {self.device} has no more memory") from error
        for seed, image in zip(seeds, images, strict=True):
            self.folder.write(seed, image)

    def draw(self, seeds, ranks):
        """Draw and write the images of this rank's seeds; how many, and the seconds that it took."""
        started, size = time.monotonic(), self.request.batch_size
        batches = [seeds[start : start + size] for start in range(0, len(seeds), size)]
        name = f"{self.request.sampler}, rank {ranks.rank} of {ranks.count}"
        total = self.request.steps * len(batches)
        with tqdm(total=total, desc=name, unit="step", disable=ranks.rank > 0 or not batches) as bar:
            for batch in batches:
                self.batch(batch, bar.update)
        return len(seeds), time.monotonic() - started


def speeds(done):
    """A table of (images, seconds) of each rank, and of the whole."""
    total = sum(images for images, _ in done), max(seconds for _, seconds in done)
    rows = [("rank", "images", "seconds", "images/s")]
    for name, (images, seconds) in [*enumerate(done), ("all", total)]:
        rows.append((str(name), str(images), f"{seconds:.1f}", f"{images / seconds:.2f}" if images else "-"))
    return table(rows)


def generate(arguments, ranks):
    """Draw what is missing; the text that says what was done. Failed, on every rank, where it cannot be."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere if ranks.rank else sys.stdout):
        options = ranks.together(lambda: vars(build_parser().parse_args(arguments)))  # --help is said once
    job = ranks.in_turn(lambda: Job(options, ranks))
    missing = ranks.of_first(lambda: job.folder.open(job.settings(), job.seeds))
    done = ranks.all(ranks.together(lambda: job.draw(missing[ranks.rank :: ranks.count], ranks)))
    there = f"{job.folder.path}: {len(missing)} images drawn, {len(job.seeds) - len(missing)} were there"
    return "\n".join([*speeds(done), there])


def main(arguments=None):
    ranks = Ranks()
    try:
        text, stream, code = generate(arguments, ranks), sys.stdout, 0
    except Failed as error:
        text, stream, code = f"generate: {error}", sys.stderr, 2
    except KeyboardInterrupt:
        sys.exit(130)
    if ranks.rank == 0:
        print(text, file=stream, flush=True)
    ranks.all(None)  # torchrun ends the others as soon as one has failed: not before the line is said
    ranks.close()
    sys.exit(code)


if __name__ == "__main__":
    main()
