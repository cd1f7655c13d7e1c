"""SEEDSSampler: a solver with its options, for SamplerCustom and its relatives."""

import comfy.samplers
import torch
from comfy_api.latest import io

from ..sampling import SAMPLERS, sigmas_karras
from ..sampling.noise import NOISE_DEVICES
from ..sampling.prediction import PREDICTIONS
from .compat import ADVANCED, schema
from .dropdown import COMFY_SAMPLERS

ABOUT = {
    "SEEDS-1": "one model call a step",
    "SEEDS-2": "two model calls a step",
    "SEEDS-3": "three model calls a step",
}


def _fraction(name, default, what):
    return io.Float.Input(name, default=default, min=0.01, max=1.0, step=0.01, round=False, tooltip=what, **ADVANCED)


def _variant(options, what):
    return io.Combo.Input("variant", options=options, tooltip=what, **ADVANCED)


OWN = {
    "SEEDS-1": [],
    "SEEDS-2": [
        _variant(
            ["2b", "2a"], "2b: the polynomial through both predictions, better at no cost. 2a: the paper's weights."
        ),
        _fraction("r", 0.5, "Where in the step, in lambda, the second model call lies."),
    ],
    "SEEDS-3": [
        _variant(["3a", "3b"], "3a: the paper's drift. 3b: the last stage uses all three predictions."),
        _fraction("r_1", 1 / 3, "Where in the step, in lambda, the second model call lies. Less than r_2."),
        _fraction("r_2", 2 / 3, "Where in the step, in lambda, the third model call lies. More than r_1."),
    ],
}


def _common():
    factor = dict(min=0.0, max=100.0, step=0.01, round=False)
    return [
        io.Float.Input("eta", default=1.0, **factor, tooltip="How stochastic: 0 is the ODE, 1 the reverse SDE."),
        io.Float.Input("s_noise", default=1.0, **factor, tooltip="Multiplies the noise that is added.", **ADVANCED),
        io.Combo.Input(
            "prediction",
            options=list(PREDICTIONS),
            tooltip="The form of the equation that is solved. data suits few steps.",
            **ADVANCED,
        ),
        io.Combo.Input(
            "noise_device",
            options=list(NOISE_DEVICES),
            tooltip="Where the noise is drawn. The image is the same but for rounding.",
            **ADVANCED,
        ),
    ]


def solver_input():
    """The choice of a solver; its options belong to it."""
    options = [io.DynamicCombo.Option(name, [*_common(), *OWN[name]]) for name in SAMPLERS]
    tooltip = "; ".join(f"{name}: {ABOUT[name]}" for name in SAMPLERS) + "."
    return io.DynamicCombo.Input("solver", options=options, tooltip=tooltip)


def sampler_object(solver, path=None):
    """ComfyUI's sampler object for the value of a solver input; ValueError for options that do not go together."""
    if solver is None:
        raise ValueError(
            f"solver: not known to this version; expected one of {', '.join(SAMPLERS)}, or update the pack"
        )
    options = dict(solver)
    name = options.pop("solver")
    # The sampler checks its own options: a run on no image at all.
    checked = {option: value for option, value in options.items() if option != "noise_device"}
    SAMPLERS[name](lambda x, sigma: x, torch.zeros(0, 1), sigmas_karras(2, 1, 2), seed=0, disable=True, **checked)
    return comfy.samplers.KSAMPLER(COMFY_SAMPLERS[name], {**options, "path": path})


class SEEDSSampler(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return schema(
            node_id="SEEDSSampler",
            display_name="SEEDS Sampler",
            description="A SEEDS solver with its options, for SamplerCustom and SamplerCustomAdvanced. "
            "The same seed gives the same image in any batch, and more steps refine it.",
            search_aliases=["SEEDS", "SDE sampler", "exponential integrator", "stochastic sampler"],
            inputs=[solver_input()],
            outputs=[io.Sampler.Output()],
        )

    @classmethod
    def execute(cls, solver=None) -> io.NodeOutput:
        return io.NodeOutput(sampler_object(solver))
