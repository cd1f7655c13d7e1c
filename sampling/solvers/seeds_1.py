"""SEEDS-1: the exponential Euler step."""

from .base import solver
from .one_step import OneStep, Through


@solver("SEEDS-1", about="one model call a step", calls_per_step=1, ode_order=1, weak_order=1)
class Seeds1(OneStep):
    """SEEDS-1: the exponential Euler step (SEEDS, arXiv 2305.14267, Algorithm 2), for any eta and prediction."""

    points = 0.0, 1.0
    rules = (Through((0,), points),)
