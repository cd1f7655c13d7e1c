"""What AUTOMATIC1111's web UI, Forge and their relatives load: finds the package around this file and starts it.

In a web UI that lacks what it needs it says so in one line, and does nothing else.
"""

import importlib.util
import sys
from pathlib import Path

NAME = "seeds_samplers"
NEEDED = {  # of the host's `modules`
    "sd_samplers_kdiffusion": ("KDiffusionSampler",),
    "sd_samplers_common": ("SamplerData",),
    "sd_samplers": ("all_samplers", "all_samplers_map", "set_samplers"),
    "scripts": ("Script", "AlwaysVisible", "scripts_data"),
    "script_callbacks": ("on_before_ui", "on_script_unloaded"),
    "shared": ("opts", "OptionInfo"),
}


NEEDED_OF_SDNEXT = {
    "sd_samplers_diffusers": ("samplers_data_diffusers", "config", "DiffusionSampler"),
    "sd_samplers_common": ("SamplerData",),
    "sd_samplers": ("list_samplers", "set_samplers"),
}


def missing(needed):
    """The first of these names that this host does not have, or None."""
    for module, names in needed.items():
        full = f"modules.{module}"
        if importlib.util.find_spec(full) is None:
            return full
        found = importlib.import_module(full)
        for name in names:
            if not hasattr(found, name):
                return f"{full}.{name}"
    return None


def adapter(name):
    """A module of the package whose root is the folder above this one, loaded anew: an update may have changed it."""
    root = Path(__file__).resolve().parents[1]
    for loaded in [loaded for loaded in sys.modules if loaded == NAME or loaded.startswith(NAME + ".")]:
        del sys.modules[loaded]
    importlib.invalidate_caches()
    spec = importlib.util.spec_from_file_location(NAME, root / "__init__.py", submodule_search_locations=[str(root)])
    module = sys.modules[NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return importlib.import_module(f"{NAME}.webui.{name}")


if not missing(NEEDED_OF_SDNEXT):
    adapter("sdnext").install()
elif _lacking := missing(NEEDED):
    print(
        f"seeds-samplers: not supported in this web UI, which has no {_lacking}: nothing was added "
        "(it works in AUTOMATIC1111, Forge and their relatives)"
    )
else:
    _script = adapter("script")
    _script.install()
    SEEDSScript = _script.SEEDSScript  # the host looks for classes in this file
