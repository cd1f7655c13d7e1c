"""SEEDSScheduler: noise levels by steps or by model calls."""

import comfy.samplers
import torch
from comfy_api.latest import io

from ..sampling import sigmas_uniform_lambda, steps_for_model_calls
from ..sampling.checks import number, whole_number
from .chart import tell_run
from .compat import float_input, schema, whole, whole_input
from .dropdown import levels, no_levels, of_model

UNIFORM_LAMBDA = "uniform lambda"
MOST = 10_000


def scheduler_input():
    names = [*comfy.samplers.SCHEDULER_NAMES, UNIFORM_LAMBDA]
    return io.Combo.Input("scheduler", options=names, default="karras", tooltip="How the noise levels are spaced.")


def budget_input():
    """By steps, or by the model calls that they may take."""
    return io.DynamicCombo.Input(
        "budget",
        options=[
            io.DynamicCombo.Option(
                "steps", [whole_input("steps", default=20, min=1, max=MOST, tooltip="The number of steps.")]
            ),
            io.DynamicCombo.Option(
                "model calls",
                [
                    whole_input(
                        "model_calls",
                        default=40,
                        min=1,
                        max=MOST,
                        tooltip="As many steps as this many model calls allow: what takes the time.",
                    )
                ],
            ),
        ],
        tooltip="What is given: the number of steps, or of model calls (1, 2 or 3 a step, 1 for the last one).",
    )


def denoise_input():
    return float_input(
        "denoise", default=1.0, min=0.0, max=1.0, step=0.01, tooltip="Less than 1 starts from a lower noise level."
    )


def steps_of(budget, function):
    """The number of steps of a budget input's value, for a sampler function."""
    if budget is None:
        raise ValueError("budget: not known to this version; expected 'steps' or 'model calls'")
    if budget["budget"] == "steps":
        return whole_number("steps", whole(budget["steps"]), least=1, most=MOST)
    calls = whole_number("model_calls", whole(budget["model_calls"]), least=1, most=MOST)
    return steps_for_model_calls(function, calls) if hasattr(function, "calls_per_step") else calls


def sigmas_of(model_sampling, scheduler, steps, denoise):
    """(steps + 1,) noise levels on the CPU; none where denoise is 0."""
    denoise = number("denoise", denoise, least=0, most=1)
    if denoise == 0:
        return torch.zeros(0)
    total = int(steps / denoise)
    if scheduler == UNIFORM_LAMBDA:
        given = of_model(model_sampling)
        ends = levels(torch.tensor([float(model_sampling.sigma_max), 0.0]), model_sampling)[0].item()
        sigmas = sigmas_uniform_lambda(total, float(model_sampling.sigma_min), ends, given["noise_schedule"])
    else:
        sigmas = comfy.samplers.calculate_sigmas(model_sampling, scheduler, total)
    if not sigmas.isfinite().all():
        raise no_levels(scheduler, total)
    return sigmas.cpu() if total == steps else sigmas.cpu()[-(steps + 1) :]  # some give more levels than asked for


def part_of(sigmas, start_at_step=0, end_at_step=MOST, return_with_leftover_noise="disable"):
    """The levels between two steps, none where there is no step; unless noise is to be left, the last one becomes 0.

    As ComfyUI's KSampler (Advanced) cuts a run.
    """
    steps = len(sigmas) - 1
    part = sigmas[start_at_step : end_at_step + 1].clone()
    if len(part) < 2:
        return part[:0]
    if end_at_step < steps and return_with_leftover_noise == "disable":
        part[-1] = 0
    return part


class SEEDSScheduler(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return schema(
            "BasicScheduler",
            node_id="SEEDSScheduler",
            display_name="SEEDS Scheduler",
            description="Noise levels for a sampler, by steps or by the number of model calls.",
            search_aliases=["SEEDS", "sigmas", "model calls", "NFE", "uniform lambda"],
            inputs=[
                io.Model.Input("model"),
                io.Sampler.Input(
                    "sampler", tooltip="The sampler that the levels are for: it says how many model calls a step takes."
                ),
                scheduler_input(),
                budget_input(),
                denoise_input(),
            ],
            outputs=[io.Sigmas.Output()],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(cls, model, sampler, scheduler, denoise, budget=None) -> io.NodeOutput:
        function = getattr(sampler, "sampler_function", None)
        model_sampling = model.get_model_object("model_sampling")
        sigmas = sigmas_of(model_sampling, scheduler, steps_of(budget, function), denoise)
        return io.NodeOutput(sigmas, ui=tell_run(cls.hidden.unique_id, sampler, sigmas, model_sampling))
