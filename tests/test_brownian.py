"""The tree: sums of Gaussians whose covariances are exactly those of a Brownian motion in the form's clock.

Increments are linear in independent Gaussians, so their joint law is in the weights: nothing here is sampled.
"""

import math
from itertools import pairwise, product

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeds_samplers.sampling.forms import form_of
from seeds_samplers.sampling.noise.brownian import CELL_LENGTH, LATTICES, combination, positions
from seeds_samplers.sampling.noise.clock import UNIT, Clock
from seeds_samplers.sampling.noise.integral import integral_points

CLOCKS = [Clock(form_of(*form)) for form in product(("data", "noise", "v"), (1e-6, 0.3, 1, 16), (0.5, 3))]
OFTEN = [clock for clock in CLOCKS if clock.form.eta in (0.3, 1)]
ENDS = st.lists(st.integers(-6 * CELL_LENGTH, 6 * CELL_LENGTH), min_size=4, max_size=4, unique=True).map(sorted)


def increment(clock, start, stop):
    return combination(clock, start, stop, {stop: 1.0})


def covariance(a, b):
    return math.fsum(a[name] * b[name] for name in a.keys() & b.keys())


def expected(clock, a, b):
    """The covariance of the unit increments over two intervals."""
    start, stop = max(a[0], b[0]), min(a[1], b[1])
    if start >= stop:
        return 0.0
    end = max(a[1], b[1])
    spread = [clock.spread(*interval, end) for interval in ((start, stop), a, b)]
    return spread[0] / math.sqrt(spread[1]) / math.sqrt(spread[2])


@given(st.sampled_from(CLOCKS), ENDS)
def test_any_two_intervals_have_the_covariance_of_brownian_motion(clock, ends):
    intervals = [*pairwise(ends), (ends[0], ends[2]), (ends[1], ends[3]), (ends[0], ends[3])]
    weights = [increment(clock, *interval) for interval in intervals]
    for (a, one), (b, other) in product(zip(intervals, weights, strict=True), repeat=2):
        assert covariance(one, other) == pytest.approx(expected(clock, a, b), abs=1e-9)


@given(st.sampled_from(OFTEN), ENDS)
def test_between_two_known_values_the_path_is_a_bridge(clock, ends):
    """Given the increment over [a, d], that over [a, b] has the mean and the variance of a Brownian bridge."""
    a, b, _, d = ends
    part, whole = increment(clock, a, b), increment(clock, a, d)
    share = clock.spread(a, b, d) / clock.spread(a, d, d)
    slope = covariance(part, whole)  # regression of one unit normal on another
    assert slope**2 == pytest.approx(share, rel=1e-6, abs=1e-12)
    assert 1 - slope**2 == pytest.approx(clock.spread(b, d, d) / clock.spread(a, d, d), rel=1e-6, abs=1e-6)


@given(st.floats(-20, 20), st.floats(1e-9, 30))
def test_ends_are_rounded_to_a_lattice_that_does_not_move(start, length):
    stop = start + length
    begin, end = positions(start, stop)
    spacing = next(spacing for least, spacing in LATTICES if stop - start >= least)
    assert begin % spacing == end % spacing == 0
    assert abs(begin * UNIT - start) <= spacing * UNIT / 2 and abs(end * UNIT - stop) <= spacing * UNIT / 2
    assert spacing * UNIT <= 1 / 1024


LENGTHS = st.floats(2**-8 * 1.000001, 2**-4 * 0.999999)  # beside the bounds, not on them: ends are rounded


@given(st.floats(-20, 20), LENGTHS, LENGTHS)
def test_neighbours_between_1_256_and_1_16_long_are_independent(start, length, other):
    """On one lattice their common end is one position; so are those of two that are longer."""
    assert positions(start, start + length)[1] == positions(start + length, start + length + other)[0]
    assert positions(start, start + 16 * length)[1] == positions(start + 16 * length, start + 16 * (length + other))[0]


def test_an_interval_is_at_least_64_spacings_long_but_on_the_finest_lattice():
    assert all(length / (spacing * UNIT) >= 64 for length, spacing in LATTICES[:-1])
    assert LATTICES[-1] == (0, 1)


@pytest.mark.parametrize("clock", OFTEN, ids=lambda clock: str(clock.form))
@pytest.mark.parametrize(("start", "stop"), [(-1.3, -0.6), (0.11, 0.12), (2.0, 2.9)])
def test_the_integral_is_jointly_gaussian_with_the_increment(clock, start, stop):
    """Variance and covariance against numerical integrals of the clock, for the interval as it was before rounding."""
    form, units = clock.form, (start / UNIT, stop / UNIT)
    whole = clock.spread(*units, units[1])

    def grown(place):
        return clock.spread(units[0], place / UNIT, units[1]) / whole

    def weight(place):
        return float(form.weight(math.exp(-place)))

    covariance_then = float(mpmath.quad(lambda u: weight(u) * grown(u), [start, stop]))
    rest = mpmath.quad(
        lambda u: form.weight_integral(math.exp(-stop), math.exp(-u)) * weight(u) * grown(u), [start, stop]
    )
    begin, end = positions(start, stop)
    points, deviation = integral_points(clock, begin, end, *units)
    integral = combination(clock, begin, end, points)
    assert covariance(integral, increment(clock, begin, end)) == pytest.approx(covariance_then, rel=1e-7)
    assert covariance(integral, integral) + deviation**2 == pytest.approx(2 * float(rest), rel=1e-7)
    assert deviation**2 < (2 * float(rest) - covariance_then**2) / 1000


@pytest.mark.parametrize("eta", [0.3, 1, 6, 16])
@pytest.mark.parametrize("h", [1e-7, 1e-5, 9e-4, 0.02])
def test_the_integral_of_a_short_interval(eta, h):
    """In the data form the clock is exp(2 eta lambda), so that slope and variance have closed forms."""
    slope, deviation = Clock(form_of("data", eta, 1.0)).integral_given_increment(0.3 - h, 0.3)
    with mpmath.workdps(40):
        q, length = 2 * mpmath.mpf(eta), mpmath.mpf(h)
        whole = mpmath.expm1(q * length)
        expected = (whole / q - length) / whole
        square = 2 * mpmath.quad(lambda u: (length - u) * mpmath.expm1(q * u) / whole, [0, length])
    assert slope == pytest.approx(float(expected), rel=1e-8)
    assert deviation**2 == pytest.approx(float(square - expected**2), rel=1e-7)


@pytest.mark.parametrize("clock", OFTEN, ids=lambda clock: str(clock.form))
def test_the_integrals_of_two_intervals_make_up_that_of_both(clock):
    """It is one path's: all but what is drawn afresh between its places, less than 1/1000 of the variance."""
    a, b, c = (CELL_LENGTH * end // 1024 for end in (700, 1300, 2500))

    def parts(begin, end, whole):
        """In units of the increment over `whole`."""
        points, deviation = integral_points(clock, begin, end, begin, end)
        size = math.sqrt(clock.spread(begin, end, whole[1]) / clock.spread(*whole, whole[1]))
        return {name: size * value for name, value in combination(clock, begin, end, points).items()}, size * deviation

    both, rest = parts(a, c, (a, c))
    total, squares = dict(both), rest**2
    for begin, end in ((a, b), (b, c)):
        part, own = parts(begin, end, (a, c))
        squares += own**2
        for name, value in part.items():
            total[name] = total.get(name, 0.0) - value
    head = math.sqrt(clock.spread(a, b, c) / clock.spread(a, c, c))
    length = clock.form.weight_integral(math.exp(-UNIT * c), math.exp(-UNIT * b))
    for name, value in increment(clock, a, b).items():
        total[name] = total.get(name, 0.0) - head * length * value
    assert covariance(total, total) <= 1.5 * squares
    assert squares < covariance(both, both) / 500
