"""The accordion, the settings, the infotext and the X/Y/Z axes of the samplers' options."""

import os

import gradio as gr
from modules import script_callbacks, scripts, shared

from ..sampling import SAMPLERS
from ..sampling.checks import whole_number
from . import menu
from .fields import ATTRIBUTE, FIELDS, IN_LIST, chosen_of, infotext_of

SECTION = ("seeds_samplers", "SEEDS samplers")
AXES = "seeds_samplers_axes"  # what the X/Y/Z plot has chosen: {key: value}
CALLS = "seeds_samplers_calls"  # the model calls that the plot has chosen for a run
CALLS_AXIS = "[SEEDS] Model calls"
STEP, SLIDER_MOST = 0.01, 2.0  # a slider to the 100 that an option may have would be of no use


def _component(field):
    """The gradio class of a field and its arguments, without its value."""
    if field.option.choices:
        return gr.Dropdown, {"choices": list(field.option.choices)}
    least, most, whole = field.option.lowest, field.option.highest, field.option.whole
    return gr.Slider, {
        "minimum": least,
        "maximum": most if whole else min(most, SLIDER_MOST),
        "step": 1 if whole else STEP,
    }


class SEEDSScript(scripts.Script):
    """The accordion "SEEDS": options for one run. None, as the API has by default, is what the settings say."""

    shown = False

    def title(self):
        return "SEEDS"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def ui(self, is_img2img):
        made = {}
        with gr.Accordion("SEEDS", open=False, elem_id=self.elem_id("accordion")):
            eta = "How stochastic: *Eta for k-diffusion samplers*, a setting of the web UI; for ER-SDE, noise_scale."
            gr.Markdown(f"For {', '.join(SAMPLERS)}. {eta}")
            for owner in dict.fromkeys(field.owner for field in FIELDS):
                with gr.Row():
                    made.update((field, self.component(field)) for field in FIELDS if field.owner == owner)
        components = [made[field] for field in IN_LIST]
        if self.shown:  # the API calls this again, for its defaults: the settings of the moment of a request
            for component in components:
                component.value = None
            return components
        self.shown = True
        self.infotext_fields = [(one, field.pasted) for one, field in zip(components, IN_LIST, strict=True)]
        self.paste_field_names = [field.pasted for field in FIELDS]
        return components

    def component(self, field):
        kind, given = _component(field)
        about = dict(label=field.label, info=field.about, elem_id=self.elem_id(field.key))
        component = kind(value=field.read(shared.opts.data.get(field.key)), **given, **about)
        component.do_not_save_to_config = True  # ui-config.json would hide the settings
        return component

    def process(self, p, *values):
        given, unknown = chosen_of(values)
        if unknown:
            print(f"SEEDS: {', '.join(map(repr, unknown))} not known to this version; without them")
        chosen = {key: value for key, value in given.items() if key not in p.override_settings}
        chosen.update(getattr(p, AXES, {}))
        setattr(p, ATTRIBUTE, chosen)
        if hasattr(p, CALLS):  # here, since another axis may choose the sampler
            p.steps = menu.steps_of(p.sampler_name, getattr(p, CALLS))
        for field in FIELDS:  # the plot runs copies of one p, which share this dict
            p.extra_generation_params.pop(field.label, None)
        hires = getattr(p, "hr_sampler_name", None) if getattr(p, "enable_hr", False) else None
        used = [name for name in dict.fromkeys([p.sampler_name, hires]) if name in SAMPLERS]
        p.extra_generation_params.update(infotext_of(used, chosen, shared.opts.data))


def add_settings():
    for field in FIELDS:
        kind, given = _component(field)
        info = shared.OptionInfo(field.default, f"{field.label} by default", kind, given, section=SECTION)
        shared.opts.add_option(field.key, info.info(field.about).needs_reload_ui())


def _kind(field):
    """What the plot makes of the text of a value."""
    return str if field.option.choices else int if field.option.whole else float


def _apply(field):
    def apply(p, value, _):
        setattr(p, AXES, {**getattr(p, AXES, {}), field.key: value})  # a new dict: copies of p share the old one

    return apply


def _apply_calls(p, calls, _):
    setattr(p, CALLS, calls)


def _confirm_calls(p, values):
    for calls in values:
        whole_number("Model calls", calls, least=1)


def add_axes():
    """The fields, and the model calls, as axes of the X/Y/Z plot, where that script is there and has them not yet."""
    for data in scripts.scripts_data:
        if os.path.basename(data.path) != "xyz_grid.py":
            continue
        plot = data.module
        known = {axis.label for axis in plot.axis_options}
        if CALLS_AXIS not in known:
            plot.axis_options.append(plot.AxisOption(CALLS_AXIS, int, _apply_calls, confirm=_confirm_calls))
        for field in FIELDS:
            label, choices = f"[SEEDS] {field.label}", field.option.choices
            if label not in known:
                more = {"choices": lambda choices=choices: list(choices)} if choices else {}
                more["confirm"] = lambda p, values, field=field: [field.check(value) for value in values]
                plot.axis_options.append(plot.AxisOption(label, _kind(field), _apply(field), **more))


def remove():
    """What a reload of the UI does first: nothing of ours is left where it might not come back."""
    menu.unregister()
    for field in FIELDS:
        shared.opts.data_labels.pop(field.key, None)


def install():
    """Register everything; called by the entry in scripts/ each time that the host loads its scripts."""
    menu.register()
    add_settings()
    script_callbacks.on_before_ui(add_axes)
    script_callbacks.on_script_unloaded(remove)
