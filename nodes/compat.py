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


class WholeBound(Bound):
    """The `min` or `max` of a whole number, which fractions and what is no number do not keep either."""

    def __gt__(self, value):
        return not is_whole(value) or float.__gt__(self, float(value))

    def __lt__(self, value):
        return not is_whole(value) or float.__lt__(self, float(value))

    def __repr__(self):
        return str(int(self))

    __str__ = __repr__

    def __format__(self, spec):
        return format(int(self), spec)


def is_whole(value):
    """Whether it is a whole number, as 2, 2.0 or, as ComfyUI allows it in a prompt, "2"."""
    try:
        return float(value).is_integer()
    except (TypeError, ValueError):
        return False


def whole(value):
    """The int that a whole number is; what is none, as it is, for a check to refuse."""
    return int(float(value)) if is_whole(value) else value


def whole_input(name, *, min, max, **given):
    """A whole number's input, of which ComfyUI does not cut off a fraction before it is checked, as of an INT's."""
    number = io.Int.Input(name, min=WholeBound(min), max=WholeBound(max), **given)
    return io.MultiType.Input(number, [io.Int, io.Float])


def float_input(name, *, min, max, **given):
    """A number's input whose ends ComfyUI checks before a run, NaN included."""
    return io.Float.Input(name, min=Bound(min), max=Bound(max), **given)


def schema(beside, search_aliases, has_intermediate_output=False, **given):
    """A node's schema, in the category of ComfyUI's own node `beside`.

    has_intermediate_output: ComfyUI sends the node's `ui` again where a whole graph is taken from its cache.
    """
    from nodes import NODE_CLASS_MAPPINGS  # ComfyUI's, which takes long to import without a server

    category = NODE_CLASS_MAPPINGS[beside].CATEGORY
    newer = dict(search_aliases=search_aliases, has_intermediate_output=has_intermediate_output)
    return io.Schema(category=category, **known(io.Schema, **newer), **given)
