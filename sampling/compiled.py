"""What torch.compile is told of a run's noise: one operation, which it calls and does not look into."""

import itertools
import sys
import threading
import weakref
from functools import cache

import torch

_RUNS = weakref.WeakValueDictionary()  # for a compiled graph, which can hold the number of a run but not the run
_NUMBERS = itertools.count()
_LOCK = threading.Lock()
_OPERATION = f"normals_{id(_RUNS):x}"  # a host may hold two copies of this package, or load it anew
compiling = getattr(torch.compiler, "is_compiling", lambda: False)  # not in every torch, nor is custom_op


@cache
def _register():
    def normals(x: torch.Tensor, run: int, call: int, j: int) -> torch.Tensor:
        return _RUNS[run].normals(call, j, x)

    def like_them(x, *_):  # float32, whatever x is
        return x.new_empty(x.shape, dtype=torch.float32)

    operation = torch.library.custom_op(f"seeds_samplers::{_OPERATION}", normals, mutates_args=())
    operation.register_fake(like_them)


def number_of(draws):
    """The number by which a compiled graph finds these Draws; None where nothing is compiled in this process."""
    if "torch._dynamo" not in sys.modules or not hasattr(torch.library, "custom_op"):
        return None
    with _LOCK:  # of two threads one may register it
        _register()
    number = next(_NUMBERS)
    _RUNS[number] = draws
    return number


def normals(number, call, j, x):
    """Draws.normals, from within a graph."""
    return getattr(torch.ops.seeds_samplers, _OPERATION)(x, number, call, j)
