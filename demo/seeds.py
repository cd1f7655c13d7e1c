"""Seeds by the million as ranges: which there are, and which of them a folder lacks."""

import re

import numpy as np

MOST_SEEDS = 10**12


def ranges_of(name, text, most):
    """The ranges that "0-63,70" stands for; ValueError where a number is above `most`."""
    ranges = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,20})\s*(?:-\s*([0-9]{1,20})\s*)?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last <= most:
            raise ValueError(f"{name}: {text!r}; expected numbers up to {most} and ranges of them, such as 0-3,7")
        ranges.append(range(first, last + 1))
    return ranges


class Seeds:
    """Seeds in ascending order, each once; their places count from 0. No memory but for the ends of the ranges."""

    def __init__(self, ranges):
        merged = []
        for part in sorted(ranges, key=lambda part: part.start):
            if merged and part.start <= merged[-1].stop:
                merged[-1] = range(merged[-1].start, max(merged[-1].stop, part.stop))
            else:
                merged.append(part)
        sizes = [part.stop - part.start for part in merged]
        if sum(sizes) > MOST_SEEDS:
            raise ValueError(f"seeds: {sum(sizes)} numbers; expected at most {MOST_SEEDS}")
        self.firsts, self.sizes = np.array([part.start for part in merged], np.uint64), np.array(sizes, np.int64)
        self.ends = np.cumsum(self.sizes)  # the place after the last of each range

    def __len__(self):
        return int(self.ends[-1])

    def at(self, places):
        """The seeds at an array of places, as a list."""
        k = np.searchsorted(self.ends, places, side="right")
        inside = places - (self.ends[k] - self.sizes[k])
        return (self.firsts[k] + inside.astype(np.uint64)).tolist()

    def places_of(self, seeds):
        """The places of those of an array of seeds (uint64) that are among these, ascending."""
        k = np.searchsorted(self.firsts, seeds, side="right").astype(np.int64) - 1
        seeds, k = seeds[k >= 0], k[k >= 0]
        inside = seeds - self.firsts[k]
        here = inside < self.sizes[k].astype(np.uint64)
        return np.unique((self.ends - self.sizes)[k[here]] + inside[here].astype(np.int64))


class Missing:
    """Those of some Seeds that are not in `there`, an array (uint64), in ascending order."""

    def __init__(self, seeds, there):
        places = seeds.places_of(there)
        self.seeds, self.before = seeds, places - np.arange(len(places))  # how many are missing before each

    def __len__(self):
        return len(self.seeds) - len(self.before)

    def batches(self, rank, count, size):
        """Lists of at most `size` seeds, every count-th from number `rank` on."""
        own = range(rank, len(self), count)
        for start in range(0, len(own), size):
            numbers = np.array(own[start : start + size], np.int64)
            yield self.seeds.at(numbers + np.searchsorted(self.before, numbers, side="right"))
