"""The core's modules import each other in one direction, at the top of the file."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1] / "sampling"
LATER = {"fused.py"}  # its kernel needs Triton, which few have


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


MODULES = {module_of(path): path for path in ROOT.rglob("*.py")}


def imported(path):
    """The modules of the core that a file imports, with whether at its top."""
    here = path.relative_to(ROOT).parent.parts
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = here[: len(here) - node.level + 1]
            base = (*folder, *(node.module or "").split(".")) if node.module else folder
            for name in node.names:
                found = (*base, name.name) if (*base, name.name) in MODULES else base
                yield found, node in tree.body


def test_there_is_no_circle():
    graph = {module: {name for name, _ in imported(path)} - {module} for module, path in MODULES.items()}
    order = list(TopologicalSorter(graph).static_order())
    assert len(order) == len(MODULES) > 20


def test_no_import_hides_in_a_function():
    assert not [
        path for path in MODULES.values() if path.name not in LATER and not all(top for _, top in imported(path))
    ]
