"""The header of a .safetensors file, checked before anything of it is believed: such files come from anywhere.

8 bytes say how long the header is, a JSON object; the tensors' bytes follow, little-endian, one after the other without
overlap or hole. Whatever is not so is a UserError that names the file.
"""

import json
import math
import os
import reprlib
from typing import BinaryIO, NamedTuple

import torch

from .errors import UserError

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
MAX_HEADER = 100_000_000  # the format's own limit
MAX_RANK = 64  # torch's
AGAIN = "download or copy the file again"


class Entry(NamedTuple):
    name: str
    dtype: torch.dtype
    shape: list[int]
    begin: int  # of its bytes in the file
    end: int


def read_header(f: BinaryIO, path) -> tuple[list[Entry], dict[str, str]]:
    """(tensors, metadata) of a file that is open at its beginning; nothing of the tensors' bytes is read."""
    size = os.fstat(f.fileno()).st_size
    head = f.read(8)
    length, room = int.from_bytes(head, "little"), min(MAX_HEADER, size - 8)
    if len(head) < 8:
        raise _no_header(path, "8 bytes of header length", f"{size} bytes in all")
    if length > room:
        raise _no_header(path, f"a header of at most {room:,} bytes", f"one of {length:,}")
    try:
        header = json.loads(f.read(length).decode())
    except (ValueError, RecursionError) as error:
        raise _no_header(path, "a header in JSON", type(error).__name__) from None
    if not isinstance(header, dict):
        raise _no_header(path, "a header that is an object", reprlib.repr(header))
    metadata = _metadata(header.pop("__metadata__", None), path)
    entries = [_entry(name, value, 8 + length, path) for name, value in header.items()]
    _check_cover(entries, 8 + length, size, path)
    return entries, metadata


def _no_header(path, expected, found) -> UserError:
    return UserError(f"{path}: not a safetensors file: expected {expected}, found {found}; {AGAIN}")


def _metadata(value, path) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, dict) and all(isinstance(v, str) for v in value.values()):
        return value
    raise UserError(f"{path}: expected metadata that are texts by name, found {reprlib.repr(value)}; {AGAIN}")


def _entry(name, value, data, path) -> Entry:
    where = f"{path}: tensor {name[:100]!r}"
    dtype, shape, offsets = (
        (value.get(k) for k in ("dtype", "shape", "data_offsets")) if isinstance(value, dict) else (None,) * 3
    )
    if not (isinstance(dtype, str) and _is_shape(shape) and _counts(offsets) and len(offsets) == 2):
        raise UserError(
            f"{where}: expected a dtype, a shape and two data_offsets, found {reprlib.repr(value)}; {AGAIN}"
        )
    if dtype not in DTYPES:
        raise UserError(
            f"{where}: expected a dtype among {', '.join(DTYPES)}, found {reprlib.repr(dtype)}; convert the file first"
        )
    begin, end = offsets
    expected = math.prod(shape) * DTYPES[dtype].itemsize
    if end - begin != expected:
        raise UserError(f"{where}: expected {expected:,} bytes of {dtype} {shape}, found {end - begin:,}; {AGAIN}")
    return Entry(name, DTYPES[dtype], shape, data + begin, data + end)


def _counts(value) -> bool:
    """Whether it is a list of whole numbers from 0."""
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2**63 for n in value)


def _is_shape(value) -> bool:
    """Whether torch takes it as a shape: strides are products of extents, beside a 0 too."""
    return _counts(value) and len(value) <= MAX_RANK and math.prod(max(n, 1) for n in value) < 2**63


def _check_cover(entries, data, size, path) -> None:
    """That the tensors' bytes are all of what follows the header."""
    at = data
    for entry in sorted(entries, key=lambda e: (e.begin, e.end)):
        if entry.begin != at:
            how = "overlaps the one before" if entry.begin < at else "leaves a hole before it"
            raise UserError(
                f"{path}: tensor {entry.name[:100]!r} {how}: expected its bytes from {at - data:,}, "
                f"found {entry.begin - data:,}; {AGAIN}"
            )
        at = entry.end
    if at != size:
        raise UserError(
            f"{path}: {'cut short' if at > size else 'longer than its header says'}: expected {at:,} bytes in all, "
            f"found {size:,}; {AGAIN}"
        )
