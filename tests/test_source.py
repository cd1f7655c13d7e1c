"""Models to draw with: one's own, and k-diffusion's checkpoints."""

import json
import sys

import numpy as np
import pytest
import torch
from generating import here, images_in, levels, refused, same
from safetensors.torch import save_file

from seeds_samplers.demo.draw import initial_latent
from seeds_samplers.demo.source import Source, source_of
from seeds_samplers.sampling import sample_seeds_2, sample_seeds_m, sigmas_karras

pytestmark = pytest.mark.usefixtures("folder")


class TestAModelOfOnesOwn:
    def test_without_classes(self, folder):
        assert here("--model", "blobs:plain", "--format", "npy", "--steps", 4, "--seeds", "5,9", "--out", "out") == 0
        model, sigmas = Source.from_factory("blobs:plain").model, sigmas_karras(4, 0.02, 20.0)
        x = torch.stack([initial_latent(seed, "cpu", (1, 6, 5)) for seed in (5, 9)]) * sigmas[0]
        expected = sample_seeds_2(model, x, sigmas, seed=[5, 9], disable=True)
        for image, name in zip(expected, ("000005.npy", "000009.npy"), strict=True):
            np.testing.assert_allclose(np.load(folder / "out" / name), image, atol=1e-5)

    def test_with_classes_and_guidance(self, folder):
        """Guidance moves the mean of class 2, 0.6, to 0.6 times its strength; the noise of the seed stays."""
        options = ["--model", "blobs:classes", "--format", "npy", "--steps", 30, "--seeds", 5]
        for cfg in (1, 3):
            assert here(*options, "--cfg", cfg, "--out", cfg) == 0
        difference = np.load(folder / "3" / "000005.npy") - np.load(folder / "1" / "000005.npy")
        np.testing.assert_allclose(difference, 2 * 0.6, atol=0.02)
        assert here(*options, "--labels", "0-1", "--out", "other") == 0  # label 5 modulo 2, -0.3
        difference = np.load(folder / "1" / "000005.npy") - np.load(folder / "other" / "000005.npy")
        np.testing.assert_allclose(difference, 0.6 + 0.3, atol=0.02)

    def test_options_replace_what_it_says_or_does_not_say(self, folder):
        given = dict(shape=[3, 4, 4], sigma_min=0.1, sigma_max=5, classes=2, class_argument="kind")
        source = source_of("blobs:bare", **given)
        assert (source.shape, source.levels, source.classes) == ((3, 4, 4), (0.1, 5.0, 1.0), 2)
        assert source_of("blobs:plain").levels == (pytest.approx(0.02), 20.0, 0.5)
        assert source_of("blobs:plain", sigma_max=9.0, sigma_data=0.7).levels == (0.02, 9.0, 0.7)
        options = ["--shape", 3, 4, 4, "--sigma-min", 0.1, "--sigma-max", 5, "--classes", 2, "--class-argument", "kind"]
        assert here("--model", "blobs:bare", *options, "--steps", 2, "--cfg", 2, "--seeds", "0-2", "--out", "out") == 0
        assert levels(folder / "out" / "000002.png").shape == (4, 4, 3)
        settings = json.loads((folder / "out" / "generate.json").read_text())
        assert settings["shape"] == [3, 4, 4] and settings["labels"] == [0, 1] and settings["sigma_max"] == 5.0

    @pytest.mark.parametrize(
        "arguments, message",
        [
            (["blobs"], "model: 'blobs'; expected embedded, package.module:factory, or a k-diffusion checkpoint"),
            (["nowhere:f"], "model: 'nowhere:f'; expected package.module:factory, a function without arguments"),
            (["blobs:missing"], "(AttributeError: module 'blobs' has no attribute 'missing'"),
            (["blobs:fails"], "(KeyError: 'weights', blobs.py line "),
            (["blobs:nothing"], "model: blobs:nothing is a NoneType; expected a denoiser, model(x, sigma)"),
            (["blobs:bare"], "shape: none; expected --shape, or an attribute shape of what blobs:bare returns"),
            (["blobs:bare", "--shape", 1, 2, 2], "sigma-min: none; expected --sigma-min, or an attribute sigma_min"),
            (["blobs:plain", "--shape", 0, 2, 2], "shape: 0; expected a whole number >= 1"),
            (["blobs:plain", "--sigma-max", 0.01], "sigma-max: 0.01; expected a finite number and > 0.02"),
            (["blobs:plain", "--sigma-data", 0], "sigma-data: 0.0; expected a finite number and > 0"),
            (["blobs:plain", "--cfg", 2], "cfg: 2.0; expected 1, there is no guidance without classes"),
            (["blobs:plain", "--prompt", "A"], "prompt: 'A'; expected --labels, glyphs are for the embedded model"),
            (["blobs:plain", "--labels", 0], "labels: '0'; expected none, the model has no classes"),
            (
                ["blobs:plain", "--classes", 2],
                "model: blobs:plain; call 1, x of shape (1, 1, 6, 5): AssertionError, blobs.py line ",
            ),
            (["blobs:classes", "--labels", 3], "labels: '3'; expected numbers up to 2"),
            (["blobs:classes", "--class-argument", "y"], "unexpected keyword argument 'y'"),
            (["blobs:latents"], "format: 'png'; expected 'npy' for images of 4 channels"),
            (["blobs:plain", "--config", "c.json"], "config: c.json; expected none, it belongs to a k-diffusion"),
            (["embedded", "--classes", 2], "classes: given; expected none, the embedded model has its own"),
            (["model.pth"], "model: model.pth; expected embedded, package.module:factory, or a k-diffusion"),
        ],
    )
    def test_what_is_missing_or_wrong_is_said_in_one_line(self, capsys, folder, arguments, message):
        assert message in refused(capsys, "--out", "out", "--model", *arguments)
        assert not (folder / "out").exists()

    def test_a_model_whose_images_have_another_shape(self, capsys):
        options = ["--shape", 1, 4, 4, "--sigma-min", 0.1, "--sigma-max", 5]
        line = refused(capsys, "--model", "blobs:cropping", *options)
        call = "model: blobs:cropping; call 1, x of shape (1, 1, 4, 4)"
        assert line == f"{call}: expected a tensor of that shape, not one of (1, 1, 4, 3)"


def test_a_plug_in_tells_seeds_m_the_conditional_part(folder):
    plugin = Source.from_factory("blobs:classes").model
    x, sigma, labels = torch.randn(2, 1, 6, 5), torch.full((2,), 3.0), torch.tensor([0, 2])
    conditional = plugin(x, sigma, labels)
    torch.testing.assert_close(plugin.cond_denoised, conditional)
    plugin(x, sigma, labels, cfg=3.0)
    torch.testing.assert_close(plugin.cond_denoised, conditional)
    assert Source.embedded().model.cond_denoised is None
    source = Source.from_factory("blobs:plain")
    source.model(x, sigma)
    assert source.model.cond_denoised is None  # it has not said that it has no guidance of its own


@pytest.mark.parametrize("cfg", [1.0, 3.0])
def test_seeds_m_reads_the_conditional_part(cfg):
    """As from a model that says the part by hand; one that says nothing is sampled otherwise."""
    labels = torch.tensor([0, 2])
    source, sigmas = Source.from_factory("blobs:classes"), sigmas_karras(6, 0.02, 20.0)
    none = torch.full_like(labels, source.classes)

    def by_hand(x, sigma):
        by_hand.cond_denoised = source.factory(x, sigma, labels)
        return torch.lerp(source.factory(x, sigma, none), by_hand.cond_denoised, cfg)

    x = torch.randn(2, 1, 6, 5, generator=torch.Generator().manual_seed(0)) * sigmas[0]
    given = dict(labels=labels, cfg=cfg)
    models = (source.model, lambda x, sigma: source.model(x, sigma, **given), by_hand)
    told, silent, expected = (
        sample_seeds_m(model, x, sigmas, extra_args=extra, seed=[1, 2], disable=True)
        for model, extra in zip(models, (given, {}, {}), strict=True)
    )
    torch.testing.assert_close(told, expected, atol=1e-4, rtol=0)
    assert (told - silent).abs().max() > 0.05  # measured: 0.087 and 0.253


NETWORKS = {
    "image_v1": dict(
        mapping_out=32, depths=[1, 1], channels=[32, 32], self_attn_depths=[False] * 2, cross_attn_depths=[False] * 2
    ),
    "image_transformer_v1": dict(depth=2, width=64, d_ff=64, patch_size=[2, 2]),
}


class TestKDiffusion:
    """Checkpoints as k-diffusion's training writes them."""

    @pytest.fixture(params=NETWORKS)
    def made(self, request, monkeypatch):
        """A config, and the state of a network with random weights."""
        monkeypatch.setenv("K_DIFFUSION_USE_COMPILE", "0")  # compiling takes longer than all the rest
        k_diffusion = pytest.importorskip("k_diffusion", reason="the extra k-diffusion is not installed")
        own = dict(input_channels=3, input_size=[8, 8], sigma_min=0.01, sigma_max=30, sigma_data=0.6)
        config = {"model": own | {"type": request.param} | NETWORKS[request.param], "dataset": {"num_classes": 4}}
        torch.manual_seed(0)
        state = k_diffusion.config.make_model(k_diffusion.config.load_config(config)).state_dict()
        return config, {name: value + 0.1 * torch.randn_like(value) for name, value in state.items()}

    def test_a_checkpoint_draws_the_same_in_both_forms(self, folder, made):
        config, state = made
        save_file(state, "a.safetensors", metadata={"config": json.dumps(config)})
        torch.save({"model": {}, "model_ema": state, "config": config}, "a.pth")
        (folder / "a.json").write_text(json.dumps(config))
        options = ["--steps", 3, "--seeds", "0-2", "--format", "npy"]
        assert here("--model", "a.safetensors", *options, "--out", "one") == 0
        assert here("--model", "a.pth", "--config", "a.json", *options, "--out", "two", "--batch-size", 1) == 0
        one = images_in(folder / "one")
        same(one, images_in(folder / "two"))
        assert len(one) == 3 and all(image.shape == (3, 8, 8) for image in one.values())
        settings = json.loads((folder / "one" / "generate.json").read_text())
        classes = 0 if config["model"]["type"] == "image_v1" else 4
        assert (settings["classes"], settings["sigma_data"], settings["sigma_max"]) == (classes, 0.6, 30.0)
        if classes:
            assert here("--model", "a.safetensors", *options, "--cfg", 3, "--out", "guided") == 0
            assert abs(images_in(folder / "guided")["000001.npy"] - one["000001.npy"]).max() > 1e-3

    def test_what_is_no_checkpoint_is_refused(self, folder, capsys, made):
        config, state = made
        (folder / "a.json").write_text(json.dumps(config))
        torch.save({"model": state}, "a.pth")
        (folder / "b.safetensors").write_text("no")
        assert refused(capsys, "--model", "a.pth").startswith("config: none; expected --config FILE.json")
        assert "(KeyError: 'model_ema'" in refused(capsys, "--model", "a.pth", "--config", "a.json")
        assert "b.safetensors; expected a k-diffusion checkpoint (" in refused(capsys, "--model", "b.safetensors")

    def test_other_weights_are_other_settings(self, folder, capsys, made):
        config, state = made
        save_file(state, "a.safetensors", metadata={"config": json.dumps(config)})
        options = ["--model", "a.safetensors", "--steps", 1, "--seeds", 0]
        assert here(*options) == 0
        save_file({name: 2 * value for name, value in state.items()}, "a.safetensors", {"config": json.dumps(config)})
        capsys.readouterr()
        assert refused(capsys, *options).startswith("model: 'a.safetensors, ")


def test_without_k_diffusion_it_says_what_to_install(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "k_diffusion", None)
    (folder / "a.safetensors").write_text("")
    line = refused(capsys, "--model", "a.safetensors")
    assert "pip install 'seeds-samplers[k-diffusion]'" in line
