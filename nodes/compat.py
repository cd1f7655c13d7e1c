"""What ComfyUI's schemas need: left out where a release does not have it, added where it checks too little."""

import inspect

from comfy_api.latest import io


def known(function, **given):
    """Those of the keyword arguments that the function has."""
    parameters = inspect.signature(function).parameters
    return {name: value for name, value in given.items() if name in parameters}


ADVANCED = known(io.Combo.Input, advanced=True)  # folded away


class Bound(float):
    """The `min` or `max` of an input, which NaN does not keep.

    ComfyUI refuses a queued value where `value < min` or `value > max`. Of NaN neither is true; Python asks the bound,
    whose class is the more special one, and it says so.
    """

    def __gt__(self, value):
        return value != value or float.__gt__(self, value)

    def __lt__(self, value):
        return value != value or float.__lt__(self, value)


def float_input(name, *, min, max, **given):
    """A number's input whose ends ComfyUI checks before a run, NaN included."""
    return io.Float.Input(name, min=Bound(min), max=Bound(max), **given)


def schema(search_aliases, **given):
    """A node's schema."""
    return io.Schema(category="sampling/SEEDS", **known(io.Schema, search_aliases=search_aliases), **given)
