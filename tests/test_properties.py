"""Properties that hold for any noise levels, any eta and any stage points."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from problems import METHODS, PREDICTIONS, X, curved_denoiser, draw, responses

from seeds_samplers.sampling.forms import form_of

ZERO = {  # models whose prediction in the form is zero
    "data": lambda x, sigma: 0 * x,
    "noise": lambda x, sigma: x,
    "v": lambda x, sigma: x * (0.64 / (0.64 + sigma.view(-1, 1) ** 2)),
}


@st.composite
def runs(draw_value):
    """Sigmas, options and a method, over the range that is promised."""
    logs = draw_value(st.lists(st.floats(-9, 6), min_size=2, max_size=6, unique=True))
    sigmas = sorted((math.exp(value) for value in logs), reverse=True)
    assume(all(a > b * (1 + 1e-6) for a, b in pairwise(sigmas)))
    method = draw_value(st.sampled_from(sorted(METHODS)))
    options = {"eta": draw_value(st.floats(0, 5)), "prediction": draw_value(st.sampled_from(PREDICTIONS))}
    fractions = st.floats(0.05, 0.95) | st.just(1.0)  # closer to 1, an interval may round to none: another draw fewer
    if "2" in method:
        options["r"] = draw_value(fractions)
    if "3" in method:
        options["r_1"], options["r_2"] = sorted(draw_value(st.tuples(fractions, fractions)))
        assume(options["r_2"] - options["r_1"] > 0.05)
    return method, sigmas + [0.0] * draw_value(st.booleans()), options


@settings(max_examples=100)
@given(runs())
def test_any_sigmas_and_any_options_give_finite_results(run):
    method, sigmas, options = run
    levels = torch.tensor(sigmas, dtype=torch.float64)
    assert draw(method, x=X.double() / 20 * sigmas[0], sigmas=levels, **options).isfinite().all()


@settings(max_examples=100)
@given(runs())
def test_where_the_prediction_is_zero_any_run_is_exact(run):
    """Then y grows and gathers noise as the form says, from the first level to the last, however the way is cut up."""
    method, sigmas, options = run
    sigmas = [sigma for sigma in sigmas if sigma]
    form = form_of(options["prediction"], options["eta"], 0.8)
    sampler, variant = METHODS[method]
    to_x, to_noise = responses(sampler, ZERO[options["prediction"]], sigmas, sigma_data=0.8, **variant, **options)
    assert to_x.item() == pytest.approx(form.growth(sigmas[-1], sigmas[0]), abs=1e-12)  # rounding of terms near 1
    assert (to_noise**2).sum().item() == pytest.approx(form.variance(sigmas[-1], sigmas[0]), rel=1e-9, abs=1e-300)


@settings(max_examples=50)
@given(runs(), st.floats(1e-3, 1e3))
def test_scaling_data_and_noise_levels_scales_the_result(run, scale):
    """The equation has no unit of its own: only sigma_data has to be scaled along (and the path moved)."""
    method, sigmas, options = run
    levels, x = torch.tensor(sigmas, dtype=torch.float64), X.double()

    def plain_noise():
        generator = torch.Generator().manual_seed(0)
        return lambda sigma, sigma_next: torch.randn(x.shape, generator=generator)

    expected = draw(method, x=x, sigmas=levels, sigma_data=1.0, noise_sampler=plain_noise(), **options)
    scaled = draw(
        method,
        x=x * scale,
        sigmas=levels * scale,
        model=lambda x, sigma: curved_denoiser(x / scale, sigma / scale) * scale,
        sigma_data=scale,
        noise_sampler=plain_noise(),
        **options,
    )
    assert (scaled / scale - expected).abs().max() <= 1e-6 * expected.abs().max()
