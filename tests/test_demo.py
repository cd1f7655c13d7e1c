"""The embedded model: its data, its denoiser, its weights, and that what it draws can be read."""

import json

import pytest
import torch
from generating import full_disk
from problems import quick_first
from safetensors.torch import save_file

from seeds_samplers.demo import files
from seeds_samplers.demo import train as training
from seeds_samplers.demo.classifier import CLASSIFIER_WEIGHTS, Classifier, accuracy, load_classifier
from seeds_samplers.demo.denoiser import MODEL_WEIGHTS, SIGMA_DATA, Denoiser, load_model
from seeds_samplers.demo.draw import Request, draw, initial_latent
from seeds_samplers.demo.evaluate import recognised, rendered
from seeds_samplers.demo.glyphs import CALM, FACES, GLYPHS, HELD_OUT, SIZE, WIDE, Pool, labels_of, mask_of, render_mask
from seeds_samplers.demo.network import UNet
from seeds_samplers.sampling import NoisePath


def test_the_networks_are_as_small_as_promised():
    model, classifier = load_model(), load_classifier()
    assert sum(p.numel() for p in model.parameters()) <= 2.5e6
    assert MODEL_WEIGHTS.stat().st_size <= 6e6 and CLASSIFIER_WEIGHTS.stat().st_size <= 1e6
    for path in (MODEL_WEIGHTS, CLASSIFIER_WEIGHTS):
        tensors, _ = files.load_tensors(path)
        assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert not model.training and not classifier.training


@pytest.mark.slow
def test_the_classifier_recognises_rendered_glyphs():
    images, labels = rendered(1440)
    assert accuracy(load_classifier(), images, labels) >= 0.98


@pytest.mark.slow
def test_the_model_draws_readable_glyphs():
    """72 images here, to be quick; `python -m seeds_samplers.demo.evaluate` measures 720."""
    assert recognised(Request(prompt=GLYPHS, count=2, steps=12, batch_size=72).checked()) >= 0.9


@pytest.mark.parametrize("glyph", quick_first(GLYPHS, 6))
def test_every_glyph_of_every_face_lies_inside_the_picture(glyph):
    for face in FACES:
        for angle in (-20, 0, 20):
            for place in ((0, 0), (1, 1), (0.5, 0.5)):
                mask = render_mask(glyph, face, 25, angle, place)
                border = [mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()]
                assert max(border) <= 64 and mask.max() > 150 and 0.01 < mask.mean() / 255 < 0.6


def test_the_data_is_a_function_of_seed_and_number():
    for variety in (CALM, WIDE):
        mask, label = mask_of(3, 40, variety)
        assert label == 40 % 36 and (mask == mask_of(3, 40, variety)[0]).all()
        assert (mask != mask_of(4, 40, variety)[0]).any()


def test_a_pool_is_a_function_of_its_position():
    walked, jumped = Pool(1, 12), Pool(1, 12, position=20)
    for _ in range(10):
        walked.advance(2)
    assert torch.equal(walked.masks, jumped.masks) and torch.equal(walked.labels, jumped.labels)
    draws = [pool.draw(5, torch.Generator().manual_seed(0)) for pool in (walked, jumped)]
    assert torch.equal(draws[0][0], draws[1][0])


def test_pictures_have_the_deviation_that_the_denoiser_assumes():
    images, _ = rendered(720)
    assert images.abs().max() <= 1 and images.std().item() == pytest.approx(SIGMA_DATA, abs=0.03)


def test_the_denoiser_returns_x_at_no_noise_and_the_mean_at_much():
    model = Denoiser(UNet())
    x = torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model(x, torch.full((2,), 1e-4)), x, rtol=1e-5, atol=1e-4)
    assert model(1e4 * x, torch.full((2,), 1e4)).abs().max() < 1e-2


@torch.no_grad()
def test_guidance_extrapolates_what_the_class_changes():
    model, labels = load_model(), torch.tensor([4, 7])
    x, sigma = torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)), torch.ones(2)
    with_class, without = model(x, sigma, labels), model(x, sigma)
    torch.testing.assert_close(model(x, sigma, labels, cfg=1), with_class)
    torch.testing.assert_close(model(x, sigma, labels, cfg=0), without, rtol=1e-4, atol=1e-5)
    expected = without + 3 * (with_class - without)
    torch.testing.assert_close(model(x, sigma, labels, cfg=3), expected, rtol=1e-4, atol=1e-4)


def test_an_image_depends_on_its_seed_and_glyph_alone():
    """Image i of a grid is the image of seed + i, whatever the batches; rounding apart."""
    request = Request(prompt="AB", count=2, steps=3, seed=100)
    images = draw(request.checked())
    other = draw(Request(prompt="A", count=1, steps=3, seed=102, batch_size=1).checked())
    torch.testing.assert_close(images[2:3], other, rtol=1e-3, atol=1e-3)
    batches = draw(Request(prompt="AB", count=2, steps=3, seed=100, batch_size=3).checked())
    torch.testing.assert_close(images, batches, rtol=1e-3, atol=1e-3)


def test_the_initial_latent_is_not_the_noise_of_sampling():
    latent = initial_latent(5, "cpu").flatten()
    noise = NoisePath(torch.zeros(1, 3, SIZE, SIZE), [5])(10, 5).flatten()
    assert torch.corrcoef(torch.stack([latent, noise]))[0, 1].abs() < 5 / len(latent) ** 0.5


def test_labels():
    assert labels_of("az09") == [0, 25, 26, 35]
    for text in ("", "A B", "É"):
        with pytest.raises(ValueError, match=r"prompt: .* is not drawable"):
            labels_of(text)


class TestFiles:
    def test_a_network_survives_its_file(self, tmp_path):
        network = Classifier()
        files.save_network(tmp_path / "a.safetensors", network, note="x")
        loaded = files.load_network(Classifier, tmp_path / "a.safetensors")
        torch.testing.assert_close(loaded.state_dict(), network.state_dict(), rtol=1e-3, atol=1e-4)
        assert loaded.metadata["note"] == "x"

    def test_what_is_not_ours_is_refused(self, tmp_path):
        path = tmp_path / "w.safetensors"
        with pytest.raises(ValueError, match=r"weights: .*w\.safetensors is not a readable safetensors file"):
            files.load_tensors(path)
        path.write_bytes(MODEL_WEIGHTS.read_bytes()[:-100])
        with pytest.raises(ValueError, match="is not a readable safetensors file"):
            files.load_network(UNet, path)
        save_file({"a": torch.ones(1)}, path, metadata={"config": json.dumps({"classes": 3})})
        with pytest.raises(ValueError, match="does not hold a Classifier"):
            files.load_network(Classifier, path)

    @pytest.mark.parametrize(
        "metadata",
        [
            {"config": "5"},
            {"config": "[1]"},
            {"config": '{"nonsense": 1}'},
            {"config": '{"width": "x"}'},
            {"config": '{"width": 1000000000}'},
            {"config": '{"width": -3}'},
            {"config": '{"width": 1.5}'},
            {"config": "[" * 100_000},
            {"config": "9" * 10_000},
            {"config": "{}"},
            {"config": "{}", "sigma_data": '"x"'},
            {"config": "{}", "sigma_data": "[]"},
        ],
    )
    def test_hostile_metadata_is_refused_by_the_file_s_name(self, tmp_path, metadata):
        tensors, _ = files.load_tensors(MODEL_WEIGHTS)
        save_file(tensors, tmp_path / "w.safetensors", metadata=metadata)
        with pytest.raises(ValueError, match=r"^weights: .*w\.safetensors"):
            load_model(tmp_path / "w.safetensors")

    def test_a_failure_while_writing_leaves_the_old_file_and_nothing_else(self, tmp_path, monkeypatch):
        path = tmp_path / "a.png"
        path.write_text("old")
        with (
            monkeypatch.context() as context,
            pytest.raises(OSError, match=r"a\.png: cannot be written, the disk is full"),
        ):
            full_disk(context)
            files.write_whole(path, b"new")
        with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
            context.setattr(files.os, "replace", interrupted)
            files.write_whole(path, b"new")
        assert [p.name for p in tmp_path.iterdir()] == ["a.png"] and path.read_text() == "old"

    @pytest.mark.parametrize("links", [True, False])
    def test_a_new_file_is_made_once(self, tmp_path, monkeypatch, links):
        if not links:  # as on FAT
            monkeypatch.setattr(files.os, "link", refused)
        files.write_whole(tmp_path / "a", b"one", new=True)
        with pytest.raises(FileExistsError):
            files.write_whole(tmp_path / "a", b"two", new=True)
        assert [p.name for p in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_bytes() == b"one"


def interrupted(*_):
    raise KeyboardInterrupt


def refused(*_):
    raise PermissionError


class TestTraining:
    @pytest.fixture(autouse=True)
    def small(self, monkeypatch):
        monkeypatch.setattr(training, "POOL", 36)
        monkeypatch.setitem(
            training.JOBS, "model", training.JOBS["model"] | dict(batch=4, kind=lambda: UNet(width=8, deep=16))
        )
        monkeypatch.setattr(training, "KEPT_EVERY", 2)

    @pytest.mark.slow
    def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(self, tmp_path, monkeypatch):
        def run(name):
            (tmp_path / name).mkdir(exist_ok=True)
            return training.train("model", 1, 24, tmp_path / name, torch.device("cpu")).state_dict()

        def stopping(run, pool):
            if run.step == 3:
                raise KeyboardInterrupt
            return unbroken(run, pool)

        unbroken, whole = training.Run.train_step, run("a")
        with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
            context.setattr(training.Run, "train_step", stopping)
            run("b")
        resumed = run("b")
        for name, tensor in whole.items():
            torch.testing.assert_close(resumed[name], tensor, rtol=1e-5, atol=1e-6)

    def test_phases_follow_each_other(self):
        run = training.Run(**training.JOBS["model"], seed=0, device=torch.device("cpu"))
        first, second = (phase.images // run.batch for phase in run.phases)
        for run.step, expected in [
            (0, (0, 0)),
            (first - 1, (0, first - 1)),
            (first, (1, 0)),
            (first + second, (1, second)),
        ]:
            phase, step, steps = run.phase()
            assert (run.phases.index(phase), step) == expected and steps == (first, second)[expected[0]]

    def test_the_average_keeps_no_history(self, tmp_path):
        average = training.train("model", 1, 8, tmp_path, torch.device("cpu"))
        assert not any(parameter.requires_grad for parameter in average.parameters())

    def test_too_few_images_are_refused(self, tmp_path):
        with pytest.raises(SystemExit) as stop:
            training.main(["--network", "model", "--images", "3", "--out", str(tmp_path)])
        assert str(stop.value) == "train: images: 3; expected at least a batch, 4"

    def test_a_checkpoint_of_another_run_is_refused(self, tmp_path, capsys):
        training.main(["--network", "model", "--images", "8", "--out", str(tmp_path)])
        with pytest.raises(SystemExit) as stop:
            training.main(["--network", "model", "--images", "8", "--seed", "2", "--out", str(tmp_path)])
        assert "a checkpoint of another run" in str(stop.value)
        assert "final loss" in capsys.readouterr().out


def test_held_out_images_are_far_from_those_of_training():
    assert sum(phase.images for job in training.JOBS.values() for phase in job["phases"]) * 100 < HELD_OUT
