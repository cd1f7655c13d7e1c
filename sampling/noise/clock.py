"""The law of a path: how its variance grows, and what its integral over an interval is, given its increment there.

A path runs in the clock of a form (forms.py). Positions are lambda in units of UNIT; equation numbers are those of
docs/noise.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from ..forms import Form, panels

UNIT = 2.0**-20
# Clocks of more extreme eta run as these: float32 could not hold what is early in a cell beside what is late.
FLATTEST, STEEPEST = 1e-6, 16.0
SHORTEST = 1e-8  # in lambda; pieces of shorter intervals would be lost to rounding

POINTS, POINT_WEIGHTS = np.polynomial.legendre.leggauss(10)


@dataclass(frozen=True)
class Clock:
    """How the variance of a form's noise is distributed over lambda."""

    form: Form

    def spread(self, start: float, stop: float, at: float) -> float:
        """The variance that the noise of [start, stop] has at position `at` >= stop (equation 2)."""
        s, t, end = (math.exp(-UNIT * position) for position in (start, stop, at))
        growth: float = self.form.growth(end, t)
        variance: float = self.form.variance(t, s)
        return growth**2 * variance

    def middle(self, left: int, right: int) -> tuple[float, float]:
        """The bridge's value in the middle: the weight of the right end, and the variance that is left (equation 4).

        The variance is in units of spread(left, right, right).
        """
        middle, whole = (left + right) // 2, self.spread(left, right, right)
        share = self.spread(left, middle, right) / whole
        return share, share * self.spread(middle, right, right) / whole

    def integral_given_increment(self, start: float, stop: float) -> tuple[float, float]:
        """(slope, deviation): the integral of equation 11 is slope * increment + deviation * a unit normal.

        start and stop are lambda, not positions.
        """
        if stop - start < SHORTEST:  # here every clock is even: equation 14
            whole = (stop - start) * float(self.form.weight(np.exp(-start)))
            return whole / 2, abs(whole) / math.sqrt(12)
        distances = panels(stop - start, 8 * max(1.0, self.form.eta))  # so short that a piece's ten points are exact
        pieces = Pieces(self, (stop - distances[::-1]) / UNIT)
        return float(pieces.slope), math.sqrt(pieces.variance)


def path_clock(form: Form) -> Clock:
    """The clock in which the path of a form's noise runs."""
    return Clock(replace(form, eta=min(max(form.eta, FLATTEST), STEEPEST)))


class Pieces:
    """The weighted integral of a path over [edges[0], edges[-1]], whose increment has variance 1 (equations 11 to 13).

    Of each piece: `whole`, the integral w_i of the weight, and `on_right`, the part r_i of it that multiplies the value
    at the piece's right end. `deviation`: of what the bridges in the pieces add. `slope`: the integral's covariance
    with the increment; `variance`: what it has beside that.
    """

    def __init__(self, clock: Clock, edges: Sequence[float] | np.ndarray) -> None:
        pieces = [self._piece(clock, left, right) for left, right in pairwise(edges)]
        self.on_right, self.whole, bridges = np.array(pieces).T
        spreads = np.array([clock.spread(left, right, edges[-1]) for left, right in pairwise(edges)])
        spreads /= clock.spread(edges[0], edges[-1], edges[-1])
        later = np.cumsum(self.whole[::-1])[::-1] - self.whole  # an increment counts in full in all later pieces
        of_increments = self.on_right + later
        self.slope = of_increments @ spreads
        self.deviation = math.sqrt(bridges @ spreads)
        self.variance = (of_increments - self.slope) ** 2 @ spreads + bridges @ spreads

    @staticmethod
    def _piece(clock: Clock, left: float, right: float) -> tuple[Any, Any, Any]:
        """r_i, w_i and b_i of equation 12, by Gauss and Legendre's ten points."""
        places = left + (right - left) * (POINTS + 1) / 2
        levels = np.exp(-UNIT * places)
        measure = (right - left) * UNIT * POINT_WEIGHTS / 2 * clock.form.weight(levels)
        shares = np.array([clock.spread(left, place, right) for place in places]) / clock.spread(left, right, right)
        ahead = np.array([clock.form.weight_integral(math.exp(-UNIT * right), level) for level in levels])
        on_right = measure @ shares
        return on_right, measure.sum(), 2 * measure @ (ahead * shares) - on_right**2
