"""Many images on several processes: the same whatever their number, and a run that was stopped goes on."""

import os
import signal
import subprocess
import time

import numpy as np
import pytest
import torch
from generating import command, here, images_in, levels, refused, run, same, workplace

from seeds_samplers.demo import generate
from seeds_samplers.demo.draw import Request, draw
from seeds_samplers.demo.folder import Folder


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder with the plug-ins in it."""
    return workplace(tmp_path, monkeypatch)


class TestTheSameImages:
    @pytest.mark.slow
    def test_on_one_process_and_on_two(self, folder, capsys):
        options = ["--seeds", "0-4,70", "--steps", 3, "--prompt", "A1B"]
        assert here(*options, "--out", "one") == 0
        said = capsys.readouterr().out.splitlines()
        assert [line.split()[:2] for line in said[1:3]] == [["0", "6"], ["all", "6"]]
        assert said[3] == "one: 6 images drawn, 0 were there"
        two = run(*options, "--out", "two", "--batch-size", 2, ranks=2)
        assert two.returncode == 0, two.stderr
        assert [line.split()[:2] for line in two.stdout.splitlines()[1:4]] == [["0", "3"], ["1", "3"], ["all", "6"]]
        assert "6/6" in two.stderr and "rank 0 of 2" in two.stderr and "rank 1 of 2" not in two.stderr
        names = sorted(path.name for path in (folder / "one").glob("*.png"))
        assert names == [f"{seed:06d}.png" for seed in (0, 1, 2, 3, 4, 70)]
        assert sorted(path.name for path in (folder / "two").glob("*")) == [*names, "generate.json"]
        for name in names:
            assert abs(levels(folder / "one" / name) - levels(folder / "two" / name)).max() <= 1

    def test_as_seeds_sample_draws_them(self, folder):
        """The image of seed 70 has the glyph number 70 modulo the prompt's length."""
        assert here("--seeds", 70, "--steps", 3, "--prompt", "A1B", "--out", "one") == 0
        alone = draw(Request(prompt="1", count=1, steps=3, seed=70).checked())[0]
        expected = ((alone + 1) * 127.5).round().movedim(0, -1).numpy()
        assert abs(levels(folder / "one" / "000070.png") - expected).max() <= 1

    def test_whatever_the_batch_size(self, folder):
        for size in (1, 3, 64):
            assert here("--model", "blobs:plain", "--format", "npy", "--out", size, "--batch-size", size) == 0
        assert len(images_in(folder / "1")) == 64
        same(images_in(folder / "1"), images_in(folder / "64"))
        same(images_in(folder / "3"), images_in(folder / "64"))


class TestARunThatDied:
    OPTIONS = ("--model", "blobs:plain", "--format", "npy", "--steps", 3, "--batch-size", 1, "--seeds", "0-19")

    @pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=pytest.mark.slow)])
    def test_goes_on_with_what_is_missing(self, folder, ranks):
        out, environment = folder / "out", os.environ | {"OMP_NUM_THREADS": "1", "SLOW": "0.05"}
        process = subprocess.Popen(
            command(*self.OPTIONS, "--out", out, ranks=ranks), env=environment, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 120
        while len(list(out.glob("*.npy"))) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(int((folder / f"pid{ranks - 1}").read_text()), signal.SIGKILL)
        assert process.wait(timeout=120) != 0
        before = {path: path.stat().st_mtime_ns for path in out.glob("*.npy")}
        assert 3 <= len(before) < 20 and all(np.load(path).shape == (1, 6, 5) for path in before)
        assert here(*self.OPTIONS, "--out", out) == 0
        assert {path: path.stat().st_mtime_ns for path in before} == before
        assert here(*self.OPTIONS, "--out", folder / "whole") == 0
        same(images_in(out), images_in(folder / "whole"))

    def test_what_it_left_half_written_is_removed_once_it_is_old(self, folder, capsys):
        out = folder / "out"
        assert here(*self.OPTIONS, "--out", out) == 0
        for name, age in ((".000003.npy.a.part", 700), (".000004.npy.b.part", 0)):
            (out / name).write_bytes(b"half")
            os.utime(out / name, (time.time() - age,) * 2)
        (out / "000003.npy").unlink()
        capsys.readouterr()
        assert here(*self.OPTIONS, "--out", out) == 0
        assert capsys.readouterr().out.splitlines()[-1] == f"{out}: 1 images drawn, 19 were there"
        assert [path.name for path in out.glob(".*")] == [".000004.npy.b.part"]

    def test_a_failure_while_writing_leaves_no_file(self, folder, monkeypatch, capsys):
        def full(*arguments, **options):
            raise OSError("No space left on device")

        with monkeypatch.context() as context:
            context.setattr(np, "save", full)
            assert here(*self.OPTIONS, "--out", "out") == 2
        assert capsys.readouterr().err.endswith("generate: No space left on device\n")
        assert [path.name for path in (folder / "out").iterdir()] == ["generate.json"]


class TestTheFolder:
    OPTIONS = ("--model", "blobs:plain", "--format", "npy", "--steps", 2, "--seeds", "0-1", "--out", "out")

    def test_other_settings_are_refused(self, folder, capsys):
        assert here(*self.OPTIONS) == 0
        capsys.readouterr()
        line = refused(capsys, *self.OPTIONS, "--steps", 3, "--eta", 0.5)
        assert line == "steps: 3; expected 2 as in out/generate.json, or another folder (different too: eta)"
        line = refused(capsys, *self.OPTIONS, "--model", "blobs:classes")
        assert line.startswith("model: 'blobs:classes'; expected 'blobs:plain' as in out/generate.json")
        assert here(*self.OPTIONS, "--seeds", "1-5", "--batch-size", 2, "--device", "cpu") == 0
        assert len(images_in(folder / "out")) == 6

    def test_so_are_files_of_nobody_knows_which(self, folder, capsys):
        (folder / "out").mkdir()
        (folder / "out" / "000000.npy").write_text("")
        line = refused(capsys, *self.OPTIONS)
        assert line == "out: out; expected a new folder, or one with the generate.json of an earlier run"
        for text in ("{", "[]", "[" * 100_000):
            (folder / "out" / "generate.json").write_text(text)
            assert "out: out/generate.json; expected the settings of an earlier run" in refused(capsys, *self.OPTIONS)
        (folder / "file").write_text("")
        assert refused(capsys, *self.OPTIONS, "--out", "file").startswith("out: file; expected a folder")

    def test_a_picture_of_one_channel(self, folder):
        image = torch.tensor([[[-3.0, -1.0, 0.0, 1.0, 3.0]]])
        Folder(folder, "png").write(7, image)
        np.testing.assert_array_equal(levels(folder / "000007.png"), [[0, 0, 128, 255, 255]])


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--steps", 0], "steps: 0; expected a whole number >= 1 and <= 10000"),
        (["--seeds", "5-2"], "seeds: '5-2'; expected numbers up to 18446744073709551615 and ranges of them"),
        (["--seeds", ""], "seeds: ''; expected numbers"),
        (["--seeds", "0-10000000"], "seeds: '0-10000000'; expected at most 10000000 numbers"),
        (["--seeds", 2**64], "expected numbers up to"),
        (["--batch-size", 0], "batch-size: 0; expected a whole number >= 1"),
        (["--device", "abacus"], "device: 'abacus' cannot be used here"),
        (["--format", "jpg"], "format: 'jpg'; expected one of 'png', 'npy'"),
        (["--prompt", "a b"], "prompt: 'a b' is not drawable"),
        (["--prompt", "A", "--labels", 1], "not allowed with argument"),
        (["--sigma", 3], "ambiguous option: --sigma"),
        (["--model"], "argument --model: expected one argument"),
        (["--bogus"], "unrecognized arguments: --bogus"),
    ],
)
def test_bad_options_are_refused_in_one_line(capsys, folder, arguments, message):
    assert message in refused(capsys, *arguments)
    assert not (folder / "generated").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--eta", -1], "generate: eta: -1.0; expected a finite number and >= 0"),
        (["--model", "blobs:fails_on_rank_1"], "generate: model: 'blobs:fails_on_rank_1'; expected package.module"),
    ],
)
@pytest.mark.slow
def test_of_several_ranks_one_says_it_and_all_end(folder, arguments, message):
    result = run(*arguments, ranks=2)
    ours = [line for line in result.stderr.splitlines() if line.startswith("generate:")]
    assert result.returncode != 0 and len(ours) == 1 and ours[0].startswith(message)
    assert result.stdout == "" and not (folder / "generated").exists()


def test_numbers():
    assert generate.numbers_of("seeds", "0-2,7, 1 - 1", 9) == [0, 1, 2, 7, 1]
    assert generate.numbers_of("seeds", str(2**64 - 1), 2**64 - 1) == [2**64 - 1]
