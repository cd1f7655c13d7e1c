"""A real web UI, AUTOMATIC1111's or a relative, in this process: its modules, an interface nobody sees, and runs."""

import atexit
import importlib
import shutil
import tempfile
from contextlib import contextmanager
from types import SimpleNamespace

import torch
from automatic1111 import add_extension, checkout
from webui_standin import is_forge, prepare, standin_of, use

from seeds_samplers.sampling import SAMPLERS

folder = tempfile.mkdtemp()
atexit.register(shutil.rmtree, folder, True)
add_extension(folder)
prepare(checkout(), folder)

from modules import initialize  # noqa: E402

initialize.imports()
MODELS = {}


def model(kind="eps"):
    """The stand-in of that kind, which the web UI uses from now on."""
    if kind not in MODELS:
        MODELS[kind] = standin_of(kind)
    MODELS[kind].calls.clear()
    MODELS[kind].before_call = None
    use(MODELS[kind])
    return MODELS[kind]


model()
initialize.initialize()

import k_diffusion.external  # noqa: E402
import k_diffusion.sampling  # noqa: E402, F401
from modules import infotext_utils, processing, script_callbacks, scripts, sd_samplers, shared, ui  # noqa: E402, F401

FORGE = is_forge(checkout())
FLOW = not FORGE or (checkout() / "backend").is_dir()  # Forge's older relatives have no flow model to stand in for
CLASSIC = not hasattr(sd_samplers, "get_sampler_and_scheduler")  # no schedules of its own, and a different NGMS
CALLS = {name: sampler.calls_per_step for name, sampler in SAMPLERS.items()}


def interface():
    """Build the user interface, as the start of the web UI does."""
    script_callbacks.before_ui_callback()
    return ui.create_ui()


interface()


def ours(name):
    """A module of the extension, as the host has loaded it."""
    return importlib.import_module(f"seeds_samplers.{name}")


def script(runner=None):
    return next(one for one in (runner or scripts.scripts_txt2img).scripts if one.title() == "SEEDS")


def plot():
    """The module of the X/Y/Z plot."""
    return next(data.module for data in scripts.scripts_data if data.path.endswith("xyz_grid.py"))


def axis(label):
    """Its axis of that name."""
    found = [one for one in plot().axis_options if one.label == label]
    assert len(found) == 1, label
    return found[0]


@contextmanager
def settings(**values):
    """Settings of the host for the time of a test."""
    before = dict(shared.opts.data)
    shared.opts.data.update(values)
    try:
        yield
    finally:
        shared.opts.data.clear()
        shared.opts.data.update(before)


def run(sampler, prompt="A", kind="eps", images=None, options=None, before_call=None, sigmas=None, **given):
    """A run of the web UI: its latents (B, 3, H, W), the model's calls, infotexts and processing object.

    images: init images, for img2img. options: {label: value} of the accordion. before_call(n) is called before the
    n-th model call. sigmas: these instead of a schedule.
    """
    standin = model(kind)
    standin.before_call = before_call
    if hasattr(processing.StableDiffusionProcessingTxt2Img, "hr_additional_modules") and not images:
        given = {"hr_additional_modules": ["Use same choices"], "hr_cfg": given.get("cfg_scale", 2), **given}  # Forge
    make = processing.StableDiffusionProcessingImg2Img if images else processing.StableDiffusionProcessingTxt2Img
    given = {"init_images": images, **given} if images else given
    given = {"steps": 6, "seed": 1, "width": 256, "height": 256, "cfg_scale": 2, "scheduler": "Automatic", **given}
    given = {key: value for key, value in given.items() if key in make.__dataclass_fields__}  # Classic has no scheduler
    p = make(sd_model=standin, prompt=prompt, negative_prompt="", sampler_name=sampler, **given)
    runner = scripts.scripts_img2img if images else scripts.scripts_txt2img
    arguments = [getattr(component, "value", 0) for component in runner.inputs]
    arguments[0], accordion = 0, script(runner)
    arguments[accordion.args_from : accordion.args_to] = [None] * len(accordion.controls)
    for label, value in (options or {}).items():
        names = [component.label for component in accordion.controls]
        arguments[accordion.args_from + names.index(label)] = value
    if sigmas is not None:
        p.sampler_noise_scheduler_override = lambda _: sigmas
    p.is_api = True  # else the interface's own steps, seed and sampler replace those of p
    p.scripts, p.script_args = runner, tuple(arguments)
    latents, decode = [], processing.decode_latent_batch

    def keep(of, batch, *rest, **more):
        latents.append(batch.clone())
        return decode(of, batch, *rest, **more)

    processing.decode_latent_batch = keep
    shared.state.interrupted = shared.state.skipped = False
    try:
        processed = processing.process_images(p)
    finally:
        processing.decode_latent_batch = decode
    return SimpleNamespace(
        latents=torch.cat(latents), last=latents[-1], calls=list(standin.calls), texts=processed.infotexts, p=p,
        images=processed.images,
    )  # fmt: skip


def labels(result):
    """The label at each model call, of whichever half of the batch has one."""
    return [max(call["labels"]) for call in result.calls]
