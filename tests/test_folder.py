"""The folder of images that generate draws: which run it belongs to, and what stays in it."""

import json
import multiprocessing
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from generating import command, here, images_in, levels, refused, same

from seeds_samplers.demo.folder import Folder
from seeds_samplers.demo.seeds import Seeds

pytestmark = pytest.mark.usefixtures("folder")


class TestTheFolder:
    def test_what_is_not_ours_stays(self, folder, capsys):
        """Neither in a folder that is refused, nor in ours: only names that are made here are removed."""
        theirs = (".thesis.docx.part", ".000003.npy.part", ".000003.npy.abcd.part", ".5.npy.abcd_123.part")
        (folder / "victim").mkdir()
        for name in (*theirs, "mine.txt", ".000003.npy.abcd_123.part"):
            (folder / "victim" / name).write_text("x")
            os.utime(folder / "victim" / name, (0, 0))
        options = self.OPTIONS[:-1]
        before = {path.name: path.stat().st_mtime_ns for path in (folder / "victim").iterdir()}
        refused(capsys, *options, "victim")
        assert {path.name: path.stat().st_mtime_ns for path in (folder / "victim").iterdir()} == before
        (folder / "victim" / "mine.txt").unlink()
        assert here(*options, "victim") == 0
        hidden = {path.name for path in (folder / "victim").glob(".*")}
        assert hidden == set(theirs)
        (folder / "victim" / "generate.json").write_text("{}")
        (folder / "victim" / ".000003.npy.abcd_123.part").write_text("x")
        os.utime(folder / "victim" / ".000003.npy.abcd_123.part", (0, 0))
        capsys.readouterr()
        refused(capsys, *options, "victim")
        assert (folder / "victim" / ".000003.npy.abcd_123.part").exists()

    @pytest.mark.parametrize(
        "name, arguments",
        [
            ("embedded", ["--seeds", "0-1", "--prompt", "A1B"]),
            ("er_sde", ["--seeds", 0, "--sampler", "ER-SDE"]),
            (
                "plugin",
                [
                    "--seeds",
                    "0-1",
                    "--model",
                    "blobs:plain",
                    "--format",
                    "npy",
                    "--sampler",
                    "SEEDS-3",
                    "--r",
                    "0.3",
                    "0.8",
                    "--variant",
                    "3b",
                ],
            ),
        ],
    )
    def test_one_of_an_earlier_version_goes_on(self, folder, capsys, name, arguments):
        shutil.copytree(Path(__file__).parent / "saved" / "b0fff88" / "generate" / name, folder / name)
        there = len(list((folder / name).iterdir())) - 1
        before = {path: path.read_bytes() for path in (folder / name).iterdir()}
        if name == "plugin":  # SEEDS-3 "3b" with an r_2 of its own has other weights since
            line = refused(capsys, *arguments, "--steps", 2, "--out", name)
            assert line == f"revision: 2; expected None as in {name}/generate.json, or another folder"
            return
        assert here(*arguments, "--steps", 2, "--out", name) == 0
        output = capsys.readouterr()
        assert output.out.splitlines()[-1] == f"{name}: 1 images drawn, {there} were there"
        assert before == {path: path.read_bytes() for path in before}
        notes = [line for line in output.err.splitlines() if line.startswith("note:")]
        assert not notes
        line = refused(capsys, *arguments, "--steps", 2, "--out", name, "--s-noise", 0.5)
        assert line == f"s-noise: 0.5; expected 1.0 as in {name}/generate.json, or another folder"

    def test_settings_of_a_later_version_are_others(self, folder, capsys):
        assert here(*self.OPTIONS) == 0
        path = folder / "out" / "generate.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"glow": 0.25}))
        capsys.readouterr()
        assert refused(capsys, *self.OPTIONS).startswith("glow: None; expected 0.25 as in out/generate.json")

    def test_where_the_settings_cannot_be_read(self, folder, capsys):
        (folder / "out").mkdir()
        (folder / "out" / "generate.json").symlink_to(folder / "nowhere")
        line = refused(capsys, *self.OPTIONS)
        assert line == "out: out/generate.json; expected a file that can be read (No such file or directory)"

    OPTIONS = ("--model", "blobs:plain", "--format", "npy", "--steps", 2, "--seeds", "0-1", "--out", "out")

    def test_other_settings_are_refused(self, folder, capsys):
        assert here(*self.OPTIONS) == 0
        capsys.readouterr()
        line = refused(capsys, *self.OPTIONS, "--steps", 3, "--eta", 0.5)
        assert line == "steps: 3; expected 2 as in out/generate.json, or another folder (different too: eta)"
        line = refused(capsys, *self.OPTIONS, "--model", "blobs:classes")
        assert re.match(r"model: 'blobs:classes, \w{16}'; expected 'blobs:plain, \w{16}' as in out/generate.json", line)
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


class TestRunsThatStartTogether:
    """One claims the folder; the others go on with it, or are refused."""

    @staticmethod
    def opened(folder, barrier, results, settings, seeds):
        barrier.wait()
        try:
            results.put((settings, len(Folder(folder, "npy").open(settings, Seeds([seeds])))))
        except ValueError as error:
            results.put((settings, str(error)))

    @pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
    @pytest.mark.parametrize("kinds, links, attempts", [(1, True, 2), (6, True, 8), (2, False, 4)])
    def test_in_a_new_folder(self, folder, monkeypatch, kinds, links, attempts):
        context, count = multiprocessing.get_context("fork"), 6
        if not links:
            monkeypatch.setattr(os, "link", lambda *_: os.stat(folder / "no links here"))
        for attempt in range(attempts):
            barrier, results, path = context.Barrier(count), context.Queue(), folder / str(attempt)
            arguments = [(path, barrier, results, {"steps": k % kinds}, range(9)) for k in range(count)]
            processes = [context.Process(target=self.opened, args=given) for given in arguments]
            for process in processes:
                process.start()
            found = [results.get(timeout=60) for _ in processes]
            for process in processes:
                process.join()
            assert [file.name for file in path.iterdir()] == ["generate.json"]
            claimed = json.loads((path / "generate.json").read_text())
            for settings, result in found:
                if settings == claimed:
                    assert result == 9
                else:
                    assert result.startswith(f"steps: {settings['steps']}; expected {claimed['steps']} as in {path}")

    @pytest.mark.parametrize("moment", ["scandir", "link"])
    @pytest.mark.parametrize("steps", [2, 3])
    def test_where_another_is_a_moment_earlier(self, folder, monkeypatch, moment, steps):
        """The other one claims the folder, and draws, after this one has looked and before it lists or claims it."""
        ours, unpatched = Folder(folder / "out", "npy"), getattr(os, moment)

        def earlier(*arguments):
            monkeypatch.setattr(os, moment, unpatched)
            ours.open({"steps": 2}, Seeds([range(9)]))
            ours.write(4, torch.zeros(1, 2, 2))
            return unpatched(*arguments)

        monkeypatch.setattr(os, moment, earlier)
        if steps == 2:
            assert len(ours.open({"steps": steps}, Seeds([range(9)]))) == 8
        else:
            with pytest.raises(ValueError, match=r"^steps: 3; expected 2 as in "):
                ours.open({"steps": steps}, Seeds([range(9)]))

    @pytest.mark.slow
    def test_as_commands(self, folder):
        options = ("--model", "blobs:waits", "--format", "npy", "--seeds", "0-3", "--out", "out")
        processes = [
            subprocess.Popen(command(*options, "--steps", 2 + k % 2), stderr=subprocess.PIPE, text=True)
            for k in range(4)
        ]
        deadline = time.monotonic() + 120
        while len(list(folder.glob("waiting*"))) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        (folder / "go").touch()
        errors = [process.communicate(timeout=120)[1] for process in processes]
        steps = json.loads((folder / "out" / "generate.json").read_text())["steps"]
        for k, (process, said) in enumerate(zip(processes, errors, strict=True)):
            assert process.returncode == (0 if 2 + k % 2 == steps else 2), said
            assert ("generate: steps: " in said) == bool(process.returncode)
        assert here(*options, "--steps", steps, "--out", "alone") == 0
        same(images_in(folder / "out"), images_in(folder / "alone"))
