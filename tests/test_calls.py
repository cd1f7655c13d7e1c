"""The pattern of a sampler's model calls, known before the run."""

import math
import re
from pathlib import Path

import pytest
import torch
from problems import METHODS, SIGMAS, Recorder

from seeds_samplers.sampling import SAMPLERS, call_pattern, model_calls_for_steps, sigmas_flow

PAGE = Path(__file__).parents[1] / "docs" / "caches.md"


def sampler_of(method):
    return METHODS.get(method) or (SAMPLERS[method], {})


@pytest.mark.parametrize("method", [*METHODS, "SEEDS-M", "ER-SDE"])
@pytest.mark.parametrize("noise_schedule", ["karras", "flow"])
def test_it_is_what_a_run_does(method, noise_schedule):
    sampler, options = sampler_of(method)
    sigmas = sigmas_flow(6, shift=3) if noise_schedule == "flow" else SIGMAS
    model, firsts = Recorder(), []
    sampler(
        model, torch.ones(2, 3, dtype=torch.float64), sigmas, seed=1, disable=True, noise_schedule=noise_schedule,
        callback=lambda told: firsts.append((told["i"], len(model.calls) - 1)), **options,
    )  # fmt: skip
    pattern = call_pattern(sampler, sigmas, noise_schedule=noise_schedule, **options)
    assert [call.sigma for call in pattern] == [sigma[0].item() for _, sigma, _ in model.calls]
    assert [(call.step, i) for i, call in enumerate(pattern) if call.stage == 0] == firsts
    assert len(pattern) == model_calls_for_steps(sampler, len(sigmas) - 1)
    assert [call.stage for call in pattern[: sampler.calls_per_step]] == [*range(sampler.calls_per_step)]


def test_by_name_with_options():
    first, second = call_pattern("SEEDS-2", torch.tensor([4.0, 1.0]), r=0.25)
    assert first == (0, 0, 4.0) and second[:2] == (0, 1)
    assert math.log(4 / second.sigma) == pytest.approx(0.25 * math.log(4))


def test_the_example_of_the_page_on_caches():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names = {}
    exec(code, names)
    assert (names["step"], names["stage"], round(names["sigma"], 1)) == (0, 1, 69.8)


def test_no_steps_no_calls():
    assert call_pattern("SEEDS-M", torch.tensor([1.0])) == []


def test_what_the_sampler_refuses_is_refused():
    with pytest.raises(ValueError, match="r: 2; expected"):
        call_pattern("SEEDS-2", SIGMAS, r=2)
    with pytest.raises(ValueError, match="sampler: 'SEEDS-9'; expected one of 'SEEDS-1', "):
        call_pattern("SEEDS-9", SIGMAS)


def test_torchs_generator_is_left_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    call_pattern("SEEDS-2", SIGMAS, variant="2s")
    assert torch.get_rng_state().equal(before)
