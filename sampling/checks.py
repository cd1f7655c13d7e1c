"""Checks of arguments: each returns the value in its plain form or raises a ValueError that names it."""

import math
import operator

import numpy as np
import torch

EXTREMES = 1e-18, 1e18  # of noise levels: their squares are numbers in float32, too
DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
BOUNDS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


def number(name, value, *, above=None, least=None, below=None, most=None):
    """A finite float; above and below are excluded bounds, least and most included ones."""
    given = zip(BOUNDS, (above, least, below, most), strict=True)
    bounds = [(sign, bound) for sign, bound in given if bound is not None]
    try:
        result = math.nan if isinstance(value, (bool, str, bytes)) else float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        result = math.nan
    if not math.isfinite(result) or not all(BOUNDS[sign](result, bound) for sign, bound in bounds):
        expected = " and ".join(["a finite number", *(f"{sign} {bound}" for sign, bound in bounds)])
        raise ValueError(f"{name}: {value!r}; expected {expected}")
    return result


def as_int(value):
    """An int from whatever counts as one (numpy's and torch's too), or None; booleans and fractions do not."""
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except (TypeError, RuntimeError):
        return None


def whole_number(name, value, *, least, most=None):
    """An int from `least` to `most`."""
    result = as_int(value)
    if result is None or result < least or (most is not None and result > most):
        raise ValueError(f"{name}: {value!r}; expected a whole number >= {least}" + (f" and <= {most}" if most else ""))
    return result


def choice(name, value, allowed):
    """One of the strings `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name}: {value!r}; expected one of {', '.join(map(repr, allowed))}")
    return value


def function(name, value):
    """Something that can be called."""
    if not callable(value):
        raise ValueError(f"{name}: {value!r}; expected a function")
    return value


def latent(x):
    """x, a floating-point tensor whose first dimension is the batch."""
    if not isinstance(x, torch.Tensor) or x.dtype not in DTYPES or x.layout != torch.strided or x.ndim == 0:
        found = f"{x.dtype} of shape {tuple(x.shape)}" if isinstance(x, torch.Tensor) else type(x).__name__
        raise ValueError(f"x: {found}; expected a floating-point tensor with a batch dimension")
    return x


def tensor_like(name, tensor, x):
    """`tensor` if it is a floating-point one of x's shape and device. name: where it came from."""
    if not isinstance(tensor, torch.Tensor) or tensor.shape != x.shape:
        found = f"shape {tuple(tensor.shape)}" if isinstance(tensor, torch.Tensor) else type(tensor).__name__
        raise ValueError(f"{name}: returned {found}; expected a tensor of x's shape, {tuple(x.shape)}")
    if tensor.dtype not in DTYPES:
        raise ValueError(f"{name}: returned {tensor.dtype}; expected one of {', '.join(map(str, DTYPES))}")
    if tensor.device != x.device:
        raise ValueError(f"{name}: returned a tensor on {tensor.device}; expected one on x's device, {x.device}")
    return tensor


def level_tensor(sigmas):
    """A tensor as it is; an array or a sequence of numbers as one on the CPU, whatever torch's default device is."""
    if isinstance(sigmas, torch.Tensor):
        return sigmas
    return torch.as_tensor(sigmas, dtype=None if isinstance(sigmas, np.ndarray) else torch.float64, device="cpu")


def decreasing(sigmas):
    """The noise levels as floats, read from their device once: 1-D, strictly decreasing, 0 or between EXTREMES."""
    try:
        values = level_tensor(sigmas).detach()
        if values.is_complex() or values.layout != torch.strided:
            raise TypeError
        values = values.cpu().to(torch.float64)  # in this order: MPS knows no float64
    except (TypeError, ValueError, RuntimeError, OverflowError):  # the meta device's NotImplementedError is one
        raise ValueError(f"sigmas: {sigmas!r}; expected a tensor of noise levels") from None
    if values.ndim != 1:
        raise ValueError(f"sigmas: a tensor of shape {tuple(values.shape)}; expected one dimension")
    values = values.tolist()
    for i, value in enumerate(values):
        if not math.isfinite(value) or value < 0:
            raise ValueError(f"sigmas: {value} at index {i}; expected finite noise levels >= 0")
        if value and not EXTREMES[0] <= value <= EXTREMES[1]:
            limits = "0 or from {:.0e} to {:.0e}".format(*EXTREMES)
            raise ValueError(f"sigmas: {value} at index {i}; expected noise levels that are {limits}")
        if i and value >= values[i - 1]:
            raise ValueError(f"sigmas: {values[i - 1]} then {value} at index {i}; expected strictly decreasing levels")
    return values
