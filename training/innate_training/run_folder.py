"""A run's folder: everything a run needs to stop at any moment and go on.

config.json         the recipe it was started with
state.pt            networks, optimisers, counters; written whole or not at all
log.jsonl           one line per report, cut back to the state on resume
ema.safetensors     the average, float32, app-readable
snapshots/          averages over time (float16) and their sheets
best.safetensors    the best snapshot so far, best.json its measurements
"""

import fcntl
import io
import json
import os

import torch

from . import json_lines
from .checkpoint import atomic_write
from .errors import UserError

FORMAT = "innate-training/1"


class RunFolder:
    def __init__(self, path) -> None:
        self.path = os.fspath(path)
        os.makedirs(os.path.join(self.path, "snapshots"), exist_ok=True)
        self._lock = None

    def file(self, *parts) -> str:
        return os.path.join(self.path, *parts)

    def lock(self) -> None:
        """One process per folder; the system drops the lock when the process ends."""
        self._lock = open(self.file(".lock"), "w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"{self.path}: another process is training in this folder") from None

    def unlock(self) -> None:
        if self._lock:
            self._lock.close()
            self._lock = None

    def save_state(self, state) -> None:
        buffer = io.BytesIO()
        torch.save({"format": FORMAT, **state}, buffer)
        atomic_write(self.file("state.pt"), buffer.getvalue())

    def load_state(self, device="cpu") -> dict | None:
        """The saved state, or None: nothing there yet, or written by another program."""
        if not os.path.exists(self.file("state.pt")):
            return None
        try:
            state = torch.load(self.file("state.pt"), map_location=device, weights_only=True)
        except Exception as error:
            raise UserError(
                f"{self.file('state.pt')}: unreadable ({type(error).__name__}); remove it to go on from ema.safetensors"
            ) from None
        return state if isinstance(state, dict) and state.get("format") == FORMAT else None

    def write_json(self, name, value) -> None:
        atomic_write(self.file(name), (json.dumps(value, indent=2) + "\n").encode())

    def read_json(self, name) -> dict | None:
        try:
            with open(self.file(name)) as f:
                return json.load(f)
        except FileNotFoundError:
            return None

    def log(self, record) -> None:
        json_lines.append(self.file("log.jsonl"), record)

    def cut_log(self, images) -> None:
        """Drop what was logged after the saved state: those iterations will run again."""
        lines = [line for line in self.read_log() if line.get("images", 0) <= images]
        if os.path.exists(self.file("log.jsonl")):
            atomic_write(self.file("log.jsonl"), "".join(json.dumps(line) + "\n" for line in lines).encode())

    def read_log(self) -> list[dict]:
        return json_lines.read(self.file("log.jsonl"))
