"""For tests of demo/cli.py: the command `seeds`, in this process or in one of its own."""

import subprocess
import sys

import pytest

from seeds_samplers.demo import cli

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
