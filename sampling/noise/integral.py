"""The integral of a keyed path: the weights of its values at the ends of pieces, between which it is a bridge."""

import math
from collections import defaultdict
from itertools import pairwise

from .brownian import Weights, combination
from .clock import Clock, Pieces
from .keys import BRIDGES, INTERVAL

PIECES = 32  # of an interval, at least, at whose ends the integral knows the path


def integral_points(
    clock: Clock, begin: int, end: int, start: float, stop: float
) -> tuple[defaultdict[int, float], float]:
    """The integral of equation 11 over [start, stop], not whole, of which [begin, end] is the rounded interval.

    Returns {position: weight} of the path there less the path at `begin`, and the standard deviation of what the
    bridges between the pieces add. In units of an increment of variance 1. Rounding changes neither the variance nor
    the covariance with the increment (equation 15).
    """
    size = 1 << max(0, ((end - begin) // PIECES).bit_length() - 1)
    inner = range((begin // size + 1) * size, end, size)
    rounded, exact = (Pieces(clock, [left, *inner, right]) for left, right in ((begin, end), (start, stop)))
    scale = math.sqrt(exact.variance / rounded.variance)
    points: defaultdict[int, float] = defaultdict(float)
    edges = pairwise([begin, *inner, end])
    for (left, right), on_right, whole in zip(edges, rounded.on_right, rounded.whole, strict=True):
        points[left] += scale * (whole - on_right)
        points[right] += scale * on_right
    points[end] += exact.slope - scale * rounded.slope
    return points, scale * rounded.deviation


def integral_weights(clock: Clock, begin: int, end: int, start: float, stop: float) -> Weights:
    """The Gaussians of `integral_points`."""
    points, deviation = integral_points(clock, begin, end, start, stop)
    return {**combination(clock, begin, end, points), (BRIDGES, begin, end): deviation}


def integral_weights_of_one(clock: Clock, start: float, stop: float) -> Weights:
    """Those over an interval in lambda too short for any lattice, whose increment is a Gaussian of its own."""
    slope, deviation = clock.integral_given_increment(start, stop)
    return {(INTERVAL, start, stop): slope, (BRIDGES, start, stop): deviation}
