"""The command line, as its users meet it."""

import sys

import pytest
from seeds_command import QUICK, refused, seeds

from seeds_samplers.demo import cli, draw, generate
from seeds_samplers.demo.draw import Request
from seeds_samplers.sampling import SAMPLERS, options_of
from seeds_samplers.sampling.options import option
from seeds_samplers.sampling.samplers import sampler_of


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


@pytest.mark.parametrize("arguments", [[], ["--like", "CHANGELOG.md"]])
def test_without_pillow_it_says_at_once_what_to_install(capsys, monkeypatch, arguments):
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setattr(cli, "draw", None)
    assert "needs PIL; pip install 'seeds-samplers[demo]'" in refused(capsys, *arguments)
