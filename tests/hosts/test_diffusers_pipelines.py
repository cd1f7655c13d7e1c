"""SEEDSScheduler in diffusers' own pipelines, with tiny random networks."""

from types import SimpleNamespace

import pytest
import torch

diffusers = pytest.importorskip("diffusers")

import diffusers_pipelines as tiny  # noqa: E402

from seeds_samplers.sampling import SAMPLERS  # noqa: E402
from seeds_samplers.schedulers import SEEDSScheduler  # noqa: E402

SD = dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
FLOW = dict(shift=3.0)
DYNAMIC = dict(use_dynamic_shifting=True)

# name: the pipeline, its own scheduler, its arguments for a batch, whether it passes generators to the scheduler
PIPELINES = {
    "StableDiffusion": (tiny.stable_diffusion, diffusers.EulerDiscreteScheduler(**SD), dict(height=16, width=16), {}),
    "StableDiffusionXL": (
        tiny.stable_diffusion_xl,
        diffusers.EulerDiscreteScheduler(timestep_spacing="leading", steps_offset=1, **SD),
        dict(height=16, width=16),
        dict(pooled=True),
    ),
    "StableDiffusion3": (
        tiny.stable_diffusion_3,
        diffusers.FlowMatchEulerDiscreteScheduler(**FLOW),
        dict(height=16, width=16),
        dict(pooled=True),
    ),
    "Flux": (
        tiny.flux,
        diffusers.FlowMatchEulerDiscreteScheduler(**DYNAMIC),
        dict(height=16, width=16),
        dict(pooled=True, negative=False),
    ),
    "Wan": (
        tiny.wan,
        diffusers.UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
        dict(height=16, width=16, num_frames=5),
        {},
    ),
}


@pytest.fixture(params=PIPELINES)
def pipeline(request):
    build, scheduler, size, text = PIPELINES[request.param]
    return SimpleNamespace(pipe=build(scheduler), size=size, text=text, name=request.param)


def use(pipeline, solver="SEEDS-M", **given):
    pipe = pipeline.pipe
    pipe.scheduler = SEEDSScheduler.from_config(pipe.scheduler.config, solver=solver, **given)


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def latents(pipeline, seeds, steps=4, **given):
    output = pipeline.pipe(
        num_inference_steps=steps, generator=generators(*seeds), output_type="latent", guidance_scale=3.0,
        **tiny.prompt(len(seeds), **pipeline.text), **pipeline.size, **given,
    )  # fmt: skip
    return output[0]


@pytest.mark.parametrize("solver", SAMPLERS)
def test_every_solver_runs_in_every_pipeline(pipeline, solver):
    use(pipeline, solver)
    calls = []
    image = latents(pipeline, [1], callback_on_step_end=lambda pipe, i, t, kwargs: calls.append(i) or {})
    assert image.isfinite().all() and image.std() > 0.1
    assert len(calls) == 3 * SAMPLERS[solver].calls_per_step + 1


def test_an_image_alone_is_that_of_the_batch_and_a_second_run_is_the_first(pipeline):
    use(pipeline)
    together = latents(pipeline, [1, 2])
    assert torch.equal(latents(pipeline, [1, 2]), together)
    for i, seed in enumerate((1, 2)):
        # The networks themselves round differently in a batch: that is all.
        torch.testing.assert_close(alone(pipeline, i, seed), together[i : i + 1], rtol=1e-3, atol=1e-3)
    assert not torch.allclose(*together, atol=0.1)


def alone(pipeline, i, seed):
    text = tiny.prompt(2, **pipeline.text)
    output = pipeline.pipe(
        num_inference_steps=4, generator=generators(seed), output_type="latent", guidance_scale=3.0,
        **{name: value[i : i + 1] for name, value in text.items()}, **pipeline.size,
    )  # fmt: skip
    return output[0]


def test_half_precision(pipeline):
    pipeline.pipe.to(dtype=torch.bfloat16)
    use(pipeline)
    text = {name: value.bfloat16() for name, value in tiny.prompt(1, **pipeline.text).items()}
    output = pipeline.pipe(
        num_inference_steps=4, generator=generators(1), output_type="latent", guidance_scale=3.0, **text,
        **pipeline.size,
    )  # fmt: skip
    assert output[0].isfinite().all()


def test_saved_and_loaded_with_the_pipeline(pipeline, tmp_path):
    use(pipeline, "SEEDS-2", options={"r": 0.3})
    before = latents(pipeline, [1])
    pipeline.pipe.save_pretrained(tmp_path)
    absent = {name: None for name, part in pipeline.pipe.components.items() if part is None}
    loaded = type(pipeline.pipe).from_pretrained(tmp_path, **absent)
    assert isinstance(loaded.scheduler, SEEDSScheduler) and loaded.scheduler.solver.r == 0.3
    pipeline.pipe = tiny.quiet(loaded)
    torch.testing.assert_close(latents(pipeline, [1]), before, rtol=1e-4, atol=1e-4)  # weights lie elsewhere in memory


IMAGE = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(8))
MASK = (torch.arange(16) < 8).float().expand(1, 1, 16, 16)
KNOWN = dict(num_inference_steps=10, guidance_scale=3.0, output_type="latent")


def seeds_scheduler(solver, **given):
    return SEEDSScheduler(solver=solver, **{**SD, **given})


@pytest.mark.parametrize("solver", ["SEEDS-M", "SEEDS-2", "SEEDS-3"])
def test_image_to_image(solver):
    pipe = tiny.stable_diffusion(seeds_scheduler(solver), diffusers.StableDiffusionImg2ImgPipeline, image_encoder=None)
    code = pipe.vae.encode(2 * IMAGE - 1).latent_dist.mode() * pipe.vae.config.scaling_factor
    given = dict(image=IMAGE, **tiny.prompt(1), **KNOWN)
    near, far = (pipe(strength=strength, generator=generators(1), **given)[0] for strength in (0.2, 0.9))
    assert (near - code).abs().mean() < (far - code).abs().mean() / 2


@pytest.mark.parametrize("solver", ["SEEDS-M", "SEEDS-2", "SEEDS-3"])
def test_inpainting_keeps_what_is_not_masked(solver):
    pipe = tiny.stable_diffusion(seeds_scheduler(solver), diffusers.StableDiffusionInpaintPipeline, image_encoder=None)
    given = dict(image=IMAGE, mask_image=MASK, height=16, width=16, **tiny.prompt(1), **KNOWN)
    images = []
    for seed in (1, 2):
        pipe.scheduler.noise_sampler_seed = seed
        images.append(pipe(strength=1.0, generator=generators(1), **given)[0])
    assert torch.equal(images[0][..., 4:], images[1][..., 4:])
    assert images[0].isfinite().all() and not torch.allclose(images[0][..., :4], images[1][..., :4], atol=0.3)


@pytest.mark.parametrize("solver", ["SEEDS-M", "SEEDS-2"])
def test_controlnet(solver):
    pipe = tiny.stable_diffusion(
        seeds_scheduler(solver), diffusers.StableDiffusionControlNetPipeline, controlnet=tiny.controlnet()
    )
    image = pipe(image=IMAGE, generator=generators(1), height=16, width=16, **tiny.prompt(1), **KNOWN)[0]
    assert image.isfinite().all()


def test_flux_image_to_image():
    scheduler = SEEDSScheduler.from_config(diffusers.FlowMatchEulerDiscreteScheduler(**DYNAMIC).config)
    pipe = tiny.flux(scheduler, diffusers.FluxImg2ImgPipeline)
    given = dict(image=IMAGE, height=16, width=16, **tiny.prompt(1, pooled=True, negative=False), **KNOWN)
    images = [pipe(strength=0.5, generator=generators(seed), **given)[0] for seed in (1, 1, 2)]
    assert torch.equal(images[0], images[1]) and not torch.allclose(images[0], images[2], atol=0.05)


def test_a_run_split_at_a_level_is_the_run():
    """SDXL's base and refiner, which share the work at a timestep."""
    pipe = tiny.stable_diffusion_xl(seeds_scheduler("SEEDS-1"))
    other = tiny.stable_diffusion_xl(pipe.scheduler, diffusers.StableDiffusionXLImg2ImgPipeline)
    text = tiny.prompt(1, pooled=True)
    given = dict(num_inference_steps=10, guidance_scale=3.0, output_type="latent", generator=generators(4), **text)
    first = pipe(denoising_end=0.6, height=16, width=16, **given)[0]
    second = other(image=first, denoising_start=0.6, **given)[0]
    whole = pipe(height=16, width=16, **{**given, "generator": generators(4)})[0]
    torch.testing.assert_close(second, whole, rtol=1e-3, atol=1e-3)


def test_pictures_in_a_batch_of_one_generator():
    pipe = tiny.stable_diffusion(seeds_scheduler("SEEDS-M"))
    images = pipe(
        num_images_per_prompt=3, generator=torch.Generator().manual_seed(1), height=16, width=16, output_type="np",
        num_inference_steps=4, **tiny.prompt(1),
    )[0]  # fmt: skip
    assert images.shape == (3, 16, 16, 3)


def test_a_compiled_network():
    pipe = tiny.stable_diffusion(seeds_scheduler("SEEDS-M"))
    given = dict(height=16, width=16, **tiny.prompt(1), **KNOWN)
    before = pipe(generator=generators(1), **given)[0]
    pipe.unet = torch.compile(pipe.unet, backend="eager")
    torch.testing.assert_close(pipe(generator=generators(1), **given)[0], before, rtol=1e-4, atol=1e-4)
