"""SEEDSSampler: a solver with its options, for SamplerCustom and its relatives."""

import comfy.samplers
from comfy_api.latest import io

from ..sampling import SAMPLERS, options_of
from .compat import ADVANCED, float_input, schema, whole, whole_input
from .dropdown import HOST_SAMPLERS, NAMES

STEP = 0.01
OTHERS = "er_sde, seeds_2 and seeds_3, in small letters, are ComfyUI's own: their image depends on the batch."
ALIASES = ["SEEDS", *NAMES, "er-sde", "er_sde", "seeds_2", "seeds_3", "stochastic", "SDE"]


def _input(option):
    """The node's input for an option; optional, for prompts from before there was one."""
    given = dict(tooltip=option.about, optional=True, **({} if option.everyday else ADVANCED))
    if option.choices:
        return io.Combo.Input(option.name, options=list(option.choices), **given)
    default, least, most = option.default, option.lowest, option.highest
    if option.whole:
        return whole_input(option.name, default=default, min=least, max=most, **given)
    return float_input(option.name, default=default, min=least, max=most, step=STEP, round=False, **given)


def solver_input():
    """The choice of a solver; its options belong to it."""
    options = []
    for name in NAMES:
        everyday_first = sorted(options_of(name), key=lambda option: not option.everyday)
        options.append(io.DynamicCombo.Option(name, [_input(option) for option in everyday_first]))
    tooltip = ". ".join(f"{name}: {SAMPLERS[name].about}" for name in NAMES) + f". {OTHERS}"
    return io.DynamicCombo.Input("solver", options=options, tooltip=tooltip)


def latent_input():
    """Says which images of a batch are drawn: ComfyUI tells a sampler object nothing of it."""
    return io.Latent.Input(
        "latent_image", optional=True,
        tooltip="Connect the latent you sample if it comes from Latent From Batch: its image then keeps the noise of "
        "its place in the batch.",
    )  # fmt: skip


def sampler_object(solver, path=None):
    """ComfyUI's sampler object for the value of a solver input; ValueError for options that do not go together."""
    if solver is None:
        raise ValueError(f"solver: not known to this version; expected one of {', '.join(NAMES)}, or update the pack")
    options = {name: value for name, value in solver.items() if value is not None}  # None: not in the prompt
    name = options.pop("solver")
    for option in options_of(name) if name in SAMPLERS else ():
        if option.whole and option.name in options:
            options[option.name] = whole(options[option.name])
    SAMPLERS[name].solver(**{option: value for option, value in options.items() if option != "noise_device"})
    return comfy.samplers.KSAMPLER(HOST_SAMPLERS[name], {**options, "path": path})


class SEEDSSampler(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return schema(
            "KSamplerSelect",
            node_id="SEEDSSampler",
            display_name="SEEDS Sampler",
            description="A SEEDS solver with its options, for SamplerCustom and SamplerCustomAdvanced. "
            "The same seed gives the same image in any batch, and more steps refine it.",
            search_aliases=[*ALIASES, "exponential integrator"],
            inputs=[solver_input(), latent_input()],
            outputs=[io.Sampler.Output()],
        )

    @classmethod
    def execute(cls, solver=None, latent_image=None) -> io.NodeOutput:
        return io.NodeOutput(sampler_object(solver, path={"indices": (latent_image or {}).get("batch_index")}))
