"""Reading and writing networks: .safetensors by hand, the published .pkl files as data only.

The machine that trains has torch and little else, and .safetensors is small enough to need no library
(safetensors_header.py). Metadata values are strings, JSON where they are not plain.
"""

import hashlib
import json
import math
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import torch

from .errors import UserError
from .official import is_pickle, load_official
from .precond import PRECONDS, SIGMA_MAX, SIGMA_MID, EDMPrecond, build
from .safetensors_header import DTYPES, Entry, read_header

NAMES = {v: k for k, v in DTYPES.items()}


def read_safetensors(path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """(tensors, metadata)."""
    with _opened(path) as f:
        entries, metadata = read_header(f, path)
        return {entry.name: _read_tensor(f, entry, path) for entry in entries}, metadata


def read_metadata(path) -> dict[str, str]:
    """What a .safetensors file says of itself, without its tensors."""
    with _opened(path) as f:
        return read_header(f, path)[1]


@contextmanager
def _opened(path) -> Iterator[BinaryIO]:
    try:
        with open(path, "rb") as f:
            yield f
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None


def _read_tensor(f, entry: Entry, path) -> torch.Tensor:
    raw = bytearray(entry.end - entry.begin)
    if not raw:
        return torch.empty(entry.shape, dtype=entry.dtype)
    f.seek(entry.begin)
    if f.readinto(raw) != len(raw):
        raise UserError(f"{path}: the file became shorter while it was read; copy it again")
    return torch.frombuffer(raw, dtype=entry.dtype).reshape(entry.shape)


def write_safetensors(path, tensors, metadata=None) -> None:
    """Atomic: a reader sees the old file or the new one."""
    header, parts, offset = {}, [], 0
    if metadata:
        header["__metadata__"] = {k: v if isinstance(v, str) else json.dumps(v) for k, v in metadata.items()}
    for name, t in tensors.items():
        t = t.detach().cpu().contiguous()
        raw = t.reshape(-1).view(torch.uint8).numpy().tobytes()
        header[name] = {"dtype": NAMES[t.dtype], "shape": list(t.shape), "data_offsets": [offset, offset + len(raw)]}
        parts.append(raw)
        offset += len(raw)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    atomic_write(path, b"".join([struct.pack("<Q", len(head)), head, *parts]))


def atomic_write(path, data) -> None:
    """Write beside the file, flush to disk, rename over it."""
    path = os.fspath(path)
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "wb") as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())
    os.replace(temporary, path)


def sha256(path) -> str:
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def keeps_float32(name, tensor) -> bool:
    """Norms, biases, frequencies and filters: small, and float16 frequencies alone shift phases by 0.05 rad."""
    return tensor.ndim < 2 or "resample_filter" in name or "freqs" in name


def to_storage(tensors, dtype=torch.float16) -> dict[str, torch.Tensor]:
    """The tensors as a file of this dtype stores them."""
    return {k: v.float() if keeps_float32(k, v) else v.to(dtype) for k, v in tensors.items()}


def architecture_metadata(architecture) -> dict[str, str]:
    a = architecture
    return dict(
        precond=a["precond"],
        img_resolution=str(a["img_resolution"]),
        img_channels=str(a["img_channels"]),
        label_dim=str(a["label_dim"]),
        model_kwargs=json.dumps(a["model_kwargs"]),
    )


def save_network(path, net, provenance=None, dtype=torch.float32) -> None:
    """The network with its card. `sigma`, where it starts, is written where it is not 80; `nfe` and `sigma_mid` of a
    two-step student."""
    start = {} if net.start_sigma == SIGMA_MAX else {"sigma": str(net.start_sigma)}
    if net.sigma_mid is not None:
        start.update(nfe="2", sigma_mid=str(net.sigma_mid))
    write_safetensors(
        path,
        to_storage(net.state_dict(), dtype),
        {**architecture_metadata(net.architecture()), **(provenance or {}), **start},
    )


def start_sigma(metadata, path="checkpoint") -> float:
    """Where the file's network starts: the metadata's `sigma`, 80 where there is none."""
    return positive(metadata, "sigma", SIGMA_MAX, path)


def middle_sigma(metadata, path="checkpoint") -> float | None:
    """Where a two-step student's second evaluation is (`nfe` 2); None for every other network."""
    return positive(metadata, "sigma_mid", SIGMA_MID, path) if metadata.get("nfe") == "2" else None


def positive(metadata, key, default, path) -> float:
    try:
        value = float(metadata.get(key, default))
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise UserError(f"{path}: {key} is {metadata[key]!r}; it must be a positive number")
    return value


def load_checkpoint(path, precond=None, teachers=None) -> tuple[dict[str, torch.Tensor], dict, dict[str, str]]:
    """(tensors, architecture, metadata) of a .safetensors or published .pkl file.

    A delta needs its teacher: `teachers` maps a catalogue id to a path, or names a folder to search.
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise UserError(f"{path}: no such file")
    if is_pickle(path):
        tensors, architecture = load_official(path)
        metadata = {}
    else:
        tensors, metadata = read_safetensors(path)
        if "model_kwargs" not in metadata:
            raise UserError(f"{path}: its metadata has no model_kwargs, so the architecture is unknown")
        architecture = {k: metadata[k] for k in ("img_resolution", "img_channels", "label_dim") if k in metadata}
        architecture = {k: int(v) for k, v in architecture.items()}
        architecture["precond"] = metadata.get("precond", "EDMPrecond")
        architecture["model_kwargs"] = {**json.loads(metadata["model_kwargs"]), **own_numbers(metadata, path)}
        if "delta_of" in metadata:
            from .export import apply_delta

            tensors = apply_delta(path, tensors, metadata, teachers)
    if precond:
        architecture["precond"] = precond
    return tensors, architecture, metadata


def own_numbers(metadata, path) -> dict[str, float]:
    """Numbers of the preconditioning that the app writes beside `model_kwargs` where they are not those published."""
    known = PRECONDS.get(metadata.get("precond", "EDMPrecond"))
    return {key: positive(metadata, key, None, path) for key in (known.NUMBERS if known else ()) if key in metadata}


def load_network(path, precond=None, dtype=torch.float32, teachers=None) -> tuple[EDMPrecond, dict[str, str]]:
    """A network with its weights, and the file's metadata."""
    tensors, architecture, metadata = load_checkpoint(path, precond, teachers)
    net = build(architecture, dtype)
    load_weights(net, tensors, path)
    net.start_sigma, net.sigma_mid = start_sigma(metadata, path), middle_sigma(metadata, path)
    return net, metadata


def load_weights(net, tensors, path="checkpoint") -> None:
    """Names must match; resampling filters may be absent (they follow from the architecture)."""
    own = net.state_dict()
    missing = [k for k in own if k not in tensors and "resample_filter" not in k]
    unknown = [k for k in tensors if k not in own]
    wrong = [k for k in tensors if k in own and tensors[k].shape != own[k].shape]
    if missing or unknown or wrong:
        first = (missing + unknown + wrong)[0]
        raise UserError(
            f"{path}: {len(missing)} tensors missing, {len(unknown)} unknown, {len(wrong)} of another shape "
            f"(first: {first})"
        )
    net.load_state_dict({k: v.float() for k, v in tensors.items()}, strict=False)
