"""SEEDSNoise: a noise path for any sampler of ComfyUI that takes noise."""

import copy
import functools
import inspect

import comfy.samplers
from comfy_api.latest import io

from ..demo.kdiffusion import path_for, takes_noise
from ..sampling.checks import number, whole_number
from ..sampling.noise import NOISE_DEVICES
from .compat import ADVANCED, float_input, schema
from .dropdown import of_model
from .ksampler import SEEDS
from .sampler import latent_input


def _code(function):
    """What tells functions apart that ComfyUI decorates, or makes anew each time."""
    function = inspect.unwrap(function) if callable(function) else function
    return getattr(function, "__code__", function)


def name_of(sampler):
    """A sampler's name in the dropdown, or else that of its function or class."""
    function = getattr(sampler, "sampler_function", None)
    for name in comfy.samplers.SAMPLER_NAMES:
        if function and _code(comfy.samplers.sampler_object(name).sampler_function) == _code(function):
            return name
    return getattr(function, "__name__", type(sampler).__name__)


def names_with_noise():
    """The names in the dropdown whose samplers take noise."""
    return [
        name
        for name in comfy.samplers.SAMPLER_NAMES
        if takes_noise(comfy.samplers.sampler_object(name).sampler_function)
    ]


def with_path(sampler, **path):
    """ComfyUI's sampler object with a noise path of its own for each image; ValueError where it takes none.

    `path` goes to NoisePath: indices, noise_device, variation_seed, variation_strength.
    """
    function = getattr(sampler, "sampler_function", None)
    if function is None or not takes_noise(function):
        names = ", ".join(names_with_noise())
        raise ValueError(f"sampler: {name_of(sampler)} takes no noise from outside; expected one of {names}")

    @functools.wraps(function)
    def sample(model, x, sigmas, extra_args=None, callback=None, disable=None, noise_sampler=None, **options):
        if noise_sampler is None:
            given = of_model(model.inner_model.model_patcher.get_model_object("model_sampling"))
            seed = (extra_args or {}).get("seed")
            noise_sampler = path_for(function, options, x, seed, given["noise_schedule"], **path)
        return function(
            model, x, sigmas, extra_args=extra_args, callback=callback, disable=disable, noise_sampler=noise_sampler,
            **options,
        )  # fmt: skip

    sampler = copy.copy(sampler)
    sampler.sampler_function = sample
    return sampler


class SEEDSNoise(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return schema(
            "KSamplerSelect",
            node_id="SEEDSNoise",
            display_name="SEEDS Noise for Any Sampler",
            description="Gives any sampler that adds noise (euler_ancestral, dpmpp_2m_sde, er_sde, ...) noise that "
            "belongs to the image: the same image in any batch and on any device, finer with more steps, and unchanged "
            "where you split a run. For SamplerCustom and SamplerCustomAdvanced.",
            search_aliases=["SEEDS", "noise_sampler", "ancestral", "SDE sampler", "batch", "variation seed"],
            inputs=[
                io.Sampler.Input("sampler", tooltip="From KSamplerSelect or any node that makes a sampler."),
                latent_input(),
                io.Int.Input("variation_seed", **SEEDS, tooltip="A second seed to mix in."),
                float_input(
                    "variation_strength", default=0.0, min=0.0, max=1.0, step=0.01,
                    tooltip="How much of the second seed's noise is added while sampling: 0 none, 1 all of it. The "
                    "starting noise stays.",
                ),
                io.Combo.Input(
                    "noise_device", options=list(NOISE_DEVICES), default=NOISE_DEVICES[0],
                    tooltip="Where the noise is drawn. The image is the same but for rounding.", **ADVANCED,
                ),
            ],
            outputs=[io.Sampler.Output()],
        )  # fmt: skip

    @classmethod
    def execute(cls, sampler, variation_seed, variation_strength, noise_device, latent_image=None) -> io.NodeOutput:
        path = dict(
            variation_seed=whole_number("variation_seed", variation_seed, least=SEEDS["min"], most=SEEDS["max"]),
            variation_strength=number("variation_strength", variation_strength, least=0, most=1),
            noise_device=noise_device,
            indices=(latent_image or {}).get("batch_index"),
        )
        return io.NodeOutput(with_path(sampler, **path))
