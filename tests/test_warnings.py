"""Which warnings fail a test: numbers gone wrong in our code or in numpy on its behalf, nobody else's."""

import warnings

import numpy as np
import pytest

OURS = {"__name__": "seeds_samplers.sampling.anything", "np": np}


def warned(module):
    """What a RuntimeWarning from that module does in this test run."""
    with warnings.catch_warnings(record=True) as found:
        warnings.warn_explicit("slow", RuntimeWarning, "file.py", 1, module=module)
    return found


@pytest.mark.parametrize("module", ["torch._dynamo.guards", "torch._dynamo.convert_frame", "comfy.samplers"])
def test_another_packages_warning_is_one(module):
    """As of torch in Python 3.13.0: "Guards may run slower"."""
    assert len(warned(module)) == 1


@pytest.mark.parametrize("module", ["seeds_samplers.sampling.plan", "numpy._core.fromnumeric"])
def test_ours_and_numpys_are_errors(module):
    with pytest.raises(RuntimeWarning):
        warned(module)


def test_so_is_what_numpy_says_of_a_number_in_our_code():
    with pytest.raises(RuntimeWarning, match="divide by zero"):
        exec("np.log(np.zeros(1))", OURS)
