"""What AUTOMATIC1111's web UI, Forge and their relatives load: finds the package around this file and starts it."""

import importlib.util
import sys
from pathlib import Path

NAME = "seeds_samplers"


def package():
    """The package whose root is the folder above this one, loaded anew: an update may have changed it."""
    root = Path(__file__).resolve().parents[1]
    for name in [name for name in sys.modules if name == NAME or name.startswith(NAME + ".")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    spec = importlib.util.spec_from_file_location(NAME, root / "__init__.py", submodule_search_locations=[str(root)])
    module = sys.modules[NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return importlib.import_module(f"{NAME}.webui.script")


_script = package()
_script.install()
SEEDSScript = _script.SEEDSScript  # the host looks for classes in this file
