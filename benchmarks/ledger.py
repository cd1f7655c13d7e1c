"""Counts what a program asks of a device: full-size tensor operations, host synchronisations, peak memory."""

import weakref
from collections import Counter

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

HOST_READS = ("aten::_local_scalar_dense",)  # .item(), float(), bool(), comparison in an if
NO_WORK = ("aten::empty", "aten::empty_like", "aten::empty_strided", "aten::new_empty")


def is_view(function):
    """Whether the result only looks at an argument's memory: such an operation costs nothing on a device."""
    return any(value.alias_info is not None and not value.alias_info.is_write for value in function._schema.returns)


class Ledger(TorchDispatchMode):
    """with Ledger(like) as ledger: ...; then ledger.operations, .full_size, .host_reads and .peak.

    full_size counts the operations whose result is at least as large as `like`; peak is the memory of the tensors
    made inside that were alive at one time, in multiples of `like` (tensors that the caller made before do not count).
    """

    def __init__(self, like):
        super().__init__()
        self.size, self.bytes = like.numel(), like.numel() * like.element_size()
        self.operations = self.full_size = self.host_reads = 0
        self.alive, self.holders, self.peak = 0, Counter(), 0.0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function._schema.name
        known = {leaf.untyped_storage().data_ptr() for leaf in tree_leaves((args, kwargs)) if torch.is_tensor(leaf)}
        result = function(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves(result) if torch.is_tensor(leaf)]
        self.host_reads += name in HOST_READS
        if not is_view(function) and name not in NO_WORK:
            self.operations += 1
            self.full_size += any(tensor.numel() >= self.size for tensor in tensors)
        for tensor in tensors:
            self._hold(tensor, known)
        return result

    def _hold(self, tensor, known):
        """Count the tensor's memory until the last tensor that shares it is gone."""
        storage = tensor.untyped_storage()
        key = storage.data_ptr()
        if key in known and key not in self.holders:
            return  # somebody else's memory
        if self.holders[key] == 0:
            self.alive += storage.nbytes()
            self.peak = max(self.peak, self.alive / self.bytes)
        self.holders[key] += 1
        weakref.finalize(tensor, self._release, key, storage.nbytes())

    def _release(self, key, size):
        self.holders[key] -= 1
        if self.holders[key] == 0:
            del self.holders[key]
            self.alive -= size
