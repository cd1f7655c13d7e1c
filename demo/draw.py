"""What is drawn, and drawing it: a request's fields, checked one by one, and the images that follow from them alone."""

import inspect
from dataclasses import dataclass, field, fields, replace

import torch

from ..sampling import SAMPLERS, options_of, sigmas_karras, sigmas_seeds, sigmas_uniform_lambda
from ..sampling.checks import choice, number, whole_number
from ..sampling.noise.keys import LATENT, key_of
from .glyphs import SIZE, labels_of
from .source import Levels, Source

SCHEDULES = {"karras": sigmas_karras, "uniform-lambda": sigmas_uniform_lambda, "seeds": sigmas_seeds}
MOST_IMAGES = 8000  # a larger grid would have more pixels than Pillow reads back without a warning
MOST_STEPS = 10_000
EMBEDDED = Levels()
FRACTIONS = ("r", "r_1", "r_2")  # the options that a list --r fills, in this order


@dataclass(frozen=True)
class Request:
    """Everything that decides the picture: a row of the prompt's glyphs, `count` times.

    options: the sampler's own options by name (sampling/options.py); one that is left out, or None, has its default.
    """

    prompt: str = "SEEDS"
    count: int = 8
    sampler: str = "SEEDS-2"
    steps: int = 20
    schedule: str = "karras"
    cfg: float = 2.0
    seed: int = 3000
    batch_size: int = 64
    options: dict = field(default_factory=dict)

    @classmethod
    def from_fields(cls, saved, levels=EMBEDDED):
        """A checked request from a dict that as_fields made, in this version or another, and the names it cannot use.

        A field that is absent has its default. ValueError where one is not what it should be.
        """
        if not isinstance(saved, dict):
            raise ValueError("parameters: expected an object, values by name")
        values = {name: saved[name] for name in PLAIN if name in saved}
        sampler = choice("sampler", values.get("sampler", cls.sampler), SAMPLERS)
        options, unknown = _saved_options(sampler, {name: saved[name] for name in saved if name not in PLAIN})
        return cls(**values, options=options).checked(levels), unknown

    def checked(self, levels=EMBEDDED):
        """This request with its fields in their plain types and with every option; ValueError naming what does not fit.

        levels: those of the model that is to draw.
        """
        if not isinstance(self.prompt, str):
            raise ValueError(f"prompt: {self.prompt!r}; expected a text of glyphs A-Z and 0-9")
        width = len(labels_of(self.prompt))
        count = whole_number("count", self.count, least=1)
        if width * count > MOST_IMAGES:
            raise ValueError(f"count: {count} rows of {width} glyphs; expected at most {MOST_IMAGES} images in all")
        choice("sampler", self.sampler, SAMPLERS)
        choice("schedule", self.schedule, SCHEDULES)
        checked = replace(
            self,
            prompt=self.prompt.upper(),
            count=count,
            steps=whole_number("steps", self.steps, least=1, most=MOST_STEPS),
            cfg=number("cfg", self.cfg, least=-1000, most=1000),
            seed=whole_number("seed", self.seed, least=0, most=2**64 - 1),
            batch_size=whole_number("batch-size", self.batch_size, least=1, most=MOST_IMAGES),
            options=self._every_option(),
        )
        try:  # the sampler checks its own options: a run on no image at all
            checked.sample(lambda x, sigma: x, torch.zeros(0, 1), levels, seed=0)
        except ValueError as error:
            name, _, rest = str(error).partition(":")
            raise ValueError(f"{flag(name)}:{rest}" if name in checked.options else str(error)) from error
        plain = {option.name: _plain(option, checked.options[option.name]) for option in options_of(self.sampler)}
        return replace(checked, options=plain)

    def _every_option(self):
        """The value of each of the sampler's options; ValueError for one that it does not have."""
        given = {name: value for name, value in self.options.items() if value is not None}
        known = {option.name: option.default for option in options_of(self.sampler)}
        for name, value in given.items():
            if name not in known:
                there = ", ".join(map(flag, known))
                raise ValueError(f"{flag(name)}: {value}; {self.sampler} has no such option, only {there}")
        return known | given

    def sample(self, model, x, levels=EMBEDDED, **arguments):
        """Run the sampler on x, (B, ...) at the first of `sigmas`, with this request's options."""
        options, sampler = self.options | dict(disable=True), SAMPLERS[self.sampler]
        if "sigma_data" in inspect.signature(sampler).parameters:
            options["sigma_data"] = levels.sigma_data
        return sampler(model, x, self.sigmas(levels), **options, **arguments)

    def sigmas(self, levels=EMBEDDED):
        """The noise levels, (steps + 1,)."""
        return SCHEDULES[self.schedule](self.steps, levels.sigma_min, levels.sigma_max)

    def as_fields(self):
        """A flat dict, options among the fields, that from_fields takes back."""
        return {name: getattr(self, name) for name in PLAIN} | self.options


PLAIN = tuple(field.name for field in fields(Request) if field.name != "options")


def flag(name):
    """An option's name on the command line."""
    return name.replace("_", "-")


def stage_points(sampler, values):
    """{option: value} of a list of stage points, for a sampler with as many of them."""
    names = [option.name for option in options_of(sampler) if option.name in FRACTIONS]
    if len(values) != len(names):
        raise ValueError(f"r: {values}; expected {' '.join(names) or 'none'} for {sampler}")
    return dict(zip(names, values, strict=True))


def _saved_options(sampler, saved):
    """The options among a sampler's saved fields, and the names of fields that it cannot use.

    Of an option that only other samplers have, None or their default says nothing: earlier versions wrote those too.
    """
    own, unknown = {option.name for option in options_of(sampler)}, []
    others = [(option.name, option.default) for name in SAMPLERS for option in options_of(name)]
    saved, options = dict(saved), {}
    if isinstance(saved.get("r"), list):  # as earlier versions wrote r, or r_1 and r_2
        options = stage_points(sampler, saved.pop("r"))
    for name, value in saved.items():
        if name in own:
            options[name] = value
        elif (name, value) not in others and not (value is None and name in dict(others)):
            unknown.append(name)
    return options, unknown


def _plain(option, value):
    """A checked value of an option as JSON writes it."""
    if option.choices:
        return value
    return whole_number(option.name, value, least=option.least) if option.whole else float(value)


def initial_latent(seed, device, shape=(3, SIZE, SIZE)):
    """Unit Gaussian noise (C, H, W) of one image, drawn on the CPU, unrelated to the noise of its sampling."""
    generator = torch.Generator().manual_seed(key_of(LATENT, seed))
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
        options = ", ".join(f"{flag(name)} {value}" for name, value in request.options.items())
        raise ValueError(f"cfg: {request.cfg}, with {options}, made images that are not finite")
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
