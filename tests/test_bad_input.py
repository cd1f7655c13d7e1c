"""Every row of bad input raises a ValueError that names the argument, the value and what is expected."""

import inspect
import math

import numpy as np
import pytest
import torch

from seeds_samplers.sampling import (
    SAMPLERS,
    sample_er_sde,
    sample_seeds_1,
    sample_seeds_2,
    sample_seeds_3,
    sample_seeds_m,
)

X = torch.ones(2, 3)
SIGMAS = torch.tensor([5.0, 1.0, 0.0])


def model(x, sigma):
    return x * 0


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"sigmas": torch.ones(2, 2)}, "sigmas: a tensor of shape (2, 2); expected one dimension"),
        ({"sigmas": torch.tensor(1.0)}, "sigmas: a tensor of shape (); expected one dimension"),
        ({"sigmas": torch.tensor([1.0, 2.0])}, "sigmas: 1.0 then 2.0 at index 1; expected strictly decreasing"),
        ({"sigmas": torch.tensor([2.0, 1.0, 1.0])}, "sigmas: 1.0 then 1.0 at index 2; expected strictly decreasing"),
        ({"sigmas": torch.tensor([1.0, -2.0])}, "sigmas: -2.0 at index 1; expected finite noise levels >= 0"),
        ({"sigmas": torch.tensor([math.nan, 0.0])}, "sigmas: nan at index 0; expected finite"),
        ({"sigmas": torch.tensor([math.inf, 0.0])}, "sigmas: inf at index 0; expected finite"),
        ({"sigmas": torch.tensor([-1.0])}, "sigmas: -1.0 at index 0; expected finite noise levels >= 0"),
        (
            {"sigmas": torch.tensor([1.5, 0.0]), "noise_schedule": "flow"},
            "sigmas: 1.5 at index 0; expected sigmas of the noise schedule 'flow' up to 1.0",
        ),
        ({"sigmas": None}, "sigmas: None; expected a tensor of noise levels"),
        ({"sigmas": "abc"}, "sigmas: 'abc'; expected a tensor of noise levels"),
        (
            {"sigmas": torch.tensor([1, 1 - 2**-53, 0], dtype=torch.float64), "noise_schedule": "flow"},
            "sigmas: 0.9999999999999999 at index 1; expected a level farther below 1.0",
        ),
        ({"eta": -0.1}, "eta: -0.1; expected a finite number and >= 0"),
        ({"eta": math.nan}, "eta: nan; expected a finite number and >= 0"),
        ({"eta": "much"}, "eta: 'much'; expected a finite number and >= 0"),
        ({"eta": True}, "eta: True; expected a finite number and >= 0"),
        ({"eta": 10**400}, "eta: 1000000"),
        ({"eta": 1e300, "prediction": "noise"}, "eta: 1e+300; expected a finite number and >= 0 and <= 1e+20"),
        ({"s_noise": 1e300}, "sigmas, "),
        ({"eta": None}, "eta: None; expected a finite number and >= 0"),
        ({"s_noise": -1}, "s_noise: -1; expected a finite number and >= 0"),
        ({"s_noise": math.inf}, "s_noise: inf; expected a finite number and >= 0"),
        ({"sigma_data": 0}, "sigma_data: 0; expected a finite number and >= 1e-18 and <= 1e+18"),
        ({"sigma_data": math.nan}, "sigma_data: nan; expected a finite number and >= 1e-18 and <= 1e+18"),
        ({"prediction": "epsilon"}, "prediction: 'epsilon'; expected one of 'data', 'noise', 'v'"),
        ({"noise_schedule": "vp"}, "noise_schedule: 'vp'; expected one of 'karras', 'flow'"),
        ({"noise_schedule": ["flow"]}, "noise_schedule: ['flow']; expected one of 'karras', 'flow'"),
        ({"noise_device": "tpu"}, "noise_device: 'tpu'; expected one of 'cpu', 'gpu'"),
        ({"seed": 1.5}, "seed: 1.5; expected a whole number, one for each image, or None"),
        ({"seed": "1"}, "seed: '1'; expected a whole number, one for each image, or None"),
        ({"seed": {1: 1, 2: 2}}, "seed: {1: 1, 2: 2}; expected a whole number, one for each image, or None"),
        ({"seed": [1.5, 2]}, "seed: [1.5, 2]; expected a whole number, one for each image, or None"),
        ({"seed": torch.ones(2)}, "seed: tensor([1., 1.]); expected a whole number, one for each image, or None"),
        ({"seed": np.ones((2, 2), int)}, "seed: array("),
        ({"seed": [1, 2, 3]}, "seed: a sequence of 3; expected one for each of the 2 images"),
        ({"extra_args": {"seed": [1]}}, "seed: a sequence of 1; expected one for each of the 2 images"),
        (
            {"x": torch.ones(2, 3, dtype=torch.int64)},
            "x: torch.int64 of shape (2, 3); expected a floating-point tensor",
        ),
        ({"x": torch.tensor(1.0)}, "x: torch.float32 of shape (); expected a floating-point tensor with a batch"),
        ({"x": [1.0]}, "x: list; expected a floating-point tensor"),
        ({"model": lambda x, sigma: x[:1]}, "model: returned shape (1, 3); expected a tensor of x's shape, (2, 3)"),
        ({"model": lambda x, sigma: None}, "model: returned NoneType; expected a tensor of x's shape, (2, 3)"),
        (
            {"noise_sampler": lambda sigma, sigma_next: torch.ones(3)},
            "noise_sampler: returned shape (3,); expected a tensor of x's shape, (2, 3)",
        ),
    ],
)
def test_every_sampler_refuses(sampler, arguments, message):
    if unknown := arguments.keys() - inspect.signature(sampler).parameters.keys():
        pytest.skip(f"it has no {', '.join(unknown)}")
    arguments = {"model": model, "x": X, "sigmas": SIGMAS, "disable": True, **arguments}
    with pytest.raises(ValueError) as error:
        sampler(**arguments)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    "sampler, options, message",
    [
        (sample_seeds_2, {"r": 0}, "r: 0; expected a finite number and >= 0.0001 and <= 1"),
        (sample_seeds_2, {"r": 1.1}, "r: 1.1; expected a finite number and >= 0.0001 and <= 1"),
        (sample_seeds_2, {"r": math.nan}, "r: nan; expected a finite number and >= 0.0001 and <= 1"),
        (sample_seeds_2, {"r": 1e-30}, "r: 1e-30; expected a finite number and >= 0.0001 and <= 1"),
        (sample_seeds_2, {"variant": "3a"}, "variant: '3a'; expected one of '2b', '2a'"),
        (sample_seeds_3, {"r_1": 0.7, "r_2": 0.7}, "r_2: 0.7; expected more than r_1, 0.7"),
        (sample_seeds_3, {"r_1": 0.8}, "r_2: 0.666"),
        (sample_seeds_3, {"r_1": 0}, "r_1: 0; expected a finite number and >= 0.0001 and < 1"),
        (sample_seeds_3, {"r_2": 1.5}, "r_2: 1.5; expected a finite number and > 0 and <= 1"),
        (sample_seeds_3, {"variant": None}, "variant: None; expected one of '3a', '3b'"),
        (sample_seeds_m, {"order": 3}, "order: 3; expected a whole number >= 1 and <= 2"),
        (sample_seeds_m, {"order": 1.5}, "order: 1.5; expected a whole number >= 1 and <= 2"),
        (sample_seeds_m, {"eta_cap": 0}, "eta_cap: 0; expected a finite number and > 0"),
        (sample_seeds_m, {"eta_cap": math.inf}, "eta_cap: inf; expected a finite number and > 0"),
        (sample_er_sde, {"order": 0}, "order: 0; expected a whole number >= 1 and <= 3"),
        (sample_er_sde, {"noise_scale": "sde6"}, "noise_scale: 'sde6'; expected one of 'sde5', 'sde4', 'sde3'"),
        (sample_er_sde, {"noise_scale": 2}, "noise_scale: 2; expected one of 'sde5', 'sde4', 'sde3'"),
        (sample_er_sde, {"noise_scale": lambda x: x**0.5}, "noise_scale: phi(s)/s falls from 1.0 at 1.0 to"),
        (sample_er_sde, {"noise_scale": lambda x: 0.0}, "noise_scale: phi is 0.0 between 1.0 and 5.0; expected > 0"),
        (sample_er_sde, {"noise_scale": lambda x: math.nan}, "noise_scale: phi is nan between 1.0 and 5.0"),
    ],
)
def test_stage_points_and_variants(sampler, options, message):
    with pytest.raises(ValueError) as error:
        sampler(model, X, SIGMAS, **options)
    assert str(error.value).startswith(message)


def test_options_are_checked_even_when_there_is_nothing_to_do():
    with pytest.raises(ValueError, match=r"^eta: -1"):
        sample_seeds_1(model, X, SIGMAS[:1], eta=-1)


def test_an_error_of_the_model_passes_through():
    def broken(x, sigma):
        raise KeyError("cond")

    with pytest.raises(KeyError):
        sample_seeds_2(broken, X, SIGMAS, disable=True)


def test_a_fraction_that_rounds_to_the_end_of_the_step():
    sigmas = torch.tensor([1.8672470112840622, 0.8279510264167261], dtype=torch.float64)
    assert sample_seeds_2(model, X, sigmas, r=0.9999999999999999, disable=True).isfinite().all()
