"""The three semilinear forms: reference values, exactness against mpmath, and the laws that link their parts."""

import math
from functools import cache

import mpmath
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from problems import PREDICTIONS, quick_first

from seeds_samplers.sampling import forms as module
from seeds_samplers.sampling.forms import form_of, lambda_step, polynomial_weights

REFERENCE = """
data  0.5 0.252982212813  0.747017787187  1.369474313772  0.684737156886
data  1.0 0.160000000000  0.840000000000  1.624890598399  0.812445299200
noise 1.0 1.000000000000 -6.000000000000 -7.644420022871 -3.822210011436
v     0.5 0.290400588595  0.754690322253  1.342479693777  0.671239846889
v     1.0 0.192307692308  0.861534846910  1.612398301042  0.806199150521
"""
levels = st.floats(1e-3, 1e3)
etas = st.floats(0, 20)
forms = st.builds(form_of, st.sampled_from(PREDICTIONS), etas, st.floats(0.05, 20))


@pytest.mark.parametrize("row", REFERENCE.split("\n")[1:-1])
def test_weights_are_those_of_the_reference_table(row):
    name, *numbers = row.split()
    eta, growth, one, two, three = map(float, numbers)
    form = form_of(name, eta, 1.0)
    assert form.growth(2, 5) == pytest.approx(growth, abs=1e-12)
    assert polynomial_weights(form, 2, 5, [0])[0] == pytest.approx(one, abs=1e-11)
    assert polynomial_weights(form, 2, 5, [0, 1 / 3])[1] == pytest.approx(two, abs=1e-11)
    assert polynomial_weights(form, 2, 5, [0, 2 / 3])[1] == pytest.approx(three, abs=1e-11)


def test_the_noise_forms_weights_for_other_stage_points():
    form = form_of("noise", 1.0, 1.0)
    assert polynomial_weights(form, 2, 5, [0, 0.2])[1] == pytest.approx(-12.740700038119, abs=1e-11)
    assert polynomial_weights(form, 2, 5, [0, 0.7])[1] == pytest.approx(-3.640200010891, abs=1e-11)


def exact_weights(form, t, s, choices):
    """The weights of each choice of nodes by mpmath, with 30 digits, from the integral's definition."""
    with mpmath.workdps(30):
        t, s, eta, sd = (mpmath.mpf(v) for v in (t, s, form.eta, form.sigma_data))
        q, h = 1 + eta, mpmath.log(s / t)
        pieces = [h * k / 16 for k in range(17)]

        @cache  # all integrals are of it, at the same points
        def kernel(u):
            tau = s * mpmath.exp(-u)
            if type(form).__name__ == "DataForm":
                return q * (t / tau) ** q
            if type(form).__name__ == "NoiseForm":
                return -q * tau
            return q * mpmath.sqrt((t**2 + sd**2) / (tau**2 + sd**2)) ** q * tau * sd / mpmath.sqrt(tau**2 + sd**2)

        def basis(u, nodes, j):
            return mpmath.fprod((u / h - n) / (nodes[j] - n) for k, n in enumerate(nodes) if k != j)

        return [
            [mpmath.quad(lambda u, n=nodes, j=j: kernel(u) * basis(u, n, j), pieces) for j in range(len(nodes))]
            for nodes in choices
        ]


@pytest.mark.parametrize("h", quick_first([1, 30, 1e-6, 1e-3, 0.1, 3, 10]))
@pytest.mark.parametrize("name", PREDICTIONS)
@pytest.mark.parametrize("eta", quick_first([1.0, 0.0, 7.0]))
def test_weights_are_accurate_from_tiny_to_huge_steps(name, eta, h):
    form, s = form_of(name, eta, 0.7), 300.0
    t = s * math.exp(-h)
    choices = [0.0], [0.0, 0.5], [0.0, 1 / 3, 2 / 3], [0.0, -0.8]
    for nodes, exact in zip(choices, exact_weights(form, t, s, choices), strict=True):
        weights = polynomial_weights(form, t, s, nodes)
        scale = max(map(abs, weights))
        assert all(abs(ours - theirs) <= 2e-13 * scale for ours, theirs in zip(weights, exact, strict=True))


@given(forms, levels, levels, levels)
def test_two_steps_in_a_row_are_one(form, a, b, c):
    """Growth, noise and the weight of a constant prediction compose: the form solves an equation, not a step."""
    t, u, s = sorted((a, b, c))
    growth = form.growth(t, u)
    assert form.growth(t, s) == pytest.approx(growth * form.growth(u, s), rel=1e-9)
    variance = growth**2 * form.variance(u, s) + form.variance(t, u)
    assert form.variance(t, s) == pytest.approx(variance, rel=1e-8, abs=1e-30)
    (first,), (second,), (whole,) = (polynomial_weights(form, *ends, [0.0]) for ends in ((u, s), (t, u), (t, s)))
    assert whole == pytest.approx(growth * first + second, rel=1e-9, abs=1e-300)


@given(forms, levels, levels)
def test_weights_sum_to_the_weight_of_one_node(form, a, b):
    t, s = sorted((a, b))
    (whole,) = polynomial_weights(form, t, s, [0.0])
    for nodes in ([0.0, 0.5], [0.0, 0.2, 0.9], [0.0, -1.0, -1.7]):
        assert math.fsum(polynomial_weights(form, t, s, nodes)) == pytest.approx(whole, rel=1e-11, abs=1e-300)


@pytest.mark.parametrize("name", PREDICTIONS)
@pytest.mark.parametrize("eta", [0.0, 1.0, 7.0])
def test_finer_panels_change_nothing(monkeypatch, name, eta):
    """The quadrature has converged over the whole range of steps: four times the panels give the same plan."""
    form, s = form_of(name, eta, 0.7), 300.0

    def weights():
        steps = [10 ** (k / 4) for k in range(-24, 7)]
        return [w for h in steps for w in polynomial_weights(form, s * math.exp(-h), s, [0.0, 0.5, -0.7])]

    coarse = weights()
    monkeypatch.setattr(module, "PANEL", module.PANEL / 4)
    assert coarse == pytest.approx(weights(), rel=1e-12, abs=1e-300)


@given(etas, levels, levels)
def test_a_constant_denoised_is_a_fixed_point_of_the_data_form(eta, a, b):
    t, s = sorted((a, b))
    form = form_of("data", eta, 1.0)
    assert form.growth(t, s) + polynomial_weights(form, t, s, [0.0])[0] == pytest.approx(1, abs=1e-13)


@given(st.floats(1e-12, 1e3), levels)
@example(1.0, 621.7021201700098)
def test_a_short_step_keeps_its_relative_accuracy(relative, t):
    s = t * (1 + relative)
    with mpmath.workdps(40):
        exact = mpmath.log(mpmath.mpf(s) / mpmath.mpf(t))
        assert abs(lambda_step(t, s) - exact) <= 4e-16 * exact
        eta, spread = mpmath.mpf(0.5), mpmath.mpf(s) ** 2 + 1
        exact = (mpmath.mpf(t) ** 2 + 1) * (1 - ((mpmath.mpf(t) ** 2 + 1) / spread) ** eta)
        assert abs(form_of("v", 0.5, 1.0).variance(t, s) - exact) <= 2e-15 * exact
        exact = mpmath.mpf(t) ** 2 * (1 - mpmath.mpf(t) / mpmath.mpf(s))
        assert abs(form_of("data", 0.5, 1.0).variance(t, s) - exact) <= 2e-15 * exact
        exact = eta * (mpmath.mpf(s) ** 2 - mpmath.mpf(t) ** 2)
        assert abs(form_of("noise", 0.5, 1.0).variance(t, s) - exact) <= 2e-15 * exact


@pytest.mark.parametrize("eta", [1e4, 1e8, 1e12, 1e20])
def test_an_enormous_eta_keeps_the_data_form_exact(eta):
    """The state forgets all but the end of the step: growth is 0 and the weight of the denoised 1."""
    form = form_of("data", eta, 1.0)
    assert form.growth(0.01, 80.0) + polynomial_weights(form, 0.01, 80.0, [0.0])[0] == pytest.approx(1, abs=1e-13)
    assert form.variance(0.01, 80.0) == pytest.approx(1e-4)


def test_levels_whose_ratio_overflows():
    form = form_of("data", 1.0, 1.0)
    assert lambda_step(1e-307, 80.0) == pytest.approx(math.log(80) + 307 * math.log(10))
    assert polynomial_weights(form, 1e-307, 80.0, [0.0]) == pytest.approx([1])
