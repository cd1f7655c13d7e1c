"""The core: SEEDS as samplers with k-diffusion's signature. Knows no host."""

from .calls import call_pattern, model_calls_for_steps, steps_for_model_calls
from .noise import NoisePath
from .samplers import (
    SAMPLERS,
    options_of,
    sample_er_sde,
    sample_seeds_1,
    sample_seeds_2,
    sample_seeds_3,
    sample_seeds_m,
)
from .schedule import sigmas_flow, sigmas_karras, sigmas_seeds, sigmas_uniform_lambda

globals().update({one.__name__: one for one in SAMPLERS.values()})  # those that are new; the stub declares them all

__all__ = [
    "SAMPLERS",
    "NoisePath",
    "call_pattern",
    "model_calls_for_steps",
    "options_of",
    "sample_er_sde",
    "sample_seeds_1",
    "sample_seeds_2",
    "sample_seeds_3",
    "sample_seeds_m",
    "sigmas_flow",
    "sigmas_karras",
    "sigmas_seeds",
    "sigmas_uniform_lambda",
    "steps_for_model_calls",
]
