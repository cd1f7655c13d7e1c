"""Reading and writing the embedded networks: safetensors with the network's sizes as metadata, never pickle."""

import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file


@contextmanager
def replacing(path):
    """A temporary path beside `path` that takes its place when the block ends well, and is removed when it does not."""
    path = Path(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    try:
        yield Path(name)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # mkstemp makes private files; this is to be an ordinary one
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def save_tensors(path, tensors, **metadata):
    """Write tensors and JSON metadata whole or not at all."""
    text = {key: json.dumps(value) for key, value in metadata.items()}
    with replacing(path) as part:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, part, metadata=text)


def load_tensors(path):
    """(tensors, metadata) of a file that save_tensors wrote; ValueError naming the file if it is not one."""
    try:
        with safe_open(str(path), "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            metadata = {key: json.loads(value) for key, value in (file.metadata() or {}).items()}
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(f"weights: {path} is not a readable safetensors file of ours ({error})") from error
    return tensors, metadata


def save_network(path, network, **metadata):
    """Write a network in float16."""
    tensors = {name: tensor.half() for name, tensor in network.state_dict().items()}
    save_tensors(path, tensors, config=network.config, **metadata)


def load_network(kind, path):
    """A network of class `kind` from a file that save_network wrote: float32, on the CPU, in evaluation mode."""
    tensors, metadata = load_tensors(path)
    network = kind(**metadata.get("config", {}))
    try:
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except RuntimeError as error:
        raise ValueError(f"weights: {path} does not hold a {kind.__name__}") from error
    network.metadata = metadata
    return network.eval().requires_grad_(False)


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
