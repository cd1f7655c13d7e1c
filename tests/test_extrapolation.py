"""The share of a difference that SEEDS-M's next point takes, against plan.Extrapolation's formula."""

import math

import pytest
import torch

from seeds_samplers.sampling.plan import Extrapolation, Stage
from seeds_samplers.sampling.solver import History

GIVEN = Extrapolation(most=0.4, least=0.1, turned=-0.3, scale=1.0)


def share(psi, rho, size=1.0):
    """Of a latent of two numbers, for <d, e> / <d, d> = psi and <d, d_before> / <d_before, d_before> = rho."""
    history, stage = History(), Stage(1.0, 0.5, (0.0,), (1.0,), expectation=(1.0, 0.0))
    zero, before = torch.zeros(1, 2), torch.tensor([[size, 0.0]])
    history.keep(stage, zero, zero)
    history.extrapolate(GIVEN, before, before)  # D goes from 0 to `before`
    history.keep(stage, zero, before)
    difference = torch.tensor([[rho * size, 0.7 * size]])
    surprise = psi * difference
    found, added = history.extrapolate(GIVEN, surprise, before + difference)
    assert torch.allclose(added, difference)
    return found.item()


@pytest.mark.parametrize("psi", [1.5, 0.8, 0.2, 0.1, -0.5])
@pytest.mark.parametrize("rho", [0.5, 0.0, -0.4, -1.0, -1.7])
def test_the_share_is_the_formulas(psi, rho):
    theta = min(1, abs(psi))
    turned = (1 - theta) * min(1, max(0, -rho))
    expected = (1 - turned) * max(GIVEN.least, theta * GIVEN.most) + turned * GIVEN.turned
    assert share(psi, rho) == pytest.approx(expected, abs=1e-6)


def test_where_nothing_changed_the_share_is_that_of_gaussian_data():
    history, stage, x = History(), Stage(1.0, 0.5, (0.0,), (1.0,), expectation=(1.0, 0.0)), torch.ones(1, 2)
    history.keep(stage, x, x)
    found, added = history.extrapolate(GIVEN, x, x)
    assert found.item() == pytest.approx(GIVEN.most) and not added.any()
    history.keep(stage, x, x)
    found, _ = history.extrapolate(GIVEN, 2 * x, 2 * x)  # after no difference at all there is no turn
    assert math.isclose(found.item(), GIVEN.most, rel_tol=1e-6)
