"""The tree: which keyed Gaussians make up a path's increments, and with what weights.

lambda is cut into cells, whose increments are independent, and each cell into halves, quarters, ...: the value in the
middle of an interval, given those at its ends, needs one Gaussian more (Levy's construction of a Brownian bridge). The
Gaussians belong to places in this tree, not to the question, so any question finds the same path. Ends of intervals are
rounded to a lattice; docs/noise.md, section 4, says what that changes.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache

from .clock import UNIT, Clock
from .keys import CELL, NODE, Name

CELL_LENGTH = 2**18  # in positions: a quarter in lambda
# From which length in lambda on which spacing of the lattice, in positions, is used. That 64 or more fit keeps what the
# scaling to the exact variance adds to a path of short intervals, 1/300 of its size, below what the steps leave.
LATTICES = ((2.0**-4, 2**10), (2.0**-8, 2**5), (0.0, 1))

Weights = dict[Name, float]  # of Gaussians


def positions(start: float, stop: float, shortest: float = math.inf) -> tuple[int, int]:
    """The ends of an interval in lambda as positions on its lattice; equal where it is too short for any.

    The lattice is that of the length `shortest`, if the interval is longer.
    """
    spacing = next(spacing for length, spacing in LATTICES if min(stop - start, shortest) >= length)
    begin, end = (round(end / (UNIT * spacing)) * spacing for end in (start, stop))
    return begin, end


def cell_of(position: int) -> int:
    return position // CELL_LENGTH


def scale(clock: Clock, cell: int, start: int, stop: int) -> float:
    """What a cell's increment of variance 1 is worth in an increment of variance 1 over [start, stop] (equation 6)."""
    at = max((cell + 1) * CELL_LENGTH, stop)
    whole = clock.spread(cell * CELL_LENGTH, (cell + 1) * CELL_LENGTH, at)
    return math.sqrt(whole / clock.spread(start, stop, at))


@lru_cache(maxsize=8)  # an interval starts where the last one ended
def bridge(clock: Clock, position: int) -> tuple[float, Weights]:
    """The path inside a cell from its start to `position`, in units of the cell's increment (equation 5).

    Returns the weight of the cell's own Gaussian and those of the tree's.
    """
    left = cell_of(position) * CELL_LENGTH
    right = left + CELL_LENGTH
    cell, above = clock.spread(left, right, right), right
    halvings, size = [], CELL_LENGTH
    while left < position:  # from the cell down to the interval that ends at `position`
        middle, on_the_right = left + size // 2, position >= left + size // 2
        share, variance = clock.middle(left, left + size)
        deviation = math.sqrt(variance * clock.spread(left, left + size, above) / cell)
        halvings.append((middle, share, deviation, on_the_right))
        size //= 2
        left = middle if on_the_right else left
    # and back up: the value is low * (value on the left) + high * (value on the right) + the nodes below
    low, high, nodes = 1.0, 0.0, {}
    for middle, share, deviation, on_the_right in reversed(halvings):
        if on_the_right:
            nodes[middle] = low * deviation
            low, high = low * (1 - share), high + low * share
        else:
            nodes[middle] = high * deviation
            low, high = low + high * (1 - share), high * share
    return high, {(NODE, node): weight for node, weight in nodes.items() if weight}


def combination(clock: Clock, start: int, stop: int, points: Mapping[int, float]) -> Weights:
    """The sum over points {position: weight} of weight * (path there - path at start), in its Gaussians (equation 7).

    In units in which the increment over [start, stop] has variance 1.
    """
    first, last = cell_of(start), cell_of(stop)
    scales = {cell: scale(clock, cell, start, stop) for cell in range(first, last + 1)}
    total: defaultdict[Name, float] = defaultdict(float)
    for position, weight in [*points.items(), (start, -sum(points.values()))]:
        cell = cell_of(position)
        share, nodes = bridge(clock, position)
        for before in range(first, cell):
            total[CELL, before] += weight * scales[before]
        total[CELL, cell] += weight * scales[cell] * share
        for node, node_weight in nodes.items():
            total[node] += weight * scales[cell] * node_weight
    return {name: weight for name, weight in total.items() if weight}
