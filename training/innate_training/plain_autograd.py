"""A part of a step that is made of PyTorch's own operations alone."""

import contextlib
import threading
from collections.abc import Iterator

import torch

_state = threading.local()


def is_plain() -> bool:
    """Whether this is inside of `plain_autograd`."""
    return getattr(_state, "plain", False)


@contextlib.contextmanager
def plain_autograd() -> Iterator[None]:
    """Only operations that PyTorch can differentiate twice (exact R1 through a U-Net's encoder)."""
    before, _state.plain = is_plain(), True
    try:
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            yield
    finally:
        _state.plain = before
