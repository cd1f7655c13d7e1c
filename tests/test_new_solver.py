"""A solver that is put into sampling/solvers/ as one file is found everywhere, with no further line anywhere.

The real hosts find it in tests/hosts/test_comfyui_solver.py and test_webui_server.py.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = "seeds_samplers"
EXAMPLE = (ROOT / "docs" / "architecture.md").read_text().split("```python\n")[1].split("```")[0]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs Python where the package has the toy solver; what it prints."""
    folder = tmp_path_factory.mktemp("toy")
    ignore = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "training", "tests", "benchmarks")
    shutil.copytree(ROOT, folder / FOLDER, ignore=ignore)
    solvers = folder / FOLDER / "sampling" / "solvers"
    shutil.copy(ROOT / "tests" / "toy.py", solvers)
    (solvers / "midpoint.py").write_text(EXAMPLE)

    def run(*arguments):
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        done = subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, cwd=folder, env=environment, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.slow
def test_it_is_a_sampler_with_its_options(run):
    found = run(
        "-c",
        "import inspect, torch; from seeds_samplers.sampling import SAMPLERS, sample_toy, options_of, sigmas_karras\n"
        "print(list(SAMPLERS)[-1], list(inspect.signature(SAMPLERS['Toy']).parameters)[6:10])\n"
        "about = sample_toy.__doc__\n"
        "print('glow: How much noise a step adds.' in about, 'no paper' in about)\n"
        "print([one.name for one in options_of('Toy')])\n"
        "x, sigmas = torch.ones(2, 3), sigmas_karras(5, 1, 2)\n"
        "print(SAMPLERS['Toy'](lambda x, sigma: x / 2, x, sigmas, glow=0.5, seed=1).shape)\n"
        "try: SAMPLERS['Toy'](lambda x, s: x, x, [2., 1.], glow=2)\n"
        "except ValueError as error: print(error)",
    )
    assert found.splitlines() == [
        "Toy ['s_noise', 'noise_sampler', 'glow', 'shade']",
        "True True",
        "['s_noise', 'noise_device', 'glow', 'shade']",
        "torch.Size([2, 3])",
        "glow: 2; expected a finite number and >= 0 and <= 1",
    ]


@pytest.mark.slow
def test_the_command_lines_have_it(run, tmp_path):
    assert "glow 0, shade pale" in run("-m", "seeds_samplers.demo.cli", "samplers")
    for command in (["-m", "seeds_samplers.demo.cli", "sample"], ["-m", "seeds_samplers.demo.generate"]):
        text = " ".join(run(*command, "--help").split())
        assert "Toy: How much noise a step adds. (default: 0)" in text and "Toy: Says nothing. (pale, dark;" in text
    given = ["--prompt", "A", "--count", "1", "--sampler", "toy", "--glow", "0.5", "--steps", "4"]
    run("-m", "seeds_samplers.demo.cli", "sample", *given, "--out", str(tmp_path / "a.png"))
    run("-m", "seeds_samplers.demo.cli", "sample", "--like", str(tmp_path / "a.png"), "--out", str(tmp_path / "b.png"))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.slow
def test_the_web_uis_fields_have_it_after_those_that_were(run):
    found = run(
        "-c",
        "from seeds_samplers.webui.fields import IN_LIST, LISTED, values_of, infotext_of, chosen_of\n"
        "print([one.label for one in IN_LIST][: len(LISTED)] == list(LISTED), IN_LIST[-2].key, IN_LIST[-1].label)\n"
        "chosen, unknown = chosen_of([{'Toy glow': 0.5, 'toy_shade': 'dark', 'Toy size': 1}])\n"
        "print(unknown, values_of('Toy', chosen, {'toy_glow': 0.1}), infotext_of(['Toy'], chosen, {}))",
    )
    assert found.splitlines() == [
        "True toy_glow Toy shade",
        "['Toy size'] {'s_noise': 1.0, 'noise_device': 'cpu', 'glow': 0.5, 'shade': 'dark'} "
        "{'Toy glow': 0.5, 'Toy shade': 'dark'}",
    ]


@pytest.mark.slow
def test_the_tables_and_the_types_have_it(run):
    found = run(
        "-c",
        "import sys; sys.path.insert(0, 'seeds_samplers/docs'); import generate; print(generate.stub(), "
        "generate.samplers_table(), generate.options_table('Toy'))",
    )
    assert "def sample_toy(" in found and "    shade: Literal['pale', 'dark'] = 'pale',\n" in found
    assert "| Toy | 1 | 1 | 1 |" in found and "| `glow` | 0 | from 0 to 1 | How much noise a step adds. |" in found


@pytest.mark.slow
def test_the_documented_example_has_the_orders_that_it_declares(run):
    said = run("-m", "pytest", "-q", "-p", "no:cacheprovider", str(ROOT / "tests" / "test_orders.py"), "-k", "Midpoint")
    assert "passed" in said and "failed" not in said


def test_what_is_generated_is_up_to_date():
    done = subprocess.run([sys.executable, ROOT / "docs" / "generate.py", "--check"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
