"""Settings of the test run."""

import os

from hypothesis import settings

# A busy machine is slow, not wrong; and what decides over a change does not depend on luck.
settings.register_profile("patient", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("patient")
