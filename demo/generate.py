"""Many images, one file for each seed, on any number of processes: python -m seeds_samplers.demo.generate

`torchrun --nproc_per_node=N -m seeds_samplers.demo.generate` shares the seeds out among N of them. An image is a
function of its seed and of the settings, so that neither N nor the batch size changes it, and a run that was stopped
goes on with what is missing.
"""

import argparse
import sys
import time
import traceback
from itertools import chain
from pathlib import Path

import torch
from tqdm import tqdm

from .draw import Request, draw_batch
from .errors import reason_of
from .files import device_of
from .folder import FORMATS, Folder, check_format
from .glyphs import GLYPHS, labels_of
from .options import add_sampler_options, real, table, whole, with_options
from .ranks import Failed, Ranks
from .seeds import Seeds, ranges_of
from .source import FIELDS, KINDS, source_of
from .watched import ModelFailed

MOST_LABELS = 1_000_000
NOT_OF_THE_IMAGES = ("prompt", "count", "seed", "batch_size", "noise_device")  # what of a Request is no setting here
OUT_OF_MEMORY = (MemoryError, torch.cuda.OutOfMemoryError)


class Parser(argparse.ArgumentParser):
    """Raises ValueError for options that it does not understand: one rank is to say so, and all of them to end."""

    def error(self, message):
        raise ValueError(message)


def build_parser():
    name = "python -m seeds_samplers.demo.generate"
    about = dict(description=__doc__.split(": ")[0], argument_default=argparse.SUPPRESS, add_help=False)
    parser = Parser(prog=name, **about)
    parser.add_argument("-h", "--help", action="store_true", help="show this text and exit")
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
    parser.add_argument("--debug", action="store_true", help="show the traceback of what goes wrong")
    add_sampler_options(parser.add_argument_group("the sampler"), Request(), cfg="2; of a model of yours 1")
    add_model_options(parser)
    return parser


def add_model_options(parser):
    """The options that say which model draws."""
    model = parser.add_argument_group("the model", "What is left out is read from the model, or its checkpoint.")
    model.add_argument("--model", default="embedded", help=f"{KINDS} (default: embedded)")
    model.add_argument("--config", metavar="FILE.json", help="of a k-diffusion checkpoint")
    model.add_argument("--shape", type=whole, nargs=3, metavar=("C", "H", "W"), help="of an image")
    model.add_argument("--sigma-min", type=real, help="least noise level")
    model.add_argument("--sigma-max", type=real, help="greatest noise level")
    model.add_argument("--sigma-data", type=real, help="standard deviation of the data (default: the model's, or 1)")
    model.add_argument("--classes", type=whole, help="how many; 0: none (default: the model's, or 0)")
    model.add_argument("--class-argument", help="the model's argument for labels (default: the model's, or class_cond)")


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
    ranges = ranges_of("labels", options["labels"], source.classes - 1)
    if sum(map(len, ranges)) > MOST_LABELS:
        raise ValueError(f"labels: {options['labels']!r}; expected at most {MOST_LABELS} numbers")
    return list(chain(*ranges))


class Job:
    """What the options ask for, checked: a source that has drawn an image on `device`, a request, labels, a folder."""

    def __init__(self, options, ranks):
        self.seeds = Seeds(ranges_of("seeds", options["seeds"], 2**64 - 1))
        self.device = device_for(options, ranks)
        given = {field: options[field] for field in FIELDS if field in options}
        source = source_of(options["model"], options.get("config"), **given)
        self.identity, self.unknown = source.identity() if ranks.rank == 0 else (source.name, "")
        self.source = source.on(self.device)
        self.labels = labels_for(self.source, options)
        default = Request(prompt=GLYPHS, count=1, cfg=2.0 if self.source.name == "embedded" else 1.0)
        self.request = with_options(default, options, self.source.levels)
        self.folder = Folder(Path(options["out"]), check_format(options["format"], self.source.shape[0]))
        self.source.try_out(self.device, self.request.cfg)

    def settings(self):
        """All that decides the image of a seed, as plain values."""
        source = self.source
        settings = {"model": self.identity, "shape": list(source.shape), **source.levels._asdict()}
        settings |= {"classes": source.classes, "class_argument": source.class_argument, "labels": self.labels}
        changed = revision(self.request)
        settings |= {"format": self.folder.form} | of_the_images(self.request)
        return settings | ({"revision": changed} if changed > 1 else {})

    def read(self, saved):
        """Settings of a folder, as this or an earlier version wrote them, in today's form."""
        request, others = Request.from_fields(saved, self.source.levels)
        saved = {name: saved[name] for name in others} | of_the_images(request)
        if saved.get("model") == self.source.name != self.identity:
            saved["model"] = self.identity
            self.unknown = self.unknown or f"an earlier version has not written its digest to {self.folder.path}"
        return saved

    def missing(self):
        """What the folder lacks of the seeds; a line on stderr where it is not known that the model is the folder's."""
        missing = self.folder.open(self.settings(), self.seeds, self.read)
        if self.unknown:
            advice = "if it has changed, use another folder"
            print(f"note: model {self.source.name}: {self.unknown}; {advice}", file=sys.stderr, flush=True)
        return missing

    def label_of(self, seed):
        """The label of a seed's image; 0, which nobody reads, where there are no classes."""
        return self.labels[seed % len(self.labels)] if self.labels else 0

    def batch(self, seeds, progress):
        """Draw and write the images of some seeds."""
        labels = [self.label_of(seed) for seed in seeds]
        try:
            images = draw_batch(self.source, self.request, seeds, labels, self.device, progress)
        except ModelFailed as error:
            if len(seeds) == 1 or not isinstance(error.__cause__, OUT_OF_MEMORY):
                raise
            raise ModelFailed(f"{error}; a smaller --batch-size needs less") from error.__cause__
        except (RuntimeError, MemoryError) as error:  # of which torch makes the lack of memory
            raise ValueError(f"batch-size: {len(seeds)}, images of {self.source.shape}: {reason_of(error)}") from error
        for seed, image in zip(seeds, images, strict=True):
            self.folder.write(seed, image)

    def draw(self, missing, ranks):
        """Draw and write this rank's share of the missing images; how many, and the seconds that it took."""
        started, size, drawn = time.monotonic(), self.request.batch_size, 0
        name = f"{self.request.sampler}, rank {ranks.rank} of {ranks.count}"
        total = self.request.steps * -(-len(range(ranks.rank, len(missing), ranks.count)) // size)
        with tqdm(total=total, desc=name, unit="step", disable=ranks.rank > 0 or not total) as bar:
            for seeds in missing.batches(ranks.rank, ranks.count, size):
                self.batch(seeds, bar.update)
                drawn += len(seeds)
        return drawn, time.monotonic() - started


def revision(request):
    """Which one of the formulas that these settings have had draws the images: a folder has those of one."""
    other_3b = request.options.get("variant") == "3b" and request.options.get("r_2") != 2 / 3
    return 2 if request.sampler == "SEEDS-M" or (request.sampler == "SEEDS-3" and other_3b) else 1


def of_the_images(request):
    """What of a request decides the image of a seed, by name."""
    return {name: value for name, value in request.as_fields().items() if name not in NOT_OF_THE_IMAGES}


def speeds(done):
    """A table of (images, seconds) of each rank, and of the whole."""
    total = sum(images for images, _ in done), max(seconds for _, seconds in done)
    rows = [("rank", "images", "seconds", "images/s")]
    for name, (images, seconds) in [*enumerate(done), ("all", total)]:
        rows.append((str(name), str(images), f"{seconds:.1f}", f"{images / seconds:.2f}" if images else "-"))
    return table(rows)


def generate(arguments, ranks):
    """Draw what is missing; the text that says what was done. Failed, on every rank, where it cannot be."""
    parser = build_parser()
    options = ranks.together(lambda: vars(parser.parse_args(arguments)))
    if "help" in options:
        return parser.format_help().rstrip()
    job = ranks.in_turn(lambda: Job(options, ranks))
    missing = ranks.of_first(job.missing)
    done = ranks.all(ranks.together(lambda: job.draw(missing, ranks)))
    there = f"{job.folder.path}: {len(missing)} images drawn, {len(job.seeds) - len(missing)} were there"
    return "\n".join([*speeds(done), there])


def main(arguments=None):
    arguments, ranks = sys.argv[1:] if arguments is None else arguments, Ranks()
    try:
        text, stream, code = generate(arguments, ranks), sys.stdout, 0
    except Failed as error:
        text, stream, code = f"generate: {error}", sys.stderr, 2
        if "--debug" in arguments and ranks.rank == error.rank:
            traceback.print_exception(error.__cause__)
    except KeyboardInterrupt:
        sys.exit(130)
    if ranks.rank == 0:
        print(text, file=stream, flush=True)
    ranks.all(None)  # torchrun ends the others as soon as one has failed: not before the line is said
    ranks.close()
    sys.exit(code)


if __name__ == "__main__":
    main()
