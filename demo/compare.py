"""seeds compare: samplers at equal model calls, each against the picture that it converges to."""

import argparse
import hashlib
import importlib.metadata
import inspect
import io
import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from tqdm import tqdm

from ..sampling import SAMPLERS
from ..sampling.checks import choice, whole_number
from .cells import Comparison
from .draw import SCHEDULES, initial_latent
from .files import device_of, load_tensors, save_tensors, write_whole
from .generate import add_model_options, labels_for
from .grid import check_target
from .kdiffusion import (
    ODE,
    SDE,
    Sampler,
    path_for,
    read_option,
    readers_of,
    readers_of_ours,
    split_name,
    takes_noise,
)
from .options import real, whole
from .report import csv_of, text_of
from .source import FIELDS, source_of

OUR_SAMPLERS = ("SEEDS-M", "SEEDS-2", "ER-SDE")
SHOWN = 5  # images in a cell of the grid
REVISION = 1  # changes with the formulas: cells of another one are drawn again


def add_compare(commands):
    """The subcommand's options."""
    parser = commands.add_parser(
        "compare",
        help="measure samplers at equal model calls",
        description="Draw the same images with several samplers, each with the steps that the model calls allow, and "
        "measure how far each is from the picture that it converges to. Run it again to draw only what is missing.",
        argument_default=argparse.SUPPRESS,
    )
    names = ", ".join(SAMPLERS)
    parser.add_argument(
        "--samplers", nargs="+", metavar="NAME", default=OUR_SAMPLERS,
        help=f"{names}, or k:NAME for one of k-diffusion; with options in quotes: 'SEEDS-2 variant=2s eta=0.5' "
        f"(default: {' '.join(OUR_SAMPLERS)})",
    )  # fmt: skip
    parser.add_argument("--schedules", nargs="+", default=["seeds"], help=f"{', '.join(SCHEDULES)} (default: seeds)")
    parser.add_argument(
        "--model-calls", nargs="+", type=whole, default=[8, 12, 20], metavar="N", help="the budgets (default: 8 12 20)"
    )
    parser.add_argument("--reference-calls", type=whole, default=500, help="of the references (default: 500)")
    labels = parser.add_mutually_exclusive_group()
    labels.add_argument("--prompt", help="embedded model: the glyphs, in turn (default: SEEDS)")
    labels.add_argument("--labels", help="numbers and ranges: the labels of the images, in turn (default: all)")
    parser.add_argument("--images", type=whole, default=10, help="how many (default: 10)")
    parser.add_argument("--seed", type=whole, default=3000, help="the first image's; the next has seed + 1")
    parser.add_argument("--cfg", type=real, help="strength of guidance, 1: none (default: 2; of a model of yours 1)")
    parser.add_argument("--batch-size", type=whole, default=16, help="images at a time (default: 16)")
    parser.add_argument("--device", default="cpu", help="torch device (default: cpu)")
    parser.add_argument("--out", default="compare.png", metavar="FILE.png", help="grid and chart")
    parser.add_argument("--csv", default="compare.csv", metavar="FILE.csv", help="the table; cells are kept next to it")
    add_model_options(parser)


def sampler_of(text, levels):
    """The Sampler of 'NAME option=value ...'; ValueError naming what is not known."""
    name, given = split_name(text)
    if name.startswith("k:"):
        function = k_function(name)
        readers = readers_of(function)
    else:
        name = choice("samplers", {one.lower(): one for one in SAMPLERS}.get(name.lower(), name), SAMPLERS)
        function, readers = SAMPLERS[name], readers_of_ours(name)
    values = {option: read_option(name, readers, option, value) for option, value in given.items()}
    if "sigma_data" in inspect.signature(function).parameters:
        values["sigma_data"] = levels.sigma_data
    return Sampler(" ".join([name, *text.split()[1:]]), function, values)


def k_function(name):
    """k-diffusion's sampler of k:NAME; ValueError where it is not there, or runs over no list of levels."""
    try:
        from k_diffusion import sampling
    except ImportError as error:
        needed = "expected k-diffusion to be installed, pip install 'seeds-samplers[k-diffusion]'"
        raise ValueError(f"samplers: {name}; {needed} ({error})") from error
    found = {key.removeprefix("sample_"): value for key, value in vars(sampling).items() if key.startswith("sample_")}
    usable = {f"k:{key}": value for key, value in found.items() if "sigmas" in inspect.signature(value).parameters}
    return usable[choice("samplers", name, usable)]


class Files:
    """Cells in a folder, a file each, named by a digest of what decides them."""

    def __init__(self, folder):
        self.folder = folder

    def file_of(self, settings):
        text = json.dumps(settings, sort_keys=True, default=str)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:20]}.safetensors"

    def load(self, settings):
        """{image: (latent, seconds)}; nothing where there is no such file, or one that cannot be read."""
        path = self.file_of(settings)
        if not path.exists():
            return {}
        try:
            tensors, metadata = load_tensors(path)
            return {name: (tensor, metadata["seconds"][name]) for name, tensor in tensors.items()}
        except (ValueError, KeyError, TypeError, SafetensorError):
            return {}  # it is drawn again

    def add(self, settings, pictures):
        """Write more pictures of a cell."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"csv: {self.folder}; expected a place for a folder ({error.strerror})") from error
        every = self.load(settings) | pictures
        tensors = {name: tensor for name, (tensor, _) in every.items()}
        seconds = {name: seconds for name, (_, seconds) in every.items()}
        save_tensors(self.file_of(settings), tensors, seconds=seconds, settings=settings)


class Drawing:
    """What cells.Comparison asks of a host: a model of the command line, and images by seed and label."""

    schedule = "uniform-lambda"

    def __init__(self, source, labels, options, device):
        self.source, self.device = source.on(device), device
        default = 2.0 if source.name == "embedded" else 1.0
        self.cfg, self.batch_size = (
            options.get("cfg", default),
            whole_number("batch-size", options["batch_size"], least=1),
        )
        first = whole_number("seed", options["seed"], least=0, most=2**64 - 1)
        count = whole_number("images", options["images"], least=2, most=10_000)
        seeds = [(first + i) % 2**64 for i in range(count)]
        self.of_image = {
            f"{seed} {labels[i % len(labels)]}": (seed, labels[i % len(labels)]) for i, seed in enumerate(seeds)
        }
        self.images, self.levels = list(self.of_image), (source.levels.sigma_min, source.levels.sigma_max)
        self.identity, self.unknown = source.identity()
        self.references = {
            SDE: sampler_of("SEEDS-2 variant=2s", source.levels),
            ODE: sampler_of("SEEDS-3 eta=0", source.levels),
        }
        self.source.try_out(device, self.cfg)

    def sigmas(self, schedule, steps):
        return SCHEDULES[schedule](steps, *self.levels)

    def settings(self, run):
        sampler, source = run.sampler, self.source
        module = inspect.getmodule(sampler.function).__name__.partition(".")[0]
        version = importlib.metadata.version("k-diffusion") if module == "k_diffusion" else ""
        return {
            "revision": REVISION, "model": self.identity, "shape": list(source.shape), **source.levels._asdict(),
            "classes": source.classes, "class_argument": source.class_argument, "cfg": self.cfg,
            "sampler": sampler.function.__name__, "version": version, "options": sampler.options,
            "schedule": run.schedule, "steps": run.steps,
        }  # fmt: skip

    def chunks(self, images):
        return [images[i : i + self.batch_size] for i in range(0, len(images), self.batch_size)]

    def draw(self, run, images):
        seeds, labels = zip(*(self.of_image[image] for image in images), strict=True)
        sigmas = self.sigmas(run.schedule, run.steps)
        x = torch.stack([initial_latent(seed, self.device, self.source.shape) for seed in seeds]) * sigmas[0].item()
        sampler, noise = run.sampler, None
        if takes_noise(sampler.function):
            noise = path_for(sampler.function, sampler.options, x, seeds, "karras")
        extra_args = self.source.arguments(torch.tensor(labels, device=self.device), self.cfg)
        with torch.no_grad():
            x = sampler(self.source.model, x, sigmas.to(x), noise, extra_args=extra_args).float().cpu()
        if not x.isfinite().all():
            raise ValueError(f"samplers: {sampler.name} with {run.steps} steps of {run.schedule} made images of NaN")
        return x

    def pictures(self, latents):
        """(H, W, 3) uint8 at three times the size; other channels than three: the first as grey."""
        latents = latents if latents.shape[1] == 3 else latents[:, :1].expand(-1, 3, -1, -1)
        pixels = ((latents.clamp(-1, 1) + 1) * 127.5).round().byte()
        scale = max(1, 72 // pixels.shape[-1])
        return list(pixels.repeat_interleave(scale, 2).repeat_interleave(scale, 3).movedim(1, -1).numpy())


def compare(options):
    """Draw and measure; the text that says what was found."""
    out, table = check_target(options["out"]), Path(options["csv"])
    if table.suffix.lower() != ".csv" or not table.parent.is_dir():
        raise ValueError(f"csv: {table}; expected a name that ends in .csv, in a folder that exists")
    from .pictures import chart, grid_of, stacked

    source = source_of(options["model"], options.get("config"), **{f: options[f] for f in FIELDS if f in options})
    if source.name == "embedded" and not {"prompt", "labels"} & set(options):
        options["prompt"] = "SEEDS"
    host = Drawing(source, labels_for(source, options) or [0], options, device_of(options["device"]))
    samplers = [sampler_of(text, source.levels) for text in dict.fromkeys(options["samplers"])]
    schedules = [choice("schedules", name, SCHEDULES) for name in dict.fromkeys(options["schedules"])]
    budgets = list(dict.fromkeys(options["model_calls"]))
    store = Files(table.with_suffix(".cells"))
    comparison = Comparison(host, samplers, schedules, budgets, options["reference_calls"], store)
    with tqdm(total=comparison.model_calls(), unit="call", smoothing=0.1) as bar:

        def progress(run, calls):
            bar.set_description(f"{run.sampler.name}, {run.schedule}, {run.calls} calls")
            bar.update(calls)

        try:
            comparison.draw(progress)
        except KeyboardInterrupt:
            bar.close()
            print(f"stopped; {store.folder} keeps what is drawn, run it again to go on", flush=True)
            raise
    rows, png = comparison.rows(), io.BytesIO()
    picture = stacked(grid_of(comparison, slice(0, SHOWN), host.pictures, 15), chart(rows))
    picture.save(png, format="PNG")
    write_whole(out, png.getvalue())
    write_whole(table, csv_of(rows).encode())
    note = [f"note: model {source.name}: {host.unknown}"] if host.unknown else []
    return "\n".join([text_of(rows, comparison.doubts()), *note, f"{out}, {table}"])
