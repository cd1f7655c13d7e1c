"""The Brownian paths of some images: sums of keyed Gaussians (normals.py) with the weights of brownian.py."""

import math

import numpy as np

from .brownian import bridge, cell_of, positions
from .normals import Normals, key_of, key_pairs


class Paths:
    """The paths of some images in one clock. Positions are those of brownian.py; tensors are (images, 2, half)."""

    def __init__(self, keys, half, device, clock):
        self.keys = [key_of("image", *key) for key in keys]
        self.clock, self.normals = clock, Normals(half, device)
        self.kept = {}  # sums at the end of the last interval, where the next one starts

    def sum(self, parts, keep=()):
        """The sum of factor * part over {name: (factor, part)}, a part being {Gaussian: weight}.

        Parts that are kept by their names are not drawn again; if `keep` has any, those are kept instead.
        """
        drawn, factors, tensors = [], [], {}
        for name, (factor, part) in parts.items():
            tensors[name] = self.kept.get(name)
            if tensors[name] is None:
                tensors[name] = self.normals.empty(len(self.keys))
                keys = key_pairs([key_of(*gaussian) for gaussian in part], self.keys)
                drawn.append((tensors[name], keys, np.array(list(part.values()))))
            factors.append((factor, tensors[name]))
        total = self.normals.combine(drawn, factors)
        if keep:
            self.kept = {name: tensors[name] for name in keep if name in tensors}
        return total

    def gaussians(self, part):
        """The sum of the Gaussians {(purpose, *numbers): weight}."""
        return self.sum({"": (1.0, part)})

    def parts(self, start, stop, shortest):
        """For `sum`: the parts of the interval's unit normals, start < stop in lambda, and which to keep of them.

        shortest: the ends are rounded as those of an interval of that length.
        """
        if stop == math.inf:  # the rest of the path has no clock; nothing else will ask for a part of it
            return {"": (1.0, {("rest", start): 1.0})}, ()
        begin, end = positions(start, stop, shortest)
        if begin == end:
            return {"": (1.0, {("interval", start, stop): 1.0})}, ()
        return self.increment(begin, end)

    def increment(self, start, stop):
        """`parts` of the increment over [start, stop], positions: the path at its end less that at its start."""
        first, last = cell_of(start), cell_of(stop)
        scale = [self.clock.scale(cell, start, stop) for cell in range(first, last + 1)]
        (share, nodes), (last_share, last_nodes) = (bridge(self.clock, position) for position in (start, stop))
        cells = {cell: scale[cell - first] for cell in range(first, last)} | {last: scale[-1] * last_share}
        cells[first] -= scale[0] * share
        parts = {
            ("nodes", start): (-scale[0], nodes),
            ("nodes", stop): (scale[-1], last_nodes),
            **{("cell", cell): (cells[cell], {("cell", cell): 1.0}) for cell in (first, last)},
            "between": (1.0, {("cell", cell): cells[cell] for cell in range(first + 1, last)}),
        }
        return {name: part for name, part in parts.items() if part[1]}, [("nodes", stop), ("cell", last)]

    def integral(self, begin, end, start, stop):
        """The integral of Clock.integral."""
        points, deviation = self.clock.integral(begin, end, start, stop)
        return self.gaussians({**self.clock.combination(begin, end, points), ("bridges", begin, end): deviation})

    def integral_of_one(self, start, stop):
        """The integral over an interval too short for any lattice, whose increment is a Gaussian of its own."""
        slope, deviation = self.clock.integral_given_increment(start, stop)
        return self.gaussians({("interval", start, stop): slope, ("bridges", start, stop): deviation})
