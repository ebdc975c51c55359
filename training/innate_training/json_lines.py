"""Logs and journals: one JSON object a line. A process that is killed while it writes leaves half a line, which costs
that line and no other one."""

import json
import os


def append(path, record) -> None:
    """The record as the file's last line. Half a line that stands there is ended first: it would spoil the new one."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "ab+") as f:
        begin = b""
        if f.tell() > 0:
            f.seek(-1, os.SEEK_END)
            begin = b"" if f.read(1) == b"\n" else b"\n"
        f.write(begin + json.dumps(record).encode() + b"\n")


def read(path) -> list[dict]:
    """The whole lines, in order; none where there is no file yet."""
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            found = [_object(line) for line in f]
    except FileNotFoundError:
        return []
    return [record for record in found if record is not None]


def _object(line) -> dict | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
