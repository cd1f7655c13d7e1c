"""What docs/diffusers.md shows works: the embedded model in a pipeline of diffusers draws SEEDS."""

import re
from pathlib import Path

import pytest
import torch

diffusers = pytest.importorskip("diffusers")

import diffusers_pipelines as tiny  # noqa: E402

from seeds_samplers.demo.classifier import load_classifier  # noqa: E402
from seeds_samplers.demo.glyphs import labels_of  # noqa: E402
from seeds_samplers.sampling import SAMPLERS, NoisePath  # noqa: E402

PAGE = (Path(__file__).parents[2] / "docs" / "diffusers.md").read_text()
FIRST, OPTIONS, PROBABILITIES, GLYPHS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def glyphs():
    names = {}
    exec(GLYPHS, names)
    return names


def test_the_pipeline_draws_the_letters(glyphs):
    pictures = glyphs["pictures"]
    assert pictures.shape == (5, 3, 32, 32)
    assert load_classifier()(pictures).argmax(1).tolist() == labels_of("SEEDS")


@pytest.mark.parametrize("solver", ["SEEDS-M", "SEEDS-2"])
def test_the_pipeline_is_the_sampler(glyphs, solver):
    model, scheduler = glyphs["model"], glyphs["SEEDSScheduler"]
    pipe = glyphs["GlyphPipeline"](model.network, scheduler.from_config(glyphs["scheduler"].config, solver=solver))
    pipe.scheduler.noise_sampler_seed = [3, 4]
    generator = [torch.Generator().manual_seed(seed) for seed in range(2)]
    x = torch.cat([torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) for seed in range(2)])
    pictures = tiny.quiet(pipe)("SE", num_inference_steps=8, generator=generator)
    levels = torch.tensor(pipe.scheduler._levels, dtype=torch.float64)
    options = dict(extra_args=dict(labels=torch.tensor(labels_of("SE")), cfg=2.0), disable=True)
    x = x * pipe.scheduler.init_noise_sigma
    with torch.no_grad():
        expected = SAMPLERS[solver](model, x, levels, noise_sampler=NoisePath(x, [3, 4]), **options)
    torch.testing.assert_close(pictures, expected.clamp(-1, 1), rtol=1e-3, atol=1e-3)


def test_the_other_blocks_run():
    pipe = tiny.stable_diffusion_xl(diffusers.EulerDiscreteScheduler())
    lines = [line for line in FIRST.splitlines() if line.startswith("pipe.scheduler") or "SEEDSScheduler" in line]
    assert len(lines) == 2
    names = {"pipe": pipe}
    exec("\n".join([*lines, OPTIONS]), names)
    assert pipe.scheduler.solver.name == "ER-SDE" and pipe.scheduler.solver.order == 2
    pipe.scheduler.set_timesteps(3)
    x = torch.randn(2, 4, 4, 4)
    names |= dict(scheduler=pipe.scheduler, model_output=x, t=pipe.scheduler.timesteps[0], latents=x)
    exec(PROBABILITIES, names)
    assert names["out"].log_prob.shape == (2,)
