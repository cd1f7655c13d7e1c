"""A model to draw with: the embedded one, one from a factory of the user's, or a k-diffusion checkpoint."""

import hashlib
import importlib
import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from ..sampling.checks import number, whole_number
from .denoiser import SIGMA_DATA, SIGMA_MAX, SIGMA_MIN, load_model
from .errors import reason_of
from .glyphs import SIZE
from .identity import identity_of
from .watched import ModelFailed, Plugin, Watched

# What a model, or the command line in its place, can say of itself.
FIELDS = ("shape", "sigma_min", "sigma_max", "sigma_data", "classes", "class_argument")
CHECKPOINTS = (".safetensors", ".pth")
KINDS = f"embedded, package.module:factory, or a k-diffusion checkpoint, {' or '.join(CHECKPOINTS)}"


class Levels(NamedTuple):
    """The noise levels that a model has learnt, and its data's standard deviation (for prediction "v")."""

    sigma_min: float = SIGMA_MIN
    sigma_max: float = SIGMA_MAX
    sigma_data: float = SIGMA_DATA


@dataclass(frozen=True)
class Source:
    """A model and what is to be known of it.

    Fields: name; model(x, sigma, labels, cfg) -> denoised x; shape (C, H, W) of an image; levels; classes, how many
    there are (0: none); class_argument, the name the labels go by; factory, the model of a user's module, or None.
    """

    name: str
    model: nn.Module
    shape: tuple[int, int, int]
    levels: Levels
    classes: int = 0
    class_argument: str = "class_cond"
    factory: object = None

    @classmethod
    def embedded(cls):
        """The embedded model."""
        model = load_model()
        classes = model.network.classes
        return cls("embedded", Watched("embedded", model).eval(), (3, SIZE, SIZE), Levels(), classes, "labels")

    @classmethod
    def from_factory(cls, name, **given):
        """What the function `name`, package.module:factory, returns: a k-diffusion denoiser.

        The other fields of a Source (sigma_min, sigma_max and sigma_data for its levels) are taken from `given`, or
        else from the denoiser's attributes of the same names. ValueError for what cannot be had, or is missing.
        """
        model, attributes = _made(name)
        source = cls._of(name, model, attributes, given, f"an attribute {{}} of what {name} returns")
        return replace(source, factory=model)

    @classmethod
    def from_checkpoint(cls, path, config=None, **given):
        """The averaged model of a k-diffusion checkpoint, .safetensors or .pth.

        config: a JSON file; left out: the one that a .safetensors has in its metadata. `given` replaces its values.
        Raises ValueError for what is no such file, and where k-diffusion is not installed.
        """
        if not Path(path).is_file():
            raise ValueError(f"model: {path}; expected {KINDS}, that exists")
        if config is None and Path(path).suffix == ".pth":
            raise ValueError("config: none; expected --config FILE.json, since a .pth does not carry it")
        model, values, digest = _loaded(str(path), config)
        return cls._of(f"{Path(path).name}, {digest}", model, values, given, "{} in the config")

    @classmethod
    def _of(cls, name, model, found, given, otherwise):
        """A checked Source from what was found with the model and what is given in its place."""
        if not callable(model):
            raise ValueError(f"model: {name} is a {type(model).__name__}; expected a denoiser, model(x, sigma)")
        values = {field: value for part in (found, given) for field, value in part.items() if value is not None}
        for field in ("shape", "sigma_min", "sigma_max"):
            if field not in values:
                option = field.replace("_", "-")
                raise ValueError(f"{option}: none; expected --{option}, or {otherwise.format(field)}")
        sigma_min = number("sigma-min", values["sigma_min"], above=0)
        sigma_max = number("sigma-max", values["sigma_max"], above=sigma_min)
        levels = Levels(sigma_min, sigma_max, number("sigma-data", values.get("sigma_data", 1.0), above=0))
        classes, argument = whole_number("classes", values.get("classes", 0), least=0), values.get("class_argument")
        argument = cls.class_argument if argument is None else argument
        plugin = Plugin(Watched(name, model), classes, argument).eval()
        return cls(name, plugin, _shape(values["shape"]), levels, classes, argument)

    def identity(self):
        """A name that tells models apart which draw different images, and what it cannot tell, or ""."""
        if self.factory is None:  # then the name does
            return self.name, ""
        digest, unknown = identity_of(self.name.partition(":")[0], self.factory)
        return f"{self.name}, {digest}" if digest else self.name, unknown

    def arguments(self, labels, cfg):
        """The model's extra_args for images of these labels (B,), at this strength of guidance."""
        return {"labels": labels, "cfg": cfg} if self.classes else {}

    def on(self, device):
        """This source with its model on a device."""
        return replace(self, model=self.model.to(device))

    @torch.no_grad()
    def try_out(self, device, cfg):
        """The model's first call, at one image; ValueError where it fails, or there is no guidance of this strength."""
        if cfg != 1 and not self.classes:
            raise ValueError(f"cfg: {cfg}; expected 1, there is no guidance without classes")
        try:
            x = torch.zeros(1, *self.shape, device=device)
        except (RuntimeError, MemoryError, OverflowError, TypeError) as error:
            call = f"model: {self.name}; call 1, x of shape {(1, *self.shape)}"
            raise ModelFailed(f"{call}: {reason_of(error)}") from error
        labels = torch.full((1,), max(self.classes - 1, 0), device=device)
        self.model(x, torch.full((1,), self.levels.sigma_max, device=device), **self.arguments(labels, cfg))


def source_of(name, config=None, **given):
    """The Source that a command line names, with the values it gives in place of the model's own."""
    checkpoint = Path(name).suffix in CHECKPOINTS
    if config is not None and not checkpoint:
        raise ValueError(f"config: {config}; expected none, it belongs to a k-diffusion checkpoint")
    if checkpoint:
        return Source.from_checkpoint(name, config, **given)
    if name != "embedded":
        return Source.from_factory(name, **given)
    if given:
        raise ValueError(f"{next(iter(given)).replace('_', '-')}: given; expected none, the embedded model has its own")
    return Source.embedded()


def _shape(values):
    """(C, H, W)."""
    values = tuple(values) if isinstance(values, (list, tuple, torch.Size)) else (values,)
    if len(values) != 3:
        raise ValueError(f"shape: {values}; expected three numbers, channels, height and width")
    return tuple(whole_number("shape", value, least=1) for value in values)


def _made(name):
    """What the factory returns, and its attributes; the module may lie in the working folder."""
    module, _, factory = name.partition(":")
    if not module or not factory:
        raise ValueError(f"model: {name!r}; expected {KINDS}")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        model = getattr(importlib.import_module(module), factory)()
        return model, {field: getattr(model, field, None) for field in FIELDS}
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too
        expected = "expected package.module:factory, a function without arguments that returns a denoiser"
        raise ValueError(f"model: {name!r}; {expected} ({reason_of(error)})") from error


def _loaded(path, config):
    """The denoiser of a checkpoint, the values for a Source, and a digest of its weights and config."""
    try:
        import k_diffusion
    except ImportError as error:
        needed = "expected k-diffusion to be installed, pip install 'seeds-samplers[k-diffusion]'"
        raise ValueError(f"model: {path}; {needed} ({error})") from error
    from safetensors.torch import load_file

    try:
        config = k_diffusion.config.load_config(path if config is None else str(config))
        network = k_diffusion.config.make_model(config)
        if path.endswith(".pth"):
            state = torch.load(path, map_location="cpu", weights_only=True)["model_ema"]
        else:
            state = load_file(path)
        network.load_state_dict(state)
        model = k_diffusion.config.make_denoiser_wrapper(config)(network.requires_grad_(False))
        own = config["model"]
        values = {name: own.get(name) for name in ("sigma_min", "sigma_max", "sigma_data")}
        values["shape"] = (own["input_channels"], *own["input_size"])
        if own["type"] != "image_v1":  # which has no classes, whatever its data had
            values["classes"] = config["dataset"]["num_classes"]
    except Exception as error:  # a wrong file makes k-diffusion, json and torch raise nearly anything
        raise ValueError(f"model: {path}; expected a k-diffusion checkpoint ({reason_of(error)})") from error
    return model, values, _digest(path, config)


def _digest(path, config):
    """Sixteen hexadecimal digits that change with the weights and the config."""
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()[:16]
