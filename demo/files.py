"""Reading and writing files whole, and the embedded networks: safetensors with metadata, never pickle."""

import errno
import inspect
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ..sampling.checks import whole_number

FULL = {errno.ENOSPC: "the disk is full", getattr(errno, "EDQUOT", None): "the quota of the disk is used up"}
LARGEST_SIZE = 4096  # of a network's layers, so that a file from elsewhere cannot ask for more than there is


def write_whole(path, data, new=False):
    """Write bytes to a file whole or not at all; OSError naming the file and the reason where that fails.

    new: FileExistsError where the file is there already. Of several processes that try at once, one succeeds.
    """
    path = Path(path)
    try:
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            with open(handle, "wb") as file:
                file.write(data)
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(part, 0o666 & ~umask)  # mkstemp makes private files; this is to be an ordinary one
            if new:
                _link(part, path, data)
            else:
                os.replace(part, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(part)
    except FileExistsError:
        raise
    except OSError as error:
        reason = FULL.get(error.errno) or error.strerror or str(error)
        raise OSError(f"{path}: cannot be written, {reason}") from error


def _link(part, path, data):
    """`part` as `path`, where there is no such file; a second best where the file system knows no hard links."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        with open(path, "xb", buffering=0) as file:
            try:
                file.write(data)
            except BaseException:
                os.unlink(path)
                raise


def save_tensors(path, tensors, **metadata):
    """Write tensors and JSON metadata whole or not at all."""
    text = {key: json.dumps(value) for key, value in metadata.items()}
    write_whole(path, save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, text))


def load_tensors(path):
    """(tensors, metadata) of a file that save_tensors wrote; ValueError naming the file if it is not one."""
    try:
        with safe_open(str(path), "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            metadata = {key: json.loads(value) for key, value in (file.metadata() or {}).items()}
    except (OSError, SafetensorError, ValueError, RecursionError) as error:
        raise ValueError(f"weights: {path} is not a readable safetensors file of ours ({error})") from error
    return tensors, metadata


def save_network(path, network, **metadata):
    """Write a network in float16."""
    tensors = {name: tensor.half() for name, tensor in network.state_dict().items()}
    save_tensors(path, tensors, config=network.config, **metadata)


def load_network(kind, path):
    """A network of class `kind` from a file that save_network wrote: float32, on the CPU, in evaluation mode."""
    tensors, metadata = load_tensors(path)
    try:
        with torch.device("meta"):  # no memory before the tensors are known to fit
            network = kind(**_config_of(kind, metadata.get("config", {})))
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    except (RuntimeError, ValueError, TypeError, ArithmeticError) as error:
        raise ValueError(f"weights: {path} does not hold a {kind.__name__}") from error
    network.metadata = metadata
    return network.eval().requires_grad_(False)


def _config_of(kind, config):
    """The sizes of a network of class `kind`, from a file's metadata."""
    if not isinstance(config, dict) or not set(config) <= set(inspect.signature(kind).parameters):
        raise ValueError(f"config: expected the sizes of a {kind.__name__}")
    return {name: whole_number(name, size, least=1, most=LARGEST_SIZE) for name, size in config.items()}


def _usable(name):
    try:
        return torch.zeros(1, device=name).cpu().item() == 0
    except (RuntimeError, AssertionError, NotImplementedError, TypeError):
        return False


def device_of(name):
    """A torch device of this machine: cpu, cuda, mps or xpu, perhaps with a number; ValueError if it is not there."""
    kinds = ("cpu", "cuda", "mps", "xpu")
    if str(name).split(":")[0] not in kinds or not _usable(name):
        present = ", ".join(kind for kind in kinds if _usable(kind))
        raise ValueError(f"device: {name!r} cannot be used here; expected one of this machine's: {present}")
    return torch.device(name)
