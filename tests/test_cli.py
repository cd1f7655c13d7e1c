"""The command line, as its users meet it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from generating import full_disk
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from seeds_samplers.demo import cli, draw, generate, grid
from seeds_samplers.demo.draw import Request
from seeds_samplers.sampling import SAMPLERS, options_of
from seeds_samplers.sampling.options import option
from seeds_samplers.sampling.samplers import sampler_of

QUICK = ["--prompt", "A1", "--count", "1", "--steps", "2"]


def seeds(*arguments, cwd=None):
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "seeds_samplers.demo.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120)


def refused(capsys, *arguments):
    """The one line with which the command refuses, exit code 2."""
    with pytest.raises(SystemExit) as stop:
        cli.main(["sample", *map(str, arguments)])
    output = capsys.readouterr()
    assert stop.value.code == 2 and output.out == "" and output.err.count("\n") == 1
    return output.err.strip()


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


SAVED = Path(__file__).parent / "saved" / "b0fff88" / "cli"  # drawn by an earlier version


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


class TestEveryOptionOfEverySampler:
    @pytest.mark.parametrize("sampler", SAMPLERS)
    def test_is_reached(self, monkeypatch, sampler):
        """Each in turn is given another value than its default, which arrives at the sampler."""
        for one in options_of(sampler):
            default = one.default
            if one.choices:
                value = next(choice for choice in one.choices if choice != default)
            else:
                value = one.lowest if one.whole and default != one.lowest else one.highest - one.whole
                value = value if one.whole else default * 0.9
            arguments = ["sample", "--sampler", sampler, f"--{one.name.replace('_', '-')}", str(value)]
            request = cli.request_of(vars(cli.build_parser().parse_args(arguments)))
            assert request.options == Request(sampler=sampler).checked().options | {one.name: value}
            seen = {}
            with monkeypatch.context() as context:
                context.setitem(draw.SAMPLERS, sampler, lambda *_, seen=seen, **given: seen.update(given))
                request.sample(None, None)
            assert seen[one.name] == value

    def test_a_new_one_appears_by_itself(self, monkeypatch, capsys):
        """An option that is declared and taken by its sampler needs no line here."""

        class Glowing(SAMPLERS["SEEDS-1"].solver):
            glow = option(0.25, "Glows, 100 %.", least=0, most=1)

        monkeypatch.setitem(SAMPLERS, "SEEDS-1", sampler_of(Glowing))
        arguments = ["sample", "--sampler", "SEEDS-1", "--glow", "0.5"]
        assert cli.request_of(vars(cli.build_parser().parse_args(arguments))).as_fields()["glow"] == 0.5
        cli.main(["samplers"])
        assert "glow 0.25" in capsys.readouterr().out
        assert "Glows, 100 %. (default: 0.25)" in " ".join(generate.build_parser().format_help().split())
        assert generate.build_parser().parse_args(["--glow", "1"]).glow == "1"

    def test_a_list_of_stage_points_still_does(self):
        parse = cli.build_parser().parse_args
        request = cli.request_of(vars(parse(["sample", "--sampler", "SEEDS-3", "--r", "0.3", "0.8", "--r-2", "0.9"])))
        assert (request.options["r_1"], request.options["r_2"]) == (0.3, 0.9)


def test_samplers_are_listed(capsys):
    cli.main(["samplers"])
    output = capsys.readouterr().out
    assert "None" not in output and "order 2, eta-cap 0." in output and all(name in output for name in SAMPLERS)


def test_model_calls_are_a_budget():
    assert cli.request_of({"sampler": "SEEDS-3", "model_calls": 30}).steps == 10


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--steps", "0"], "steps: 0; expected a whole number >= 1 and <= 10000"),
        (["--steps", "many"], "steps: 'many'; expected a whole number"),
        (["--steps", "1.5"], "steps: '1.5'; expected a whole number"),
        (["--model-calls", "0"], "model-calls: 0; expected a whole number >= 1 and <= 10000"),
        (["--model-calls", "few"], "model-calls: 'few'; expected a whole number"),
        (["--steps", "5", "--model-calls", "5"], "not allowed with argument"),
        (["--sampler", "euler"], "sampler: 'euler'; expected one of 'SEEDS-1', 'SEEDS-2', 'SEEDS-3'"),
        (["--schedule", "normal"], "schedule: 'normal'; expected one of 'karras', 'uniform-lambda'"),
        (["--prompt", "Hi!"], "prompt: 'Hi!' is not drawable; allowed are one or more of A-Z and 0-9"),
        (["--prompt", ""], "prompt: '' is not drawable"),
        (["--count", "0"], "count: 0; expected a whole number >= 1"),
        (["--count", "99999999"], "count: 99999999 rows of 2 glyphs; expected at most 8000 images in all"),
        (["--eta", "-1"], "eta: -1.0; expected a finite number and >= 0"),
        (["--eta", "nan"], "eta: nan; expected a finite number and >= 0"),
        (["--s-noise", "-1"], "s-noise: -1.0; expected"),
        (["--prediction", "x0"], "prediction: 'x0'; expected one of 'data', 'noise', 'v'"),
        (["--variant", "3a"], "variant: '3a'; expected one of '2b', '2a'"),
        (["--variant", "2a", "--sampler", "SEEDS-1"], "variant: 2a; SEEDS-1 has no such option, only eta, s-noise"),
        (
            ["--eta", "0.5", "--sampler", "ER-SDE"],
            "eta: 0.5; ER-SDE has no such option, only s-noise, noise-device, order",
        ),
        (["--order", "3", "--sampler", "SEEDS-M"], "order: 3; expected a whole number >= 1 and <= 2"),
        (["--order", "1.5", "--sampler", "SEEDS-M"], "order: '1.5'; expected a whole number"),
        (["--eta-cap", "0", "--sampler", "SEEDS-M"], "eta-cap: 0.0; expected a finite number and > 0"),
        (["--noise-scale", "sde6", "--sampler", "ER-SDE"], "noise-scale: 'sde6'; expected one of 'sde5', 'sde4'"),
        (["--r", "0.3", "0.6"], "r: [0.3, 0.6]; expected r for SEEDS-2"),
        (["--r", "0.3", "--sampler", "seeds-1"], "r: [0.3]; expected none for SEEDS-1"),
        (["--r", "1.2"], "r: 1.2; expected a finite number and >= 0.0001 and <= 1"),
        (["--r", "0.6", "0.3", "--sampler", "SEEDS-3"], "r-2: 0.3; expected more than r_1, 0.6"),
        (["--cfg", "inf"], "cfg: inf; expected a finite number"),
        (["--seed", "-1"], "seed: -1; expected a whole number >= 0"),
        (["--batch-size", "0"], "batch-size: 0; expected a whole number >= 1"),
        (["--device", "abacus"], "device: 'abacus' cannot be used here; expected one of this machine's: cpu"),
        (["--device", "meta"], "device: 'meta' cannot be used here"),
        (["--s-noise", "1e300"], "sigmas, eta, s_noise, r: they make a factor of"),
        (["--cfg", "1e300"], "cfg: 1e+300; expected a finite number and >= -1000 and <= 1000"),
        (["--eta", "1e100", "--prediction", "noise"], "eta: 1e+100; expected a finite number and >= 0 and <= 1e+20"),
        (["--r", "1e-320"], "r: 1e-320; expected a finite number and >= 0.0001 and <= 1"),
        (["--out", "seeds.jpg"], "out: seeds.jpg; expected a name that ends in .png"),
        (["--out", "no/such/folder/a.png"], "expected a file in a folder that exists and can be written to"),
        (["--sigma", "3"], "unrecognized arguments: --sigma 3"),
    ],
)
def test_bad_options_are_refused_in_one_line(capsys, arguments, message):
    assert message in refused(capsys, *QUICK[:4], *arguments)


def test_a_bad_option_as_its_user_sees_it(tmp_path):
    result = seeds("sample", "--eta", "-1", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "seeds sample: eta: -1.0; expected a finite number and >= 0 and <= 1e+20\n"
    assert list(tmp_path.iterdir()) == []


GOOD = Request().checked().as_fields()


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


@pytest.mark.parametrize("arguments", [[], ["--like", "CHANGELOG.md"]])
def test_without_pillow_it_says_at_once_what_to_install(capsys, monkeypatch, arguments):
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setattr(cli, "draw", None)
    assert "needs PIL; pip install 'seeds-samplers[demo]'" in refused(capsys, *arguments)
