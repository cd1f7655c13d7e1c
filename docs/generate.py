"""Writes what follows from the solvers' declarations: the type stubs and the tables of samplers and options.

    python docs/generate.py            writes them
    python docs/generate.py --check    names the files that are not up to date; exit status 1 if there are any

A table stands between the lines `<!-- options NAME -->` or `<!-- samplers -->` and `<!-- end -->` of a page.
"""

import inspect
import re
import sys
from pathlib import Path

from seeds_samplers.sampling import SAMPLERS, options_of
from seeds_samplers.sampling.options import Option

ROOT = Path(__file__).parents[1]
STUB = ROOT / "sampling" / "__init__.pyi"
PAGES = [*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "js" / "docs").glob("*.md")), ROOT / "README.md"]
BLOCK = re.compile(r"(<!-- (options|samplers)(?: ([\w-]+))? -->\n).*?(<!-- end -->)", re.S)

STUB_HEAD = '''"""Written by docs/generate.py from the solvers' declarations."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from torch import Tensor

from .calls import call_pattern as call_pattern
from .calls import model_calls_for_steps as model_calls_for_steps
from .calls import steps_for_model_calls as steps_for_model_calls
from .noise import NoisePath as NoisePath
from .samplers import options_of as options_of
from .schedule import sigmas_flow as sigmas_flow
from .schedule import sigmas_karras as sigmas_karras
from .schedule import sigmas_seeds as sigmas_seeds
from .schedule import sigmas_uniform_lambda as sigmas_uniform_lambda

SAMPLERS: dict[str, Callable[..., Tensor]]
'''
TYPES = {
    "model": "Callable[..., Tensor]",
    "x": "Tensor",
    "sigmas": "Tensor | np.ndarray | Sequence[float]",
    "extra_args": "Mapping[str, Any] | None",
    "callback": "Callable[[dict[str, Any]], Any] | None",
    "disable": "bool | None",
    "noise_sampler": "Callable[[Any, Any], Tensor] | None",
    "seed": "int | Sequence[int] | None",
}


def type_of(option: Option) -> str:
    """The type of an option's values, as a stub has it."""
    kind = f"Literal[{', '.join(map(repr, option.choices))}]" if option.choices else "int" if option.whole else "float"
    return kind + (" | Callable[[float], float]" if option.also else "") + (" | None" if option.none else "")


def stub() -> str:
    """The text of the core's stub, so that editors show the samplers' keywords."""
    text = [STUB_HEAD]
    for function in SAMPLERS.values():
        types = TYPES | {name: type_of(one) for name, one in function.solver.options.items()}
        types |= {name: type_of(one) for name, one in function.run_options.items()}
        lines = [
            f"    {name}: {types[name]}" + ("" if one.default is one.empty else f" = {one.default!r}")
            for name, one in inspect.signature(function).parameters.items()
        ]
        text.append(f"def {function.__name__}(\n" + ",\n".join(lines) + ",\n) -> Tensor: ...\n")
    return "\n".join(text)


def range_of(option: Option) -> str:
    """The values of an option, in words."""
    if option.choices:
        return ", ".join(f"`{value}`" for value in option.choices)
    least = f"from {option.least:g}" if option.least is not None else f"above {option.above:g}"
    most = f" to {option.most:g}" if option.most is not None and option.most <= option.highest else ""
    most = f", below {option.below:g}" if option.below is not None else most
    return least + most


def options_table(name: str) -> str:
    """The options of the sampler of that name that hosts show."""
    rows = ["| option | default | values | what it does |", "| --- | --- | --- | --- |"]
    for one in options_of(name):
        default = f"{one.default:.3g}" if isinstance(one.default, float) else one.default
        rows.append(f"| `{one.name}` | {default} | {range_of(one)} | {one.about} |")
    return "\n".join(rows) + "\n"


def samplers_table(_: str | None = None) -> str:
    """The samplers."""
    rows = ["| sampler | model calls a step | order (ODE) | order (SDE, weak) |", "| --- | --- | --- | --- |"]
    for name, one in SAMPLERS.items():
        rows.append(f"| {name} | {one.calls_per_step} | {one.ode_order} | {one.weak_order} |")
    return "\n".join(rows) + "\n"


TABLES = {"options": options_table, "samplers": samplers_table}


def written() -> dict[Path, str]:
    """The text that each file should have."""
    texts = {STUB: stub()}
    for page in PAGES:
        old = page.read_text()
        new = BLOCK.sub(lambda found: found[1] + TABLES[found[2]](found[3]) + found[4], old)
        if BLOCK.search(old):
            texts[page] = new
    return texts


def main(arguments: list[str]) -> int:
    old = {path for path, text in written().items() if not path.exists() or path.read_text() != text}
    if "--check" in arguments:
        for path in sorted(old):
            print(f"{path.relative_to(ROOT)}: not up to date; run python docs/generate.py")
        return 1 if old else 0
    for path, text in written().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
