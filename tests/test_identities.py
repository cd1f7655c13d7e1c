"""What SEEDS reduces to: the samplers it contains, by their closed forms and by k-diffusion's own functions."""

import math
from itertools import pairwise

import pytest
import torch
from problems import curved_denoiser, responses, uniform_lambda

from seeds_samplers.sampling import sample_seeds_1, sample_seeds_2, sample_seeds_3

SIGMAS = uniform_lambda(6, 12.0, 0.2)
X = torch.linspace(-15, 15, 9, dtype=torch.float64)[None].repeat(2, 1)
ZEROTH = torch.tensor([0.0], dtype=torch.float64)
WITH_ZERO = torch.cat([SIGMAS, ZEROTH])


class Replay:
    """A noise_sampler that gives every sampler the same sequence of Gaussians."""

    def __init__(self):
        self.generator = torch.Generator().manual_seed(5)

    def __call__(self, sigma, sigma_next):
        return torch.randn(X.shape, generator=self.generator, dtype=X.dtype)


def eps(x, sigma):
    return (x - curved_denoiser(x, x.new_full((len(x),), sigma))) / sigma


def dpm_solver_step(x, s, t, order):
    """One step of DPM-Solver-2 or -3 with its usual midpoints (Lu et al. 2022, algorithms 1 and 2), in the VE frame."""
    h = math.log(s / t)
    if order == 2:
        m = s * math.exp(-h / 2)
        return x - t * math.expm1(h) * eps(x - m * math.expm1(h / 2) * eps(x, s), m)
    m_1, m_2 = s * math.exp(-h / 3), s * math.exp(-2 * h / 3)
    first = eps(x, s)
    slope_1 = eps(x - m_1 * math.expm1(h / 3) * first, m_1) - first
    phi = math.expm1(2 * h / 3) / (2 * h / 3) - 1
    slope_2 = eps(x - m_2 * math.expm1(2 * h / 3) * first - 2 * m_2 * phi * slope_1, m_2) - first
    return x - t * math.expm1(h) * first - 1.5 * t * (math.expm1(h) / h - 1) * slope_2


def run(sampler, sigmas=SIGMAS, **options):
    return sampler(curved_denoiser, X, sigmas, disable=True, **options)


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


def test_seeds_1_without_noise_is_ddim():
    x = X
    for s, t in pairwise(SIGMAS.tolist()):
        x = x + (t - s) * eps(x, s)
    close(run(sample_seeds_1, eta=0), x)


def test_seeds_1_is_the_ancestral_step_of_ddpm():
    x, noise = X, Replay()
    for s, t in pairwise(SIGMAS.tolist()):
        mean = (t / s) ** 2 * x + (1 - (t / s) ** 2) * curved_denoiser(x, x.new_full((len(x),), s))
        x = mean + t * math.sqrt(1 - (t / s) ** 2) * noise(s, t)
    close(run(sample_seeds_1, noise_sampler=Replay()), x)


@pytest.mark.parametrize(
    "order, sampler, options", [(2, sample_seeds_2, {"variant": "2a"}), (3, sample_seeds_3, {"variant": "3a"})]
)
def test_the_noise_form_without_noise_is_dpm_solver(order, sampler, options):
    x = X
    for s, t in pairwise(SIGMAS.tolist()):
        x = dpm_solver_step(x, s, t, order)
    close(run(sampler, eta=0, prediction="noise", **options), x)


def test_the_data_form_without_noise_is_dpm_solver_pp_2s():
    """DPM-Solver++(2S), Lu et al. 2022b, algorithm 1."""
    x = X
    for s, t in pairwise(SIGMAS.tolist()):
        m = math.sqrt(s * t)
        middle = m / s * x + (1 - m / s) * curved_denoiser(x, x.new_full((len(x),), s))
        x = t / s * x + (1 - t / s) * curved_denoiser(middle, x.new_full((len(x),), m))
    close(run(sample_seeds_2, eta=0, variant="2a"), x)


@pytest.mark.parametrize(
    "prediction, eta, r_1, r_2, expected",
    [
        ("data", 0.5, 1 / 3, 2 / 3, (0.755998738938, 0.880733277239, 1.026048147548)),
        ("data", 1.0, 1 / 3, 2 / 3, (0.734091329172, 0.996315218046, 1.352207789773)),
        ("noise", 1.0, 1 / 3, 2 / 3, (3.380519474434, 2.490788045116, 1.835228322929)),
        ("noise", 1.0, 0.2, 0.7, (2.769725423417, 3.224464707099, 1.712147315961)),
        ("v", 0.5, 1 / 3, 2 / 3, (0.858012006233, 0.967526944716, 1.065392866572)),
        ("v", 1.0, 1 / 3, 2 / 3, (0.868372134227, 1.127803433825, 1.418608751422)),
    ],
)
def test_the_stages_of_a_step_share_one_noise_path(prediction, eta, r_1, r_2, expected):
    """Where the prediction is zero the result is growth x + N, whose coefficients math.md lists (section 6)."""
    zero = {
        "data": lambda x, sigma: 0 * x,
        "noise": lambda x, sigma: x,
        "v": lambda x, sigma: x / (1 + sigma.view(-1, 1) ** 2),
    }[prediction]
    options = {"prediction": prediction, "eta": eta, "r_1": r_1, "r_2": r_2}
    _, to_noise = responses(sample_seeds_3, zero, [5.0, 2.0], **options)
    assert to_noise[:, 0].tolist() == pytest.approx(expected, abs=2e-12)


class TestAgainstKDiffusion:
    """The same identities against the functions that everybody runs; needs the extra `k-diffusion`."""

    @pytest.fixture
    def kd(self):
        return pytest.importorskip("k_diffusion", reason="the extra k-diffusion is not installed").sampling

    def test_euler(self, kd):
        close(run(sample_seeds_1, WITH_ZERO, eta=0), kd.sample_euler(curved_denoiser, X, WITH_ZERO, disable=True))

    def test_euler_ancestral(self, kd):
        theirs = kd.sample_euler_ancestral(curved_denoiser, X, SIGMAS, disable=True, noise_sampler=Replay())
        close(run(sample_seeds_1, noise_sampler=Replay()), theirs)

    @pytest.mark.parametrize("order, variant", [(2, "2a"), (3, "3a")])
    def test_dpm_solver_steps(self, kd, order, variant):
        solver, x = kd.DPMSolver(curved_denoiser), X
        step = getattr(solver, f"dpm_solver_{order}_step")
        for s, t in pairwise(SIGMAS):
            x, _ = step(x, solver.t(s), solver.t(t))
        ours = {2: sample_seeds_2, 3: sample_seeds_3}[order]
        close(run(ours, eta=0, prediction="noise", variant=variant), x)

    def test_dpmpp_2s(self, kd):
        theirs = kd.sample_dpmpp_2s_ancestral(curved_denoiser, X, WITH_ZERO, disable=True, eta=0)
        close(run(sample_seeds_2, WITH_ZERO, eta=0, variant="2a"), theirs)

    def test_the_karras_schedule(self, kd):
        from seeds_samplers.sampling import sigmas_karras

        torch.testing.assert_close(sigmas_karras(11, 0.03, 14.6), kd.get_sigmas_karras(11, 0.03, 14.6))

    def test_their_denoiser_and_brownian_tree_drive_our_samplers(self, kd):
        sigmas, x = SIGMAS.float(), X.float()
        tree = kd.BrownianTreeNoiseSampler(x, sigmas[-1], sigmas[0], seed=3)
        result = sample_seeds_3(curved_denoiser, x, sigmas, noise_sampler=tree, disable=True)
        assert result.isfinite().all() and result.shape == x.shape

    def test_a_noise_path_drives_their_samplers(self, kd):
        """The same path gives the same image: k-diffusion's ancestral Euler is SEEDS-1."""
        from seeds_samplers.sampling import NoisePath

        theirs = kd.sample_euler_ancestral(curved_denoiser, X, SIGMAS, disable=True, noise_sampler=NoisePath(X, 3))
        close(sample_seeds_1(curved_denoiser, X, SIGMAS, disable=True, seed=3), theirs)
