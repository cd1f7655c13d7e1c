"""diffusers' own tests of every scheduler, from a checkout of its repository (DIFFUSERS_PATH), on SEEDSScheduler."""

import importlib
import os
import sys
import types
from pathlib import Path

import pytest

pytest.importorskip("diffusers")

CHECKOUT = Path(os.environ.get("DIFFUSERS_PATH", Path.home() / "diffusers"))
if not (CHECKOUT / "tests" / "schedulers" / "test_schedulers.py").exists():
    pytest.skip(f"no checkout of diffusers at {CHECKOUT} (DIFFUSERS_PATH)", allow_module_level=True)
package = types.ModuleType("diffusers_tests")  # under a name of its own: ours is called tests, too
package.__path__ = [str(CHECKOUT / "tests")]
sys.modules[package.__name__] = package
SchedulerCommonTest = importlib.import_module("diffusers_tests.schedulers.test_schedulers").SchedulerCommonTest

from seeds_samplers.sampling import SAMPLERS  # noqa: E402
from seeds_samplers.schedulers import SEEDSScheduler  # noqa: E402


class Common(SchedulerCommonTest):
    scheduler_classes = (SEEDSScheduler,)
    forward_default_kwargs = (("num_inference_steps", 10),)
    solver = "SEEDS-M"

    def get_scheduler_config(self, **given):
        own = dict(num_train_timesteps=1100, beta_start=0.0001, beta_end=0.02, beta_schedule="linear")
        return {**own, "solver": self.solver, **given}

    def test_timesteps(self):
        for timesteps in (10, 50, 100, 1000):
            self.check_over_configs(num_train_timesteps=timesteps)

    def test_betas(self):
        for beta_start, beta_end in zip((0.0001, 0.001), (0.002, 0.02), strict=True):
            self.check_over_configs(beta_start=beta_start, beta_end=beta_end)

    def test_prediction_type(self):
        for prediction_type in ("epsilon", "v_prediction", "sample"):
            self.check_over_configs(prediction_type=prediction_type)


del SchedulerCommonTest  # which is not to be collected


for name in SAMPLERS:
    case = f"Test{name.replace('-', '')}"
    globals()[case] = type(case, (Common,), {"solver": name})
del Common
