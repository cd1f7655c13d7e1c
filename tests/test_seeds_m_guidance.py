"""SEEDS-M limits guidance to what a step can carry (docs/seeds_m.md, section 5)."""

import pytest
import torch
from problems import Guided, uniform_lambda

from seeds_samplers.sampling import sample_seeds_m, sigmas_seeds


@pytest.mark.parametrize("stiff", [1, 16, 256])
@pytest.mark.parametrize("guidance, steps", [(7, 8), (4, 5)])
def test_a_few_stiff_directions_among_many(guidance, steps, stiff):
    """Guidance towards a class that is narrow in some of 256 directions: its slope there is 1 - guidance."""
    x = 14.6 * torch.randn(64, 256, generator=torch.Generator().manual_seed(6))
    narrow, wide = torch.ones(256), torch.ones(256)
    narrow[:stiff] = 0.01

    def model(x, sigma):
        level = sigma.view(-1, 1) ** 2
        model.cond_denoised = x * narrow / (narrow + level)
        return guidance * model.cond_denoised + (1 - guidance) * x * wide / (wide + level)

    end = sample_seeds_m(model, x, sigmas_seeds(steps, 0.029, 14.6), seed=1, disable=True)
    assert end[:, :stiff].std() < 0.2 and (stiff == 256 or 0.9 < end[:, stiff:].std() < 1.2)


def test_what_no_step_can_carry_is_limited():
    """Guidance 7 towards a narrow class: its slope is -6. Without the limit the run leaves; with it, it stays."""
    x = 14.6 * torch.randn(16, 32, generator=torch.Generator().manual_seed(4))
    model, spread = Guided(7, slope=0.8), []
    for limit in (0.0, 1.0):
        sigmas = torch.cat([uniform_lambda(9, 14.6, 0.03), torch.zeros(1)])
        end = sample_seeds_m(model, x, sigmas, seed=1, guidance_limit=limit, disable=True)
        spread.append((end - 4).square().mean().sqrt().item())
    assert spread[0] > 1000 and spread[1] < 20, spread  # measured: 2447 and 8.3; 200 steps converge to 159


def test_the_limit_goes_with_the_square_of_the_step():
    """So that it costs no order: the difference that it makes falls by four and more with each doubling."""
    x = 5 * torch.randn(4, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(5))

    def differences(steps):
        sigmas = uniform_lambda(steps, 5, 0.1)
        ends = [sample_seeds_m(Guided(3), x, sigmas, eta=0, guidance_limit=limit, disable=True) for limit in (0.0, 1.0)]
        return (ends[0] - ends[1]).abs().max().item()

    assert differences(256) < differences(128) / 3 < differences(64) / 9
