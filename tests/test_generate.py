"""Many images on several processes: the same whatever their number, and a run that was stopped goes on."""

import os
import signal
import subprocess
import time

import numpy as np
import pytest
from generating import command, full_disk, here, images_in, levels, refused, run, same

from seeds_samplers.demo.draw import Request, draw

pytestmark = pytest.mark.usefixtures("folder")


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

    @pytest.mark.slow
    def test_whatever_the_batch_size(self, folder):
        for size in (1, 3, 64):
            assert here("--model", "blobs:plain", "--format", "npy", "--out", size, "--batch-size", size) == 0
        assert len(images_in(folder / "1")) == 64
        same(images_in(folder / "1"), images_in(folder / "64"))
        same(images_in(folder / "3"), images_in(folder / "64"))


class TestARunThatDied:
    OPTIONS = ("--model", "blobs:plain", "--format", "npy", "--steps", 3, "--batch-size", 1, "--seeds", "0-19")

    @pytest.mark.slow
    @pytest.mark.parametrize("ranks", [1, 2])
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
        for name, age in ((".000003.npy.abcd_123.part", 700), (".000004.npy.abcd_123.part", 0)):
            (out / name).write_bytes(b"half")
            os.utime(out / name, (time.time() - age,) * 2)
        (out / "000003.npy").unlink()
        capsys.readouterr()
        assert here(*self.OPTIONS, "--out", out) == 0
        assert capsys.readouterr().out.splitlines()[-1] == f"{out}: 1 images drawn, 19 were there"
        assert [path.name for path in out.glob(".*")] == [".000004.npy.abcd_123.part"]


class TestAFullDisk:
    OPTIONS = ("--steps", 1, "--seeds", 0, "--out", "out", "--model", "blobs:plain")

    @pytest.mark.parametrize("form", ["png", "npy"])
    def test_is_called_one(self, folder, monkeypatch, capsys, form):
        options = (*self.OPTIONS, "--format", form)
        with monkeypatch.context() as context:
            full_disk(context)
            assert here(*options) == 2
        assert capsys.readouterr().err.endswith("generate: out/generate.json: cannot be written, the disk is full\n")
        assert list((folder / "out").iterdir()) == []
        assert here(*options) == 0
        (folder / "out" / f"000000.{form}").unlink()
        with monkeypatch.context() as context:
            full_disk(context)
            assert here(*options) == 2
        line = f"generate: out/000000.{form}: cannot be written, the disk is full\n"
        assert capsys.readouterr().err.endswith(line)
        assert [path.name for path in (folder / "out").iterdir()] == ["generate.json"]

    @pytest.mark.parametrize("form", ["png", "npy"])
    def test_a_limit_of_the_shell(self, folder, capsys, form):
        resource = pytest.importorskip("resource")
        options = ("--model", "blobs:plain", "--shape", 3, 32, 32, "--seeds", 0, "--steps", 1, "--format", form)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
        try:
            code = here(*options, "--out", "out")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        line = f"generate: out/000000.{form}: cannot be written, File too large\n"
        assert code == 2 and capsys.readouterr().err.endswith(line)
        assert [path.name for path in (folder / "out").iterdir()] == ["generate.json"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--steps", 0], "steps: 0; expected a whole number >= 1 and <= 10000"),
        (["--seeds", "5-2"], "seeds: '5-2'; expected numbers up to 18446744073709551615 and ranges of them"),
        (["--seeds", ""], "seeds: ''; expected numbers"),
        (["--seeds", "0-1000000000000"], "seeds: 1000000000001 numbers; expected at most 1000000000000"),
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
