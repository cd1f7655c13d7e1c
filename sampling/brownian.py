"""A Brownian path as a function of lambda: which keyed Gaussians make up its increments, and with what weights.

lambda is cut into cells, whose increments are independent, and each cell into halves, quarters, ...: the value in the
middle of an interval, given those at its ends, needs one Gaussian more (Levy's construction of a Brownian bridge). The
Gaussians belong to the places in this tree, not to the question, so any question finds the same path, and no order of
questions, no schedule and no start or end of a run changes it. The clock, in which the path's variance grows evenly,
is that of a prediction (prediction.py); the Gaussians are the same for every clock.

Positions are whole numbers of units of lambda. Ends of intervals are rounded to a lattice, the weights scaled so that
the variance is exactly 1. Two intervals on one lattice that do not overlap are independent exactly. A short interval
has a finer lattice; next to a long one it may share up to half of the coarser spacing, 2^-11 in lambda: a correlation
of up to 9 % where one of 2^-4 ends inside one of 2^-11, and about 1 % at most where the shorter is 2^-5 or longer.
"""

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np

from .prediction import panels

UNIT = 2.0**-20
CELL = 2**18  # units: a quarter in lambda
# From which length in lambda on which spacing of the lattice, in units, is used. That 64 or more fit keeps what the
# scaling to the exact variance adds to a path of short intervals, 1/300 of its size, below what the steps leave.
LATTICES = ((2.0**-4, 2**10), (2.0**-8, 2**5), (0.0, 1))
# Clocks of more extreme eta run as these: float32 could not hold what is early in a cell beside what is late.
FLATTEST, STEEPEST = 1e-6, 16.0
PIECES = 32  # of an interval, at least, at whose ends the integral knows the path

POINTS, POINT_WEIGHTS = np.polynomial.legendre.leggauss(10)


def positions(start, stop, shortest=math.inf):
    """The interval's ends, in lambda, as whole units of its lattice; equal where it is too short for any.

    The lattice is that of the length `shortest`, if the interval is longer.
    """
    spacing = next(spacing for length, spacing in LATTICES if min(stop - start, shortest) >= length)
    return tuple(round(end / (UNIT * spacing)) * spacing for end in (start, stop))


def cell_of(position):
    return position // CELL


@dataclass(frozen=True)
class Clock:
    """How the variance of the path of a form's noise is distributed over lambda."""

    form: object

    def spread(self, start, stop, at):
        """The variance that the noise of the interval has at position `at` >= stop >= start."""
        s, t, end = (math.exp(-UNIT * position) for position in (start, stop, at))
        return self.form.growth(end, t) ** 2 * self.form.variance(t, s)

    def middle(self, left, right):
        """Of the value in the middle: how much of it is that on the right, and its variance given both ends.

        The variance is a multiple of spread(left, right, at=right).
        """
        middle, whole = (left + right) // 2, self.spread(left, right, right)
        share = self.spread(left, middle, right) / whole
        return share, share * self.spread(middle, right, right) / whole

    def scale(self, cell, start, stop):
        """What a cell's increment of variance 1 is worth in an increment of variance 1 over the interval."""
        at = max((cell + 1) * CELL, stop)
        return math.sqrt(self.spread(cell * CELL, (cell + 1) * CELL, at) / self.spread(start, stop, at))

    def combination(self, start, stop, points):
        """The sum over points {position: weight} of weight * (path there - path at start), its Gaussians' weights.

        In units in which the increment over [start, stop] has variance 1. {("cell" or "node", number): weight}.
        """
        first, last = cell_of(start), cell_of(stop)
        scales = {cell: self.scale(cell, start, stop) for cell in range(first, last + 1)}
        total = defaultdict(float)
        for position, weight in [*points.items(), (start, -sum(points.values()))]:
            cell = cell_of(position)
            share, nodes = bridge(self, position)
            for before in range(first, cell):
                total["cell", before] += weight * scales[before]
            total["cell", cell] += weight * scales[cell] * share
            for node, node_weight in nodes.items():
                total[node] += weight * scales[cell] * node_weight
        return {name: weight for name, weight in total.items() if weight}

    def integral_given_increment(self, start, stop):
        """The integral of `integral` over [start, stop] in lambda, is slope * increment + deviation * a unit normal.

        Returns (slope, deviation).
        """
        if stop - start < 1e-8:  # pieces would be lost to rounding; here any clock is that of Brownian motion
            whole = (stop - start) * float(self.form.weight(np.exp(-start)))
            return whole / 2, abs(whole) / math.sqrt(12)
        distances = panels(stop - start, 8 * max(1.0, self.form.eta))  # so short that a piece's ten points are exact
        pieces = Pieces(self, (stop - distances[::-1]) / UNIT)
        return float(pieces.slope), math.sqrt(pieces.variance)

    def integral(self, begin, end, start, stop):
        """The integral of weight * (path - path at start) in lambda, in units of an increment of variance 1.

        Over the interval [start, stop], not whole, of which [begin, end] is the rounded one. Known is the path at the
        ends of PIECES or more pieces; between them it is a bridge. Returns the points of `combination` and the
        standard deviation of what the bridges add, a Gaussian of its own. Rounding changes neither the variance nor
        the covariance with the increment.
        """
        size = 1 << max(0, ((end - begin) // PIECES).bit_length() - 1)
        inner = range((begin // size + 1) * size, end, size)
        rounded, exact = (Pieces(self, [left, *inner, right]) for left, right in ((begin, end), (start, stop)))
        scale = math.sqrt(exact.variance / rounded.variance)
        points = defaultdict(float)
        edges = pairwise([begin, *inner, end])
        for (left, right), on_right, whole in zip(edges, rounded.on_right, rounded.whole, strict=True):
            points[left] += scale * (whole - on_right)
            points[right] += scale * on_right
        points[end] += exact.slope - scale * rounded.slope
        return points, scale * rounded.deviation


def path_clock(form):
    """The clock in which the path of a form's noise runs."""
    return Clock(replace(form, eta=min(max(form.eta, FLATTEST), STEEPEST)))


@lru_cache(maxsize=8)  # an interval starts where the last one ended
def bridge(clock, position):
    """The path inside a cell, of whose increment the Gaussian has variance 1, from its start to `position`.

    Returns the weight of the cell's own Gaussian and {("node", position): weight} for those of the tree.
    """
    left = cell_of(position) * CELL
    right = left + CELL
    cell, above = clock.spread(left, right, right), right
    taken, size = [], CELL
    while left < position:
        middle = left + size // 2
        share, variance = clock.middle(left, left + size)
        scale = clock.spread(left, left + size, above) / cell
        taken.append((middle, share, math.sqrt(variance * scale), position >= middle))
        size //= 2
        left = middle if position >= middle else left
    # from the bottom up: the value is low * (value on the left) + high * (value on the right) + the nodes below
    low, high, nodes = 1.0, 0.0, {}
    for middle, share, deviation, on_the_right in reversed(taken):
        if on_the_right:
            nodes[middle] = low * deviation
            low, high = low * (1 - share), high + low * share
        else:
            nodes[middle] = high * deviation
            low, high = low + high * (1 - share), high * share
    return high, {("node", node): weight for node, weight in nodes.items() if weight}


class Pieces:
    """The weighted integral of a path over [edges[0], edges[-1]], whose increment is to have variance 1.

    whole and on_right: of each piece, the integral of the weight, and how much of it is the weight of the value at its
    right end, the rest being that of the left one. deviation: of what the bridges in the pieces add. slope: the
    integral's covariance with the increment; variance: what it has beside that.
    """

    def __init__(self, clock, edges):
        pieces = [self._piece(clock, *ends) for ends in pairwise(edges)]
        self.on_right, self.whole, bridges = np.array(pieces).T
        spreads = np.array([clock.spread(left, right, edges[-1]) for left, right in pairwise(edges)])
        spreads /= clock.spread(edges[0], edges[-1], edges[-1])
        of_increments = self.on_right + np.cumsum(self.whole[::-1])[::-1] - self.whole
        self.slope = of_increments @ spreads
        self.deviation = math.sqrt(bridges @ spreads)
        self.variance = (of_increments - self.slope) ** 2 @ spreads + bridges @ spreads

    @staticmethod
    def _piece(clock, left, right):
        """on_right, whole, and the variance of what the bridge adds as a multiple of the increment's, by parts."""
        places = left + (right - left) * (POINTS + 1) / 2
        levels = np.exp(-UNIT * places)
        measure = (right - left) * UNIT * POINT_WEIGHTS / 2 * clock.form.weight(levels)
        shares = np.array([clock.spread(left, place, right) for place in places]) / clock.spread(left, right, right)
        ahead = np.array([clock.form.weight_integral(math.exp(-UNIT * right), level) for level in levels])
        on_right = measure @ shares
        return on_right, measure.sum(), 2 * measure @ (ahead * shares) - on_right**2
