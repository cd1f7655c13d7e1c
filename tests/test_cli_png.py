"""The PNGs of `seeds sample`: drawn, drawn again with --like, and those of others."""

import json
from pathlib import Path

import pytest
from generating import full_disk
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from seeds_command import QUICK, refused, seeds

from seeds_samplers.demo import cli, grid
from seeds_samplers.demo.draw import Request

SAVED = Path(__file__).parent / "saved" / "b0fff88" / "cli"  # drawn by an earlier version
GOOD = Request().checked().as_fields()


def png(path, text):
    info = PngInfo()
    info.add_text(grid.FIELD, text)
    Image.new("RGB", (4, 4)).save(path, pnginfo=info)
    return path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A folder in which `seeds sample` has drawn a.png, and what it said."""
    folder = tmp_path_factory.mktemp("drawn")
    options = ["--sampler", "SEEDS-3", "--r", 0.3, 0.8, "--variant", "3b", "--eta", 0.7, "--prediction", "v"]
    result = seeds("sample", *QUICK, *options, "--seed", 2**64 - 1, "--out", "a.png", cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder, result


def test_it_draws_says_what_it_did_and_shows_progress(drawn):
    folder, result = drawn
    line = result.stdout.strip().split(", ")
    assert line[:3] == ["SEEDS-3", "2 steps", "4 model calls"] and line[3].endswith(" s") and line[4] == "a.png"
    assert "2/2" in result.stderr and "Traceback" not in result.stderr
    with Image.open(folder / "a.png") as picture:
        assert picture.size == (2 * (32 + 2) * 3, (32 + 2) * 3)
        assert json.loads(picture.text[grid.FIELD])["prompt"] == "A1"


@pytest.mark.slow
def test_like_draws_it_again(drawn):
    folder, _ = drawn
    result = seeds("sample", "--like", "a.png", "--out", "b.png", cwd=folder)
    assert result.returncode == 0, result.stderr
    pictures = [Image.open(folder / name) for name in ("a.png", "b.png")]
    assert pictures[0].tobytes() == pictures[1].tobytes() and pictures[0].text == pictures[1].text


def test_an_option_beside_like_replaces_that_of_the_file(drawn):
    folder, _ = drawn
    request = cli.request_of({"like": folder / "a.png", "seed": 5})
    options = dict(eta=0.7, prediction="v", variant="3b", r_1=0.3, r_2=0.8)
    assert request == Request("A1", 1, "SEEDS-3", 2, seed=5, options=options).checked()
    other = cli.request_of({"like": folder / "a.png", "sampler": "SEEDS-1"})
    assert other == Request("A1", 1, "SEEDS-1", 2, seed=2**64 - 1, options=dict(eta=0.7, prediction="v")).checked()


class TestAPNGOfAnotherVersion:
    def test_gives_every_option_its_value(self):
        request = cli.request_of({"like": SAVED / "SEEDS-3 3b.png"})
        options = dict(eta=0.7, s_noise=1.0, prediction="v", variant="3b", r_1=0.3, r_2=0.8)
        assert request == Request("A1", 1, "SEEDS-3", 2, seed=5, options=options).checked()

    def test_may_lack_fields_which_then_have_their_defaults(self, tmp_path, capsys):
        text = json.dumps({"sampler": "SEEDS-M", "steps": 7, "order": None})
        request = cli.request_of({"like": png(tmp_path / "a.png", text)})
        assert request == Request(sampler="SEEDS-M", steps=7).checked() and capsys.readouterr().err == ""

    def test_may_have_others_which_are_named_in_one_warning(self, tmp_path, capsys):
        text = json.dumps(GOOD | {"colour": 1, "order": 2, "\n" * 50: 3, "options": {"eta": 0}, "eta": 0.5})
        request = cli.request_of({"like": png(tmp_path / "a.png", text)})
        assert request == Request(options={"eta": 0.5}).checked()
        line = capsys.readouterr().err
        assert line.count("\n") == 1 and line.startswith(f"seeds sample: like: {tmp_path / 'a.png'}; without colour, ")
        assert "options, not known here" in line


@pytest.mark.parametrize(
    "text, message",
    [
        ("not JSON", "Expecting value"),
        ("[" * 100_000, "recursion"),
        ("[1]", "expected an object, values by name"),
        (json.dumps(GOOD | {"steps": "20"}), "steps: '20'; expected a whole number"),
        (json.dumps(GOOD | {"steps": True}), "steps: True; expected a whole number"),
        (json.dumps(GOOD | {"steps": 10**9}), "steps: 1000000000; expected a whole number >= 1 and <= 10000"),
        (json.dumps(GOOD | {"count": 10**9}), "expected at most 8000 images"),
        (json.dumps(GOOD | {"eta": 10**400}), "eta: 1000"),
        (json.dumps(GOOD | {"eta": True}), "eta: True; expected a finite number"),
        (json.dumps(GOOD | {"s_noise": "0.5"}), "s-noise: '0.5'; expected a finite number"),
        (json.dumps(GOOD | {"prompt": 5}), "prompt: 5; expected a text"),
        (json.dumps(GOOD | {"eta": float("nan")}), "eta: nan"),
        (json.dumps(GOOD | {"r": [0.3, 0.6]}), "r: [0.3, 0.6]; expected r for SEEDS-2"),
        (json.dumps(GOOD | {"r": {"a": 1}}), "r: {'a': 1}; expected a finite number"),
        (json.dumps(GOOD | {"r": ["x"]}), "r: 'x'; expected a finite number"),
        (json.dumps(GOOD | {"sampler": ["SEEDS-2"]}), "sampler: ['SEEDS-2']; expected one of"),
        (json.dumps(GOOD | {"seed": 2**64}), "seed: 18446744073709551616; expected"),
        (json.dumps(GOOD | {"batch_size": 10**12}), "batch-size: 1000000000000; expected"),
    ],
)
def test_parameters_of_a_foreign_png_are_checked_field_by_field(capsys, tmp_path, text, message):
    line = refused(capsys, "--like", png(tmp_path / "f.png", text))
    assert "f.png; expected a PNG drawn by seeds sample (" in line and message in line


def test_files_that_are_no_png_of_ours(capsys, tmp_path, drawn):
    whole = (drawn[0] / "a.png").read_bytes()
    idat = whole.index(b"IDAT") - 4
    cases = {
        "hollow.png": whole[:idat] + whole[whole.index(b"IEND") - 4 :],
        "text.png": b"hello",
        "empty.png": b"",
        "short.png": whole[: len(whole) // 2],
        "flipped.png": whole[:60] + bytes([whole[60] ^ 255]) + whole[61:],
    }
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        assert f"{name}; expected a PNG drawn by seeds sample" in refused(capsys, "--like", tmp_path / name)
    Image.new("RGB", (4, 4)).save(tmp_path / "plain.png")
    assert "it carries no parameters" in refused(capsys, "--like", tmp_path / "plain.png")
    Image.new("RGB", (4, 4)).save(tmp_path / "jpeg.png", format="JPEG")
    assert "expected a PNG drawn by seeds sample" in refused(capsys, "--like", tmp_path / "jpeg.png")
    Image.new("RGB", (10000, 10000)).save(tmp_path / "huge.png")
    assert "it carries no parameters" in refused(capsys, "--like", tmp_path / "huge.png")
    assert "there is no such file" in refused(capsys, "--like", tmp_path / "missing.png")
    assert "expected a PNG drawn by seeds sample" in refused(capsys, "--like", tmp_path)


def test_an_existing_file_is_replaced_whole_or_not_at_all(capsys, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_text("old")
    with monkeypatch.context() as context, pytest.raises(SystemExit) as stop:
        full_disk(context)
        cli.main(["sample", *QUICK, "--out", str(path)])
    line = f"seeds sample: {path}: cannot be written, the disk is full\n"
    assert stop.value.code == 2 and capsys.readouterr().err.endswith(line)
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["a.png"]
    cli.main(["sample", *QUICK, "--out", str(path)])
    with Image.open(path) as picture:
        picture.verify()
