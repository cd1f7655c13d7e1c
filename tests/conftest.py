"""Settings of the test run."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # workers of many threads each wait for each other
    os.environ["OMP_NUM_THREADS"] = "1"

import pytest
from hypothesis import settings

# A busy machine is slow, not wrong; and what decides over a change does not depend on luck.
settings.register_profile("patient", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("patient")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with models in it, blobs.py."""
    from generating import workplace  # which loads torch: a test of a host decides itself when to do that

    return workplace(tmp_path, monkeypatch)
