"""Written by docs/generate.py from the solvers' declarations."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from torch import Tensor

from .calls import call_pattern as call_pattern
from .calls import model_calls_for_steps as model_calls_for_steps
from .calls import steps_for_model_calls as steps_for_model_calls
from .noise import NoisePath as NoisePath
from .samplers import options_of as options_of
from .schedule import sigmas_flow as sigmas_flow
from .schedule import sigmas_karras as sigmas_karras
from .schedule import sigmas_seeds as sigmas_seeds
from .schedule import sigmas_uniform_lambda as sigmas_uniform_lambda

SAMPLERS: dict[str, Callable[..., Tensor]]

def sample_seeds_1(
    model: Callable[..., Tensor],
    x: Tensor,
    sigmas: Tensor | np.ndarray | Sequence[float],
    extra_args: Mapping[str, Any] | None = None,
    callback: Callable[[dict[str, Any]], Any] | None = None,
    disable: bool | None = None,
    eta: float = 1.0,
    s_noise: float = 1.0,
    noise_sampler: Callable[[Any, Any], Tensor] | None = None,
    prediction: Literal['data', 'noise', 'v'] = 'data',
    sigma_data: float = 1.0,
    noise_schedule: Literal['karras', 'flow'] = 'karras',
    seed: int | Sequence[int] | None = None,
    noise_device: Literal['cpu', 'gpu'] = 'cpu',
) -> Tensor: ...

def sample_seeds_2(
    model: Callable[..., Tensor],
    x: Tensor,
    sigmas: Tensor | np.ndarray | Sequence[float],
    extra_args: Mapping[str, Any] | None = None,
    callback: Callable[[dict[str, Any]], Any] | None = None,
    disable: bool | None = None,
    eta: float = 1.0,
    s_noise: float = 1.0,
    noise_sampler: Callable[[Any, Any], Tensor] | None = None,
    r: float = 0.5,
    variant: Literal['2b', '2a', '2s'] = '2b',
    prediction: Literal['data', 'noise', 'v'] = 'data',
    sigma_data: float = 1.0,
    noise_schedule: Literal['karras', 'flow'] = 'karras',
    seed: int | Sequence[int] | None = None,
    noise_device: Literal['cpu', 'gpu'] = 'cpu',
) -> Tensor: ...

def sample_seeds_3(
    model: Callable[..., Tensor],
    x: Tensor,
    sigmas: Tensor | np.ndarray | Sequence[float],
    extra_args: Mapping[str, Any] | None = None,
    callback: Callable[[dict[str, Any]], Any] | None = None,
    disable: bool | None = None,
    eta: float = 1.0,
    s_noise: float = 1.0,
    noise_sampler: Callable[[Any, Any], Tensor] | None = None,
    r_1: float = 0.3333333333333333,
    r_2: float = 0.6666666666666666,
    variant: Literal['3a', '3b'] = '3a',
    prediction: Literal['data', 'noise', 'v'] = 'data',
    sigma_data: float = 1.0,
    noise_schedule: Literal['karras', 'flow'] = 'karras',
    seed: int | Sequence[int] | None = None,
    noise_device: Literal['cpu', 'gpu'] = 'cpu',
) -> Tensor: ...

def sample_seeds_m(
    model: Callable[..., Tensor],
    x: Tensor,
    sigmas: Tensor | np.ndarray | Sequence[float],
    extra_args: Mapping[str, Any] | None = None,
    callback: Callable[[dict[str, Any]], Any] | None = None,
    disable: bool | None = None,
    eta: float = 1.0,
    s_noise: float = 1.0,
    noise_sampler: Callable[[Any, Any], Tensor] | None = None,
    order: int | None = 2,
    eta_cap: float | None = 0.4,
    guidance_limit: float = 1.0,
    noise_schedule: Literal['karras', 'flow'] = 'karras',
    seed: int | Sequence[int] | None = None,
    noise_device: Literal['cpu', 'gpu'] = 'cpu',
) -> Tensor: ...

def sample_er_sde(
    model: Callable[..., Tensor],
    x: Tensor,
    sigmas: Tensor | np.ndarray | Sequence[float],
    extra_args: Mapping[str, Any] | None = None,
    callback: Callable[[dict[str, Any]], Any] | None = None,
    disable: bool | None = None,
    s_noise: float = 1.0,
    noise_sampler: Callable[[Any, Any], Tensor] | None = None,
    order: int = 3,
    noise_scale: Literal['sde5', 'sde4', 'sde3', 'sde2', 'sde1', 'sde', 'ode'] | Callable[[float], float] = 'sde5',
    noise_schedule: Literal['karras', 'flow'] = 'karras',
    seed: int | Sequence[int] | None = None,
    noise_device: Literal['cpu', 'gpu'] = 'cpu',
) -> Tensor: ...
