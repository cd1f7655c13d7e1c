"""Plans: all numbers of a run, before it starts."""

import pytest
from problems import PREDICTIONS, SIGMAS, Recorder, draw

from seeds_samplers.sampling.plan import one_step_plan, seeds_2, seeds_3
from seeds_samplers.sampling.prediction import prediction_of
from seeds_samplers.sampling.schedule import NOISE_SCHEDULES


@pytest.mark.parametrize("method", [seeds_2(0.5, "2b"), seeds_3(0.2, 0.7, "3b")])
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_a_plan_is_python_floats_and_knows_its_model_calls(method, prediction):
    form, model = prediction_of(prediction, 0.5, 0.8), Recorder()
    plan = one_step_plan(method, form, NOISE_SCHEDULES["karras"], SIGMAS.tolist())
    numbers = [
        number
        for step in plan.steps
        for stage in step
        for number in (stage.sigma, stage.sigma_next, stage.noise, *stage.state, *stage.denoised)
    ]
    assert {type(number) for number in numbers} == {float}
    draw("SEEDS-2b" if len(method.points) == 3 else "SEEDS-3b", model=model)
    assert plan.model_calls == len(model.calls)
