"""What users of earlier versions have saved: each file says what it said, in this version too.

tests/saved holds a folder for each version, written by that version and never changed. ComfyUI's workflows and prompts
are loaded in tests/hosts/test_comfyui_browser.py and test_comfyui_server.py.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seeds_samplers.demo import cli
from seeds_samplers.demo.grid import read_request
from seeds_samplers.webui.fields import FIELDS, chosen_of, values_of

SAVED = Path(__file__).parent / "saved"
ARGUMENTS = json.loads((SAVED / "b0fff88" / "webui" / "arguments.json").read_text())
CHOSEN = dict(zip(ARGUMENTS["labels"], ARGUMENTS["args"], strict=True))  # what every infotext was made with

CHANGED = {  # what a seed draws has changed since: the last two have the steps "seeds"
    "b0fff88": ("SEEDS-M", "SEEDS-3 3b", "SEEDS-2", "ER-SDE"),
}


def parsed(infotext):
    """{name: text} of the last line, which has no commas or colons in its values."""
    return dict(re.findall(r"([\w\- ]+): ([^,]+)(?:, |$)", infotext.strip().splitlines()[-1]))


def files(pattern):
    found = sorted(SAVED.glob(pattern))
    assert found
    return pytest.mark.parametrize("path", found, ids=[f"{path.parts[-3]} {path.stem}" for path in found])


@files("*/webui/*.txt")
def test_an_infotext_sets_every_option_that_it_names(path):
    infotext, named = parsed(path.read_text()), 0
    for field in FIELDS:
        if field.label in infotext:
            assert field.pasted(infotext) == CHOSEN[field.label]
            named += 1
    assert named == sum(name.startswith(("SEEDS", "ER-SDE")) for name in infotext) > 1


@files("*/webui/*.png")
def test_the_infotext_in_a_picture_is_that(path):
    with Image.open(path) as picture:
        assert picture.info["parameters"] == path.with_suffix(".txt").read_text().strip()


def test_the_arguments_of_a_request_go_where_they_went():
    """alwayson_scripts is a list: an option may come to its end, and nowhere else."""
    given, unknown = chosen_of(ARGUMENTS["args"])
    assert not unknown
    for field in FIELDS:
        for sampler in field.samplers:
            if field.label in CHOSEN:
                assert values_of(sampler, given, {})[field.option.name] == CHOSEN[field.label]


@files("*/cli/*.png")
def test_a_picture_of_the_command_line_is_drawn_again(path, tmp_path):
    cli.main(["sample", "--like", str(path), "--out", str(tmp_path / "again.png")])
    ours, theirs = (Image.open(one) for one in (tmp_path / "again.png", path))
    assert read_request(tmp_path / "again.png") == read_request(path) and read_request(path)[1] == []
    if path.stem not in CHANGED.get(path.parts[-3], ()):
        difference = np.asarray(ours).astype(int) - np.asarray(theirs)
        assert abs(difference).max() <= 2  # of 255: another machine rounds differently
