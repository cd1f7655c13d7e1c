"""SEEDS-M with models that tell their conditional part, in all ways that models have."""

import pytest
import torch
from problems import Guided, uniform_lambda

from seeds_samplers.sampling import NoisePath, sample_seeds_m


def test_one_image_is_the_image_in_a_batch_with_parts():
    x = 12 * torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(6))
    sigmas = uniform_lambda(8, 12, 0.2)
    whole = sample_seeds_m(Guided(5, slope=0.4), x, sigmas, seed=[1, 2, 3], disable=True)
    alone = sample_seeds_m(Guided(5, slope=0.4), x[2:], sigmas, seed=[3], disable=True)
    torch.testing.assert_close(alone, whole[2:])


def test_a_model_may_write_to_its_results():
    """The same buffers each call, for the result and the conditional part."""

    class Buffers(Guided):
        def __call__(self, x, sigma):
            denoised = super().__call__(x, sigma)
            if not hasattr(self, "buffers"):
                self.buffers = torch.empty_like(denoised), torch.empty_like(denoised)
            self.buffers[0].copy_(denoised)
            self.buffers[1].copy_(self.cond_denoised)
            self.cond_denoised = self.buffers[1]
            return self.buffers[0]

    x, sigmas = 12 * torch.ones(2, 3, 4), uniform_lambda(8, 12, 0.2)
    plain = sample_seeds_m(Guided(4), x, sigmas, seed=1, disable=True)
    assert torch.equal(sample_seeds_m(Buffers(4), x, sigmas, seed=1, disable=True), plain)


@pytest.mark.parametrize("tells", [True, False])
def test_no_images(tells):
    x = torch.ones(0, 3, 4)
    assert sample_seeds_m(Guided(3, tells), x, uniform_lambda(8, 12, 0.2), seed=[], disable=True).shape == x.shape


def test_a_conditional_part_of_another_shape_is_refused():
    def model(x, sigma):
        return x * 0.5

    model.cond_denoised = torch.zeros(1, 1)
    with pytest.raises(ValueError, match=r"cond_denoised: .*\(2, 3\)"):
        sample_seeds_m(model, torch.ones(2, 3), uniform_lambda(3, 5, 1), seed=1, disable=True)


def test_a_path_from_outside_and_from_the_seed_agree():
    x, sigmas = 12 * torch.ones(2, 3, 4), uniform_lambda(8, 12, 0.2)
    ends = [
        sample_seeds_m(Guided(3), x, sigmas, disable=True, **given)
        for given in (dict(seed=7), dict(noise_sampler=NoisePath(x, 7)))
    ]
    assert torch.equal(*ends)


def test_levels_that_differ_by_rounding_only():
    """Found by a random search: their places on the polynomials' axis are the same."""
    sigmas = [80.00000000000006, 80.00000000000003, 80.00000000000001, 80.0, 40.0]
    assert sample_seeds_m(Guided(3), 80 * torch.ones(2, 4), sigmas, seed=1, disable=True).isfinite().all()
