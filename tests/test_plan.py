"""Plans: all numbers of a run, before it starts."""

from dataclasses import fields, is_dataclass

import pytest
from problems import PREDICTIONS, SIGMAS, Recorder, draw

from seeds_samplers.sampling import SAMPLERS
from seeds_samplers.sampling.schedule import NOISE_SCHEDULES
from seeds_samplers.sampling.solvers.er_sde import ErSde
from seeds_samplers.sampling.solvers.seeds_2 import Seeds2
from seeds_samplers.sampling.solvers.seeds_3 import Seeds3
from seeds_samplers.sampling.solvers.seeds_m import SeedsM

OTHER = {"eta": 0.3, "s_noise": 0.5, "r": 0.3, "r_1": 0.2, "eta_cap": 0.7, "order": 1, "noise_scale": "sde"}


def numbers_of(value):
    """All numbers in a plan or a part of one."""
    if is_dataclass(value):
        value = [getattr(value, field.name) for field in fields(value)]
    if isinstance(value, (tuple, list)):
        return [number for part in value for number in numbers_of(part)]
    return [] if value is None or value is True or value is False else [value]


KARRAS = NOISE_SCHEDULES["karras"]


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_solver_made_of_its_values_is_the_same(name):
    """So that its plan can be kept: an option that __init__ changes would be changed twice."""
    solver = SAMPLERS[name].solver
    for options in [{}, *({one: value} for one, value in OTHER.items() if one in solver.options)]:
        values = solver(**options).values()
        assert solver(**values).values() == values and values.items() >= options.items()


@pytest.mark.parametrize(
    "solver, own", [(Seeds2, {}), (Seeds2, {"variant": "2s"}), (Seeds3, {"r_1": 0.2, "r_2": 0.7, "variant": "3b"})]
)
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_a_plan_is_python_floats_and_knows_its_model_calls(solver, own, prediction):
    model = Recorder()
    plan = solver(prediction=prediction, eta=0.5, sigma_data=0.8, **own).plan(KARRAS, SIGMAS.tolist())
    assert {type(number) for number in numbers_of(plan)} == {float}
    draw("SEEDS-2b" if solver is Seeds2 else "SEEDS-3b", model=model)
    assert plan.model_calls == len(model.calls)


def test_multistep_plans_are_python_floats_too():
    """numpy's would become tensors of double precision, or be refused by a kernel."""
    for solver in (SeedsM(eta_cap=0.35), ErSde(order=3)):
        assert {type(number) for number in numbers_of(solver.plan(KARRAS, SIGMAS.tolist()))} == {float}
