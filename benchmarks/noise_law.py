"""What is exact in the noise of an image and what is not: python benchmarks/noise_law.py

Increments and integrals are weighted sums of independent Gaussians, so variances and correlations follow from the
weights. Only the last lines draw any. docs/noise.md quotes the figures.
"""

import argparse
import math
import random
from itertools import product

import numpy as np
import torch

from seeds_samplers.sampling.forms import FORMS, form_of
from seeds_samplers.sampling.noise.brownian import CELL_LENGTH, combination, positions
from seeds_samplers.sampling.noise.clock import UNIT, Clock, Pieces
from seeds_samplers.sampling.noise.gaussians import hashed_places, torch_sums
from seeds_samplers.sampling.noise.integral import integral_points, integral_weights
from seeds_samplers.sampling.noise.keys import NODE, key_of, key_pairs
from seeds_samplers.sampling.noise.sums import GaussianSums, numpy_sums

CLOCKS = [Clock(form_of(name, eta, 0.5)) for name, eta in product(FORMS, (0.3, 1.0))]
EVEN = Clock(form_of("data", 1e-6, 1.0))  # variance grows evenly in lambda
LENGTHS = {"1/16 and longer": (2.0**-4, 4.0), "1/256 to 1/16": (2.0**-8, 2.0**-4), "shorter": (2.0**-16, 2.0**-8)}


def inner(a, b):
    """The covariance of two weighted sums."""
    return math.fsum(a[name] * b[name] for name in a.keys() & b.keys())


def increment(clock, start, stop):
    return combination(clock, start, stop, {stop: 1.0})


def overlap(clock, a, b):
    """The covariance that two unit increments should have (equation 2)."""
    start, stop, end = max(a[0], b[0]), min(a[1], b[1]), max(a[1], b[1])
    if start >= stop:
        return 0.0
    shared, *own = (clock.spread(*interval, end) for interval in ((start, stop), a, b))
    return shared / math.sqrt(own[0] * own[1])


def random_interval(rng, least, most):
    """In lambda, between -4 and 4, of a length that is as likely to be short as long."""
    start = rng.uniform(-4, 4 - most)
    return start, start + least * (most / least) ** rng.random()


def increments(rng, count):
    """Gaussians an increment, by length; and how far the law of any two on the finest lattice is from Brownian."""
    for name, bounds in LENGTHS.items():
        ends = [positions(*random_interval(rng, *bounds)) for _ in range(count)]
        sizes = [len(increment(clock, *interval)) for clock, interval in zip(CLOCKS * count, ends, strict=False)]
        print(f"Gaussians an increment, {name}: {np.mean(sizes):.1f} on average, {max(sizes)} at most")
    worst = 0.0
    for _ in range(count):
        clock = rng.choice(CLOCKS)
        a, b = (tuple(sorted(rng.sample(range(-6 * CELL_LENGTH, 6 * CELL_LENGTH), 2))) for _ in range(2))
        one, other = increment(clock, *a), increment(clock, *b)
        errors = inner(one, other) - overlap(clock, a, b), inner(one, one) - 1
        worst = max(worst, *map(abs, errors))
    print(f"variances and covariances of increments: within {worst:.0e} of Brownian motion's")


def neighbours(rng, count):
    """The largest correlation of an interval of 1/16 with a shorter one right after it, an even clock."""
    for length in (2.0**-5, 2.0**-8 * 1.01, 2.0**-11):
        worst = 0.0
        for _ in range(count):
            middle = rng.uniform(-1, 1)
            a, b = positions(middle - 2.0**-4 * 1.0001, middle), positions(middle, middle + length)
            worst = max(worst, abs(inner(increment(EVEN, *a), increment(EVEN, *b))))
        print(f"correlation of 1/16 in lambda with the next {length:.2g}: up to {worst:.1%}")


def many_short_ones(rng, count):
    """How far a sum of rescaled increments is from the path, relative to its size: 1 / (64 * 2 * sqrt(6)) expected."""
    squares = []
    for _ in range(count):
        start, length = rng.uniform(-1, 1), 2.0**-4 * rng.uniform(1, 1.03)
        begin, end = positions(start, start + length)
        given, rounded = length / UNIT, end - begin
        squares.append((math.sqrt(given / rounded) - 1) ** 2)
    print(f"what rounding adds to a path of intervals of 1/16: 1/{1 / math.sqrt(np.mean(squares)):.0f} of its size")


def integrals(rng, count):
    """Gaussians an integral, its law beside that before rounding, and what the bridges drawn afresh add."""
    sizes, worst, shares = [], 0.0, []
    for _ in range(count):
        clock, (start, stop) = rng.choice(CLOCKS), random_interval(rng, 2.0**-4, 1.0)
        begin, end = positions(start, stop, 0.0)
        points, deviation = integral_points(clock, begin, end, start / UNIT, stop / UNIT)
        integral = combination(clock, begin, end, points)
        slope, rest = clock.integral_given_increment(start, stop)
        found = inner(integral, increment(clock, begin, end)), inner(integral, integral) + deviation**2
        worst = max(worst, abs(found[0] / slope - 1), abs(found[1] / (slope**2 + rest**2) - 1))
        sizes.append(len(integral_weights(clock, begin, end, start / UNIT, stop / UNIT)))
        shares.append(deviation**2 / rest**2)
    print(f"Gaussians an integral, 1/16 to 1: {np.mean(sizes):.0f} on average, {max(sizes)} at most")
    print(f"variance of integrals, and covariance with the increment: within {worst:.0e} of the exact ones")
    print(f"drawn afresh of an integral's variance given the increment: 1/{1 / max(shares):.0f} at most")


def bridges():
    """The integral over [0, 1] with the path known at n places only: what is left to bridges falls as 1 / n^2."""
    for pieces in (1, 8, 32, 64):
        edges = [CELL_LENGTH * 4 * i / pieces for i in range(pieces + 1)]
        law = Pieces(EVEN, edges)
        print(
            f"an integral known at the ends of {pieces} pieces: 1/{law.variance / law.deviation**2:.0f} is drawn afresh"
        )


def gaussians(count):
    """torch's Gaussians beside numpy's, and the largest that there can be."""
    keys = key_pairs([key_of(NODE, number) for number in range(8)], [key_of("image", 0, 0)])
    sums, places, weights = GaussianSums(count // 2, torch.device("cpu")), hashed_places(count // 2), np.ones(1)
    apart = largest = 0.0
    for key in keys:
        tensors = [sums.empty(1) for _ in range(2)]
        one = numpy_sums([(tensors[0], key[None], weights)], [(1.0, tensors[0])], places)
        there = torch.from_numpy(places.view(np.int32))
        other = torch_sums([(tensors[1], key[None], weights)], [(1.0, tensors[1])], there)
        apart, largest = max(apart, (one - other).abs().max().item()), max(largest, one.abs().max().item())
    limit = math.sqrt(-2 * math.log(2.0**-32))
    print(f"{8 * count} Gaussians: numpy's and torch's within {apart:.0e}")
    print(f"the largest of them: {largest:.2f}; no Gaussian is larger than {limit:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000, help="random intervals a figure")
    options = parser.parse_args()
    rng = random.Random(1)
    increments(rng, options.count)
    neighbours(rng, options.count)
    many_short_ones(rng, options.count)
    integrals(rng, max(1, options.count // 10))
    bridges()
    gaussians(2**18)


if __name__ == "__main__":
    main()
