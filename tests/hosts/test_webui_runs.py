"""Runs of a real web UI in this process, with the embedded model in place of a Stable Diffusion model.

Skipped where there is no checkout (WEBUI_PATH) with its requirements.
"""

from types import SimpleNamespace

import pytest
import torch
from automatic1111 import checkout

if checkout() is None:
    pytest.skip("no web UI checkout (WEBUI_PATH) with its requirements", allow_module_level=True)

from PIL import Image, ImageDraw
from webui_host import CALLS, CLASSIC, FLOW, FORGE, UPSCALER, k_diffusion, labels, model, ours, run, settings

from seeds_samplers.sampling import SAMPLERS, NoisePath


def alone(name, kind="eps", seed=1, steps=6, cfg=2.0, **options):
    """The latent that the core draws with the same model, without the web UI."""
    standin = model(kind)
    cond, uncond = standin._cond(["A", ""]).split(1)
    if FORGE:
        network = standin.forge_objects.unet.model
        levels = (network.model_sampling if hasattr(network, "model_sampling") else network.predictor).sigmas
        denoise = lambda x, sigma, cond: network.apply_model(x, sigma, c_crossattn=cond)  # noqa: E731
    else:
        made = {"v": k_diffusion.external.CompVisVDenoiser}.get(kind, k_diffusion.external.CompVisDenoiser)
        made = standin.create_denoiser() if kind == "flow" else made(standin)
        denoise, levels = lambda x, sigma, cond: made(x, sigma, cond={"c_crossattn": [cond]}), made.sigmas
    if kind == "flow":  # the schedule Simple
        sigmas = torch.tensor([levels[-1 - i * len(levels) // steps] for i in range(steps)] + [0.0])
    else:
        sigmas = k_diffusion.sampling.get_sigmas_karras(steps, levels[0].item(), levels[-1].item())

    def guided(x, sigma):
        with_prompt, without = (denoise(x, sigma, one) for one in (cond, uncond))
        guided.cond_denoised = None if CLASSIC else with_prompt
        return without + cfg * (with_prompt - without)

    x = torch.randn((standin.latent_channels, 32, 32), generator=torch.Generator().manual_seed(seed))[None] * sigmas[0]
    schedule = "flow" if kind == "flow" else "karras"
    return SAMPLERS[name](guided, x, sigmas, seed=[seed], noise_schedule=schedule, disable=True, **options)


@pytest.mark.parametrize("kind", ["eps", "v", "sdxl", *(["flow"] if FLOW else [])])
@pytest.mark.parametrize("name", SAMPLERS)
def test_it_is_the_cores_sampler_on_every_kind_of_model(name, kind):
    scheduler = "Simple" if kind == "flow" else "Automatic"
    with settings(randn_source="CPU", skip_early_cond=-1.0 if CLASSIC else 0.0):  # 0 there is the first step
        found = run(name, kind=kind, scheduler=scheduler)
    assert len(found.calls) == CALLS[name] * 5 + 1
    torch.testing.assert_close(found.last, alone(name, kind), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", SAMPLERS)
def test_an_image_of_a_batch_is_the_image_alone(name):
    batch = run(name, batch_size=3, seed=10).last
    alone = torch.cat([run(name, seed=10 + i).last for i in range(3)])
    counted = torch.cat([run(name, n_iter=3, seed=10).latents])
    torch.testing.assert_close(batch, alone, rtol=0, atol=1e-4)
    torch.testing.assert_close(batch, counted, rtol=0, atol=1e-4)
    assert (batch[0] - batch[1]).abs().mean() > 0.05


def test_variation_seeds():
    """Strength 0 is the seed's image, 1 that of the variation seed; a batch has one seed and a variation for each."""
    given = dict(subseed=77, seed_enable_extras=True)
    variation = run("SEEDS-2", batch_size=2, subseed_strength=0.4, **given)
    alone = run("SEEDS-2", subseed_strength=0.4, **{**given, "subseed": 78})
    torch.testing.assert_close(variation.last[1:], alone.last, rtol=0, atol=1e-4)
    none, all_of_it = (run("SEEDS-2", subseed_strength=strength, **given).last for strength in (0.0, 1.0))
    torch.testing.assert_close(none, run("SEEDS-2").last, rtol=0, atol=1e-4)
    with settings(randn_source="CPU"):
        other = run("SEEDS-2", seed=77).last
    assert (all_of_it - other).abs().mean() < (
        none - other
    ).abs().mean() / 3  # the host's slerp is not quite at its end


def test_the_noise_is_not_the_hosts(monkeypatch):
    """Whatever the host's generator is, and its ENSD setting: only the initial latent depends on it."""
    sampler = ours("webui.sampler")
    seen = []

    def keep(*given, **more):
        seen.append(NoisePath(*given, **more))
        return seen[-1]

    monkeypatch.setattr(sampler, "NoisePath", keep)
    for source in ("CPU", "NV"):
        with settings(randn_source=source, eta_noise_seed_delta=31337 if source == "NV" else 0):
            run("SEEDS-2", steps=2)
    first, second = (path(10.0, 1.0) for path in seen)
    torch.testing.assert_close(first, second)
    for source in ("CPU", "NV"):
        with settings(randn_source=source):
            from modules import rng

            initial = rng.ImageRNG(first.shape[1:], [1]).next()
            assert abs(torch.corrcoef(torch.stack([first.flatten(), initial.flatten()]))[0, 1]) < 0.06


def test_eta_is_the_hosts():
    with settings(randn_source="CPU", skip_early_cond=-1.0 if CLASSIC else 0.0):
        found = run("SEEDS-2", eta=0.3)
        torch.testing.assert_close(found.last, alone("SEEDS-2", eta=0.3), rtol=0, atol=1e-4)
    assert "Eta: 0.3" in found.texts[0]


def picture(color=(120, 30, 200)):
    image = Image.new("RGB", (256, 256), color)
    ImageDraw.Draw(image).ellipse((60, 60, 190, 190), fill=(250, 240, 20))
    return image


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("kind", ["eps", *(["flow"] if FLOW else [])])
def test_img2img_starts_where_the_host_says_and_keeps_what_the_mask_keeps(name, kind):
    mask = Image.new("L", (256, 256), 0)
    mask.paste(255, (0, 0, 128, 256))
    given = dict(images=[picture()], kind=kind, steps=9, denoising_strength=0.5)
    found = run(name, **given)
    assert len(found.calls) == CALLS[name] * 4 + 1
    masked = run(name, mask=mask, inpainting_fill=1, mask_blur=0, **given)
    kept = masked.p.mask.bool().expand_as(masked.last)
    assert torch.equal(masked.last[kept], masked.p.init_latent[kept]) and kept.any() and not kept.all()
    assert (masked.last - masked.p.init_latent)[~kept].abs().mean() > 0.01


@pytest.mark.parametrize("name", SAMPLERS)
def test_hires_fix(name):
    """The second pass counts on its own, and has paths of its own: a batch is again its images alone."""
    given = dict(enable_hr=True, hr_scale=2, hr_upscaler=UPSCALER, denoising_strength=0.5, hr_second_pass_steps=4)
    both = run(name, prompt="[A:B:0.5]", hr_prompt="A", steps=4, batch_size=2, seed=5, **given)
    calls = CALLS[name] * 3 + 1
    assert both.last.shape[-2:] == (64, 64) and len(both.calls) == 2 * calls
    assert set(labels(both)[calls:]) == {0}  # the glyph A
    again = run(name, prompt="[A:B:0.5]", hr_prompt="A", steps=4, seed=6, **given)
    torch.testing.assert_close(both.last[1:], again.last, rtol=0, atol=1e-4)


def test_interrupt_and_skip_leave_nothing_behind():
    from modules import shared

    before = run("SEEDS-3").last

    def stop(call):
        shared.state.interrupted = call == 5

    stopped = run("SEEDS-3", before_call=stop)
    assert len(stopped.calls) == 5 and stopped.last.isfinite().all()

    def skip(call):
        shared.state.skipped = call == 5

    skipped = run("SEEDS-3", before_call=skip, n_iter=2)
    assert len(skipped.calls) == 5 + 16
    torch.testing.assert_close(run("SEEDS-3").last, before)


def noise_keys(**given):
    p = SimpleNamespace(**{"seeds": [5], "subseeds": None, "subseed_strength": 0, **given})
    mixture = ours("webui.sampler").noise_of(p, torch.zeros(3, 1, 2, 2), "cpu").mixture
    return list(zip(mixture.weights, mixture.keys, strict=True))


def test_scripts_that_sample_more_images_than_there_are_seeds():
    assert noise_keys() == [(1.0, [(5, 0), (5, 1), (5, 2)])]
    assert noise_keys(is_hr_pass=True) == [(1.0, [(5, 3), (5, 4), (5, 5)])]
    assert noise_keys(subseed_strength=1)[1][1] == [(0, 0), (0, 1), (0, 2)]


def test_seeds_and_strengths_as_scripts_give_them():
    seeds = dict(seeds=[3.0, "12", -1], subseeds=[1, 2, 3])
    assert noise_keys(**seeds) == [(1.0, [(3, 0), (12, 0), (2**64 - 1, 0)])]
    assert noise_keys(**seeds, subseed_strength=1.5) == noise_keys(**seeds, subseed_strength=1.0)
    assert noise_keys(**seeds, subseed_strength=-0.5) == noise_keys(**seeds)


def test_what_the_model_says():
    of_model = ours("webui.sampler").of_model
    for kind, schedule in (("const", "flow"), ("edm", "karras")):
        predictor = SimpleNamespace(prediction_type=kind, sigma_data=0.5)
        found = of_model(SimpleNamespace(predictor=predictor))
        assert found == {"noise_schedule": schedule, "sigma_data": 0.5}
    assert of_model(SimpleNamespace(sigma_data=0.7))["sigma_data"] == 0.7
    neo = SimpleNamespace(predictor=SimpleNamespace(prediction_type="const", sigma_data=None))
    assert of_model(neo) == {"noise_schedule": "flow", "sigma_data": 1.0}


def test_where_the_noise_is_drawn(monkeypatch):
    seen, sampler = [], ours("webui.sampler")
    monkeypatch.setattr(sampler, "NoisePath", lambda *a, **b: seen.append(b["noise_device"]) or NoisePath(*a, **b))
    for device in ("cpu", "gpu"):
        run("SEEDS-1", steps=2, options={"SEEDS noise_device": device})
    assert seen == ["cpu", "gpu"]


def test_levels_that_repeat_or_rise():
    """As some of the hosts' schedules have them: the sampler sees those that fall."""
    levels = torch.tensor([14.0, 14.0, 15.0, 5.0, 5.0, 6.0, 1.0, 0.0])
    found = run("SEEDS-2", sigmas=levels)
    assert len(found.calls) == 2 * 2 + 1 and found.last.isfinite().all()
