"""What is drawn, and drawing it: a request's fields, checked one by one, and the images that follow from them alone."""

import inspect
from dataclasses import asdict, dataclass, fields, replace

import torch

from ..sampling import SAMPLERS, sigmas_karras, sigmas_seeds, sigmas_uniform_lambda
from ..sampling.checks import choice, number, whole_number
from ..sampling.normals import key_of
from .glyphs import SIZE, labels_of
from .source import Levels, Source

SCHEDULES = {"karras": sigmas_karras, "uniform-lambda": sigmas_uniform_lambda, "seeds": sigmas_seeds}
MOST_IMAGES = 8000  # a larger grid would have more pixels than Pillow reads back without a warning
MOST_STEPS = 10_000
EMBEDDED = Levels()
FRACTIONS = ("r", "r_1", "r_2")  # the options that --r fills, in this order


@dataclass(frozen=True)
class Request:
    """Everything that decides the picture: a row of the prompt's glyphs, `count` times. None: the sampler's default."""

    prompt: str = "SEEDS"
    count: int = 8
    sampler: str = "SEEDS-2"
    steps: int = 20
    schedule: str = "karras"
    eta: float = 1.0
    s_noise: float = 1.0
    prediction: str = "data"
    variant: str | None = None
    r: list | None = None
    cfg: float = 2.0
    seed: int = 3000
    batch_size: int = 64

    @classmethod
    def from_fields(cls, values):
        """A checked request from a dict; ValueError where a field is unknown, missing, or not what it should be."""
        names = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or set(values) != names:
            raise ValueError(f"parameters: expected an object with exactly the fields {', '.join(sorted(names))}")
        return cls(**values).checked()

    def checked(self, levels=EMBEDDED):
        """This request with its fields in their plain types; ValueError naming the first that does not fit.

        levels: those of the model that is to draw.
        """
        if not isinstance(self.prompt, str):
            raise ValueError(f"prompt: {self.prompt!r}; expected a text of glyphs A-Z and 0-9")
        width = len(labels_of(self.prompt))
        count = whole_number("count", self.count, least=1)
        if width * count > MOST_IMAGES:
            raise ValueError(f"count: {count} rows of {width} glyphs; expected at most {MOST_IMAGES} images in all")
        if self.r is not None and not isinstance(self.r, list):
            raise ValueError(f"r: {self.r!r}; expected a list of numbers")
        choice("sampler", self.sampler, SAMPLERS)
        choice("schedule", self.schedule, SCHEDULES)
        checked = replace(
            self,
            prompt=self.prompt.upper(),
            count=count,
            steps=whole_number("steps", self.steps, least=1, most=MOST_STEPS),
            eta=number("eta", self.eta, least=0),
            s_noise=number("s-noise", self.s_noise, least=0),
            r=self.r and [number("r", value) for value in self.r],
            cfg=number("cfg", self.cfg, least=-1000, most=1000),
            seed=whole_number("seed", self.seed, least=0, most=2**64 - 1),
            batch_size=whole_number("batch-size", self.batch_size, least=1, most=MOST_IMAGES),
        )
        # The sampler checks its own options: a run on no image at all.
        checked.sample(lambda x, sigma: x, torch.zeros(0, 1), levels, seed=0)
        return checked

    def options(self):
        """The sampler's keyword arguments; ValueError for an option that it does not have."""
        known = inspect.signature(SAMPLERS[self.sampler]).parameters
        options = {"eta": self.eta, "s_noise": self.s_noise, "prediction": self.prediction}
        for name, plain in (("eta", 1.0), ("prediction", "data")):
            if name not in known and options.pop(name) != plain:
                raise ValueError(f"{name}: {getattr(self, name)!r}; expected {plain!r}, {self.sampler} has no other")
        if self.variant is not None:
            if "variant" not in known:
                raise ValueError(f"variant: {self.variant!r}; expected none, {self.sampler} has no variants")
            options["variant"] = self.variant
        if self.r is not None:
            names = [name for name in FRACTIONS if name in known]
            if len(names) != len(self.r):
                raise ValueError(f"r: {self.r}; expected {' '.join(names) or 'none'} for {self.sampler}")
            options |= zip(names, self.r, strict=True)
        return options

    def sample(self, model, x, levels=EMBEDDED, **arguments):
        """Run the sampler on x, (B, ...) at the first of `sigmas`, with this request's options."""
        options, sampler = self.options() | dict(disable=True), SAMPLERS[self.sampler]
        if "sigma_data" in inspect.signature(sampler).parameters:
            options["sigma_data"] = levels.sigma_data
        return sampler(model, x, self.sigmas(levels), **options, **arguments)

    def sigmas(self, levels=EMBEDDED):
        """The noise levels, (steps + 1,)."""
        return SCHEDULES[self.schedule](self.steps, levels.sigma_min, levels.sigma_max)

    def as_fields(self):
        """A dict that from_fields takes back."""
        return asdict(self)


def initial_latent(seed, device, shape=(3, SIZE, SIZE)):
    """Unit Gaussian noise (C, H, W) of one image, drawn on the CPU, unrelated to the noise of its sampling."""
    generator = torch.Generator().manual_seed(key_of("latent", seed))
    return torch.randn(shape, generator=generator).to(device)


def draw_batch(source, request, seeds, labels, device, progress=lambda: None):
    """One batch: images (B, C, H, W) on the CPU, in about [-1, 1], from `source`, which is on the device.

    Image i is a function of seeds[i], of labels[i] (where the source has classes) and of the sampler's settings, to
    rounding. progress() is called once a step. Raises ValueError where an image is not finite.
    """
    x = torch.stack([initial_latent(seed, device, source.shape) for seed in seeds])
    x = x * request.sigmas(source.levels)[0].item()
    extra_args = source.arguments(torch.tensor(labels, device=device), request.cfg)
    x = request.sample(
        source.model, x, source.levels, extra_args=extra_args, seed=seeds, callback=lambda _: progress()
    ).cpu()
    if not x.isfinite().all():
        raise ValueError(
            f"cfg, eta, s-noise: {request.cfg}, {request.eta}, {request.s_noise} made images that are not finite"
        )
    return x


def draw(request, device="cpu", progress=lambda: None, source=None):
    """The images of a request: (count * glyphs, 3, 32, 32) in [-1, 1] on the CPU, row after row.

    Image i is a function of its glyph, of seed + i and of the sampler's settings, whatever the batch around it.
    progress() is called once a step of each batch. source: left out: the embedded model.
    """
    source = (Source.embedded() if source is None else source).on(device)
    labels, images = labels_of(request.prompt) * request.count, []
    seeds = [(request.seed + i) % 2**64 for i in range(len(labels))]
    for start in range(0, len(labels), request.batch_size):
        here = slice(start, start + request.batch_size)
        images.append(draw_batch(source, request, seeds[here], labels[here], device, progress).clamp(-1, 1))
    return torch.cat(images)
