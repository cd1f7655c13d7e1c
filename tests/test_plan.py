"""Plans: all numbers of a run, before it starts."""

from dataclasses import fields, is_dataclass

import pytest
from problems import PREDICTIONS, SIGMAS, Recorder, draw

from seeds_samplers.sampling.er_sde import NOISE_SCALES, er_sde_plan
from seeds_samplers.sampling.plan import one_step_plan, seeds_2, seeds_3
from seeds_samplers.sampling.prediction import prediction_of
from seeds_samplers.sampling.schedule import NOISE_SCHEDULES
from seeds_samplers.sampling.seeds_m import seeds_m_plan


def numbers_of(value):
    """All numbers in a plan or a part of one."""
    if is_dataclass(value):
        value = [getattr(value, field.name) for field in fields(value)]
    if isinstance(value, (tuple, list)):
        return [number for part in value for number in numbers_of(part)]
    return [] if value is None else [value]


KARRAS = NOISE_SCHEDULES["karras"]


@pytest.mark.parametrize("method", [seeds_2(0.5, "2b"), seeds_2(0.5, "2s"), seeds_3(0.2, 0.7, "3b")])
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_a_plan_is_python_floats_and_knows_its_model_calls(method, prediction):
    form, model = prediction_of(prediction, 0.5, 0.8), Recorder()
    plan = one_step_plan(method, form, KARRAS, SIGMAS.tolist())
    assert {type(number) for number in numbers_of(plan)} == {float}
    draw("SEEDS-2b" if len(method.points) == 3 else "SEEDS-3b", model=model)
    assert plan.model_calls == len(model.calls)


def test_multistep_plans_are_python_floats_too():
    """numpy's would become tensors of double precision, or be refused by a kernel."""
    for plan in (
        seeds_m_plan(KARRAS, SIGMAS.tolist(), 1.0, 1.0, 2, 0.35),
        er_sde_plan(KARRAS, SIGMAS.tolist(), 1.0, 3, NOISE_SCALES["sde5"]),
    ):
        assert {type(number) for number in numbers_of(plan)} == {float}
