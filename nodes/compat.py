"""What newer releases of ComfyUI take, left out for older ones."""

import inspect

from comfy_api.latest import io


def known(function, **given):
    """Those of the keyword arguments that the function has."""
    parameters = inspect.signature(function).parameters
    return {name: value for name, value in given.items() if name in parameters}


ADVANCED = known(io.Combo.Input, advanced=True)  # folded away


def schema(search_aliases, **given):
    """A node's schema."""
    return io.Schema(category="sampling/SEEDS", **known(io.Schema, search_aliases=search_aliases), **given)
