"""SEEDSKSamplerAdvanced: a part of a run, as ComfyUI's own KSampler (Advanced) samples one."""

from comfy_api.latest import io

from ..sampling.checks import whole_number
from .compat import ADVANCED, schema, whole, whole_input
from .ksampler import inputs_to_sample, latent_outputs, sampled, variation_inputs
from .sampler import ALIASES
from .scheduler import MOST


def step_input(name, **given):
    return whole_input(name, min=0, max=MOST, **given, **ADVANCED)


class SEEDSKSamplerAdvanced(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return schema(
            "KSamplerAdvanced",
            node_id="SEEDSKSamplerAdvanced",
            display_name="KSampler (SEEDS, Advanced)",
            description="KSampler (SEEDS) for a part of a run: between two of its steps, with or without new noise. "
            "Two of them with one seed draw the image of one run with SEEDS-1, SEEDS-2 and SEEDS-3.",
            search_aliases=[*ALIASES, "ksampler advanced", "start step", "end step", "leftover noise", "split"],
            inputs=[
                io.Combo.Input(
                    "add_noise", options=["enable", "disable"], **ADVANCED,
                    tooltip="disable: the latent is noisy already, as another sampler has left it.",
                ),
                *inputs_to_sample(),
                *variation_inputs(),
                step_input(
                    "start_at_step", default=0,
                    tooltip="The steps before this one are another sampler's. Give both one seed and the same steps.",
                ),
                step_input("end_at_step", default=MOST, tooltip="The steps from this one on are left out."),
                io.Combo.Input(
                    "return_with_leftover_noise", options=["disable", "enable"], **ADVANCED,
                    tooltip="Where the run ends early. enable: the latent stays as noisy as it is there, for the next "
                    "sampler. disable: the last step takes all noise away.",
                ),
            ],
            outputs=latent_outputs(),
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )  # fmt: skip

    @classmethod
    def execute(cls, add_noise, start_at_step, end_at_step, **inputs) -> io.NodeOutput:
        steps = {
            name: whole_number(name, whole(value), least=0, most=MOST)
            for name, value in (("start_at_step", start_at_step), ("end_at_step", end_at_step))
        }
        return sampled(cls.hidden.unique_id, add_noise=add_noise == "enable", **steps, **inputs)
