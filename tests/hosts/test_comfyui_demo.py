"""The adapter in one process with ComfyUI's own code, on the demo model: guidance, caches, previews, model calls.

Skipped where there is no ComfyUI checkout (COMFYUI_PATH) with its requirements.
"""

import sys

import pytest
import torch
from comfyui import checkout

if checkout() is None:
    pytest.skip("no ComfyUI checkout (COMFYUI_PATH) with its requirements", allow_module_level=True)
sys.path.insert(0, str(checkout()))

import comfy.cli_args

comfy.cli_args.args.cpu = True

import comfy.samplers  # noqa: E402

from seeds_samplers.nodes.dropdown import register  # noqa: E402


def sampled(model, name, steps=4):
    """A picture of the demo model by ComfyUI's own way from a sampler's name to a latent."""
    import comfy.sample

    from seeds_samplers.nodes.demo import GlyphCLIP

    register()
    conditioning = [GlyphCLIP().encode_from_tokens_scheduled({"glyph": [[(number, 1.0)]]}) for number in (5, 0)]
    latent = torch.zeros(1, 3, 32, 32)
    sigmas = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "karras", steps)
    noise, sampler = comfy.sample.prepare_noise(latent, 5), comfy.samplers.sampler_object(name)
    return comfy.sample.sample_custom(
        model, noise, 2.0, sampler, sigmas, *conditioning, latent, seed=5, disable_pbar=True
    )


@pytest.mark.parametrize("cfg", [1.0, 4.0])
@pytest.mark.parametrize("masked", [False, True])
def test_seeds_m_knows_the_conditional_part(cfg, masked, monkeypatch):
    """ComfyUI's own guider, at cfg 1 without a second prediction; what a mask keeps is not taken for guidance."""
    import comfy.sample

    from seeds_samplers.nodes import dropdown
    from seeds_samplers.nodes.demo import GlyphCLIP, glyph_model

    class Parts(dropdown.WithParts):
        def __call__(self, x, sigma, denoise_mask=None, **given):
            denoised = super().__call__(x, sigma, denoise_mask=denoise_mask, **given)
            seen.append((denoised, self.cond_denoised, denoise_mask))
            return denoised

    register()
    seen = []
    monkeypatch.setattr(dropdown, "WithParts", Parts)
    positive, negative = (GlyphCLIP().encode_from_tokens_scheduled({"glyph": [[(n, 1.0)]]}) for n in (5, 0))
    model, latent = glyph_model(), torch.zeros(2, 3, 32, 32)
    sigmas = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "seeds", 6)
    mask = torch.ones(1, 1, 32, 32) if masked else None
    if masked:
        mask[..., :16] = 0
    noise, sampler = comfy.sample.prepare_noise(latent, 5), comfy.samplers.sampler_object("SEEDS-M")
    comfy.sample.sample_custom(
        model, noise, cfg, sampler, sigmas, positive, negative, latent, noise_mask=mask, seed=5, disable_pbar=True
    )
    assert len(seen) == 6
    for denoised, cond, denoise_mask in seen:
        change = (denoised - cond).abs()
        assert (change.max() > 0.01) == (cfg != 1)
        if masked:
            assert change[denoise_mask.expand_as(change) == 0].max() < 1e-6


def test_a_cache_in_comfyui_knows_where_it_is():
    """What docs/caches.md says a cache can do: keep the first call of each step and skip the second."""
    import comfy.patcher_extension

    from seeds_samplers.nodes.demo import glyph_model

    seen, kept = [], {}

    def cache(executor, x, timestep, model_options, seed=None):
        call = model_options["transformer_options"]["seeds_calls"][len(seen)]
        seen.append((timestep[0].item(), call))
        if call.stage == 0:
            kept["denoised"] = executor(x, timestep, model_options, seed)
        return kept["denoised"]

    model = glyph_model()
    model.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.PREDICT_NOISE, "cache", cache)
    cached = sampled(model, "SEEDS-2")
    assert len(seen) == 7 and all(sigma == pytest.approx(call.sigma) for sigma, call in seen)
    assert cached.isfinite().all() and (cached - sampled(glyph_model(), "SEEDS-2")).abs().max() > 0.01


def test_what_lazycache_returns_for_a_call_that_it_skips():
    """docs/caches.md: the result before, and all that x has got since, fresh noise as if it were the picture's."""
    from comfy_extras.nodes_easycache import LazyCacheHolder

    holder = LazyCacheHolder(0.2, 0.15, 0.95, 8, False)
    x_before, denoised_before, x = torch.randn(3, 1, 3, 8, 8)
    holder.update_cache_diff(denoised_before, x_before)
    torch.testing.assert_close(holder.apply_cache_diff(x), denoised_before + (x - x_before))


def test_how_often_comfyuis_samplers_call_the_model():
    """As the chart says; counted in runs, to noise level 0 and not."""
    import comfy.sample

    from seeds_samplers.nodes.chart import calls_of_steps
    from seeds_samplers.nodes.demo import GlyphCLIP, glyph_model, glyph_sampling
    from seeds_samplers.nodes.trial import sampler_of

    register()
    model, counted = glyph_model(), []
    model.model.diffusion_model.register_forward_hook(lambda *_: counted.append(1))
    cond = GlyphCLIP().encode_from_tokens_scheduled({"glyph": [[(1, 1.0)]]})
    noise, latent = torch.randn(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)
    levels = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "karras", 7)
    for name in set(comfy.samplers.SAMPLER_NAMES) - {"dpm_adaptive"}:
        for sigmas in (levels, levels[:-1]):
            counted.clear()
            sampler = comfy.samplers.sampler_object(name)
            comfy.sample.sample_custom(
                model, noise, 1.0, sampler, sigmas, cond, cond, latent, seed=5, disable_pbar=True
            )
            assert calls_of_steps(name, len(sigmas) - 1, sigmas[-1] == 0) == len(counted), (name, len(sigmas))
        tried, _ = sampler_of(name, glyph_sampling())
        assert calls_of_steps(name, 20) == tried.calls(torch.linspace(50, 0, 21)), name
    assert calls_of_steps("dpm_adaptive", 7) is None and calls_of_steps("another's", 7) is None


def test_the_demo_models_preview_shows_the_picture():
    import latent_preview

    from seeds_samplers.nodes.demo import GlyphLatent

    comfy.cli_args.args.preview_method = comfy.cli_args.LatentPreviewMethod.Auto
    latent = torch.rand(1, 3, 32, 32) * 2 - 1
    _, image, _ = latent_preview.get_previewer(torch.device("cpu"), GlyphLatent()).decode_latent_to_preview_image(
        "JPEG", latent
    )
    assert image.size == (32, 32)
    shown = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(32, 32, 3) / 255
    assert (shown - (latent[0].movedim(0, -1) + 1) / 2).abs().max() < 1 / 255


def test_the_demo_models_vae_and_clip():
    from seeds_samplers.nodes.demo import GlyphCLIP, PixelVAE

    vae, picture = PixelVAE(), torch.rand(2, 3, 32, 32) * 2 - 1
    assert vae.decode(picture).shape == (2, 256, 256, 3)
    torch.testing.assert_close(vae.encode(vae.decode(picture)), picture)
    labels = [
        GlyphCLIP().encode_from_tokens(GlyphCLIP().tokenize(text)).item() for text in ("a", " Z ", "0", "", "cat")
    ]
    assert labels == [1, 26, 27, 0, 0]
