"""SEEDSKSampler: everything in one node."""

import math

import comfy.nested_tensor
import comfy.sample
import comfy.utils
import latent_preview
from comfy_api.latest import io

from ..sampling.checks import number, whole_number
from .chart import tell_run
from .compat import ADVANCED, float_input, known, schema
from .sampler import ALIASES, sampler_object, solver_input
from .scheduler import budget_input, denoise_input, part_of, scheduler_input, sigmas_of, steps_of

SEEDS = dict(default=0, min=0, max=0xFFFFFFFFFFFFFFFF)


RATIOS = ("downscale_ratio_spacial", "downscale_ratio_temporal")  # what an empty latent says of itself


def fitted(model, image, ratios):
    """The latent with as many channels, and of the size, that the model has for it, if it is an empty one."""
    function = comfy.sample.fix_empty_latent_channels
    return function(model, image, **known(function, **ratios))


def like(latent, samples):
    """A latent that the sampler saw in the form of what it returned: several in one, if those are."""
    if samples.is_nested and not latent.is_nested:
        shapes = [part.shape for part in samples.unbind()]
        return comfy.nested_tensor.NestedTensor(comfy.utils.unpack_latents(latent, shapes))
    return latent


def initial_noise(latent_image, seed, indices, variation_seed, strength):
    """ComfyUI's own noise of the seed, with that of the variation mixed in by the angle that NoisePath uses."""
    noise = comfy.sample.prepare_noise(latent_image, seed, indices)
    if strength and variation_seed != seed:
        other = comfy.sample.prepare_noise(latent_image, variation_seed, indices)
        noise = noise * math.cos(strength * math.pi / 2) + other * math.sin(strength * math.pi / 2)
    return noise


def inputs_to_sample():
    """What is sampled, from which seed, and how."""
    return [
        io.Model.Input("model"),
        io.Conditioning.Input("positive"),
        io.Conditioning.Input("negative"),
        io.Latent.Input("latent_image"),
        io.Int.Input("seed", **SEEDS, control_after_generate=True, tooltip="The seed of latent and noise."),
        budget_input(),
        float_input(
            "cfg", default=5.0, min=0.0, max=100.0, step=0.1, round=0.01,
            tooltip="Guidance: how closely to follow the prompt. 1 for distilled models and Flux, about 2 for "
            "the demo model, 3 to 7 for SD and SDXL.",
        ),
        solver_input(),
        scheduler_input(),
    ]  # fmt: skip


def variation_inputs():
    return [
        io.Int.Input("variation_seed", **SEEDS, tooltip="A second seed to mix in.", **ADVANCED),
        float_input(
            "variation_strength", default=0.0, min=0.0, max=1.0, step=0.01, **ADVANCED,
            tooltip="How much of the second seed: 0 none, 1 that seed's image.",
        ),
    ]  # fmt: skip


def latent_outputs():
    return [
        io.Latent.Output(display_name="latent"),
        io.Latent.Output(display_name="denoised", tooltip="What the model made of it at the last step."),
    ]


def sampled(
    node_id, model, positive, negative, latent_image, seed, cfg, scheduler, variation_seed, variation_strength,
    denoise=1.0, budget=None, solver=None, add_noise=True, **part,
):  # fmt: skip
    """The output of a node with these inputs; part: which part of the run it samples, for part_of."""
    cfg, strength = number("cfg", cfg), number("variation_strength", variation_strength, least=0, most=1)
    seed, other_seed = (
        whole_number(name, value, least=SEEDS["min"], most=SEEDS["max"])
        for name, value in (("seed", seed), ("variation_seed", variation_seed))
    )
    rest = dict(latent_image)
    image = fitted(model, rest.pop("samples"), {name: rest.pop(name, None) for name in RATIOS})
    indices = latent_image.get("batch_index")
    path = dict(indices=indices, variation_seed=other_seed, variation_strength=strength)
    sampler = sampler_object(solver, path)
    model_sampling = model.get_model_object("model_sampling")
    sigmas = sigmas_of(model_sampling, scheduler, steps_of(budget, sampler.sampler_function), denoise)
    sigmas = part_of(sigmas, **part)
    ui = tell_run(node_id, sampler, sigmas, model_sampling)
    if add_noise:
        noise = initial_noise(image, seed, indices, other_seed, strength)
    else:
        noise = comfy.sample.prepare_empty_noise(image)
    last = {}
    samples = comfy.sample.sample_custom(
        model, noise, cfg, sampler, sigmas, positive, negative, image,
        noise_mask=latent_image.get("noise_mask"),
        callback=latent_preview.prepare_callback(model, max(1, len(sigmas) - 1), last),
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
        seed=seed,
    )  # fmt: skip
    latent = denoised = {**rest, "samples": samples}
    if "x0" in last:
        denoised = {**rest, "samples": model.model.process_latent_out(like(last["x0"], samples).cpu())}
    return io.NodeOutput(latent, denoised, ui=ui)


class SEEDSKSampler(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return schema(
            "KSampler",
            node_id="SEEDSKSampler",
            display_name="KSampler (SEEDS)",
            description="Samples with a SEEDS solver. An image has noise of its own, by seed and batch index: "
            "it is the same in any batch, more steps refine it, and Latent From Batch redraws one alone.",
            search_aliases=[*ALIASES, "ksampler", "sampler", "variation seed"],
            inputs=[*inputs_to_sample(), denoise_input(), *variation_inputs()],
            outputs=latent_outputs(),
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(cls, **inputs) -> io.NodeOutput:
        return sampled(cls.hidden.unique_id, **inputs)
