"""The paths of some images in one clock: which sums of Gaussians answer a question, and what is kept of them."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch

from .brownian import Weights, bridge, cell_of, positions, scale
from .clock import UNIT, Clock
from .integral import integral_weights, integral_weights_of_one
from .keys import CELL, IMAGE, INTERVAL, REST, Name, key_of, key_pairs
from .seeds import ImageKey
from .sums import GaussianSums

Part = tuple[float, Weights]  # a factor, and a sum of Gaussians that may be kept for the next interval
Parts = dict[Name, Part]


class Increments:
    """Unit normals of intervals, and integrals over them, for images of 2 * half numbers: (images, 2, half).

    Positions are those of clock.py. The sums at the end of an interval are kept, since the next one starts there.
    """

    def __init__(self, images: Iterable[ImageKey], half: int, device: torch.device, clock: Clock) -> None:
        self.images = [key_of(IMAGE, *key) for key in images]
        self.clock, self.sums = clock, GaussianSums(half, device)
        self.kept: dict[Name, torch.Tensor] = {}

    def draw(self, parts: Mapping[Name, Part], keep: Sequence[Name] = ()) -> torch.Tensor:
        """The sum of factor * part.

        Parts that are kept by their names are not drawn again; if `keep` has any, those are kept instead.
        """
        drawn, factors, tensors = [], [], {}
        for name, (factor, weights) in parts.items():
            tensor = self.kept.get(name)
            if tensor is None:
                tensor = self.sums.empty(len(self.images))
                keys = key_pairs([key_of(*gaussian) for gaussian in weights], self.images)
                drawn.append((tensor, keys, np.array(list(weights.values()))))
            tensors[name] = tensor
            factors.append((factor, tensor))
        total = self.sums.combine(drawn, factors)
        if keep:
            self.kept = {name: tensors[name] for name in keep if name in tensors}
        return total

    def parts(self, start: float, stop: float, shortest: float) -> tuple[Parts, Sequence[Name]]:
        """For `draw`: the parts of the unit normals of an interval, start < stop in lambda, and which to keep.

        shortest: the ends are rounded as those of an interval of that length.
        """
        if stop == math.inf:  # the rest of the path has no clock; nothing else will ask for a part of it
            return {(REST,): (1.0, {(REST, start): 1.0})}, ()
        begin, end = positions(start, stop, shortest)
        if begin == end:
            return {(INTERVAL,): (1.0, {(INTERVAL, start, stop): 1.0})}, ()
        return self._of_tree(begin, end)

    def _of_tree(self, start: int, stop: int) -> tuple[Parts, Sequence[Name]]:
        """`parts` of the path at `stop` less that at `start` (equation 7).

        As brownian.combination has it for one point, but in parts that can be kept: the cells and nodes at each end.
        """
        first, last = cell_of(start), cell_of(stop)
        scales = [scale(self.clock, cell, start, stop) for cell in range(first, last + 1)]
        (share, nodes), (last_share, last_nodes) = (bridge(self.clock, position) for position in (start, stop))
        cells = {cell: scales[cell - first] for cell in range(first, last)} | {last: scales[-1] * last_share}
        cells[first] -= scales[0] * share
        parts: Parts = {
            ("nodes", start): (-scales[0], nodes),
            ("nodes", stop): (scales[-1], last_nodes),
            **{(CELL, cell): (cells[cell], {(CELL, cell): 1.0}) for cell in (first, last)},
            ("between",): (1.0, {(CELL, cell): cells[cell] for cell in range(first + 1, last)}),
        }
        return {name: part for name, part in parts.items() if part[1]}, [("nodes", stop), (CELL, last)]

    def integral(self, start: float, stop: float) -> torch.Tensor:
        """The integral of equation 11 over [start, stop] in lambda, its ends on the finest lattice."""
        begin, end = positions(start, stop, 0.0)
        if begin < end:
            weights = integral_weights(self.clock, begin, end, start / UNIT, stop / UNIT)
        else:
            weights = integral_weights_of_one(self.clock, start, stop)
        return self.draw({("integral",): (1.0, weights)})
