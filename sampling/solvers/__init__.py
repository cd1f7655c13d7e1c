"""The solvers, one file each. A file that is put here is found: nothing else has to name it."""

import importlib
import pkgutil

from .base import SOLVERS, Solver, solver

# In the order of the hosts' menus: the SEEDS solvers first.
for _name in sorted((one.name for one in pkgutil.iter_modules(__path__)), key=lambda name: (name[:5] != "seeds", name)):
    importlib.import_module(f"{__name__}.{_name}")

__all__ = ["SOLVERS", "Solver", "solver"]
