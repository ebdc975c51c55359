"""C files of this package, compiled at their first use for the processor that runs them, for training on a CPU.

A library is kept in the user's cache folder ($XDG_CACHE_HOME, else ~/.cache). Where there is no C compiler, `load`
gives None, and PyTorch's own operations serve. INNATE_NATIVE=off asks for that. The functions work on one thread.
"""

import ctypes
import functools
import hashlib
import os
import platform
import subprocess
import tempfile

import torch

from .plain_autograd import is_plain

FOLDER = os.path.dirname(__file__)
HEADER = os.path.join(FOLDER, "vectors.h")
FLAGS = ("-O3", "-march=native", "-std=gnu11", "-shared", "-fPIC")
FLOAT = torch.float32  # what a C float is, whatever a test makes of that name
POINTER, NUMBER = ctypes.c_void_p, ctypes.c_longlong


def _processor() -> str:
    """What `-march=native` depends on: a cache folder that moves to another machine is not run there."""
    try:
        with open("/proc/cpuinfo") as f:
            lines = f.read().split("\n\n")[0].splitlines()
        return "\n".join(line for line in lines if line.startswith(("model name", "flags", "Features")))
    except OSError:
        return platform.processor() + platform.machine()


def _compile(source, target) -> None:
    """Writes the library aside and renames it: several processes may do so at once."""
    folder = os.path.dirname(target)
    os.makedirs(folder, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=folder, suffix=".so")
    os.close(handle)
    try:
        compiler = os.environ.get("CC", "cc")
        subprocess.run([compiler, *FLAGS, source, "-o", aside], check=True, capture_output=True, timeout=120)
        os.replace(aside, target)
    finally:
        if os.path.exists(aside):
            os.unlink(aside)


@functools.cache
def load(name) -> ctypes.CDLL | None:
    """The library made of NAME.c, or None where it cannot be made; that is said once."""
    if os.environ.get("INNATE_NATIVE") == "off":
        return None
    source = os.path.join(FOLDER, f"{name}.c")
    key = hashlib.sha256(" ".join(FLAGS).encode() + _processor().encode())
    for file in (source, HEADER):
        with open(file, "rb") as f:
            key.update(f.read())
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    target = os.path.join(cache, "innate-training", f"{name}-{key.hexdigest()[:16]}.so")
    try:
        if not os.path.exists(target):
            _compile(source, target)
        library = ctypes.CDLL(target)
        library.lanes.restype = NUMBER
        return library
    except (OSError, subprocess.SubprocessError) as error:
        print(f"{name}.c: not compiled ({type(error).__name__}), PyTorch's own operations serve", flush=True)
        return None


def serves(x) -> bool:
    """Whether these functions work on x: float32 in a CPU's memory, on one thread, and no one else's to differentiate
    (torch.compile, or twice)."""
    alone = torch.get_num_threads() == 1 and not torch.compiler.is_compiling() and not is_plain()
    return x.is_cpu and x.dtype is FLOAT and alone


def call(function, *args) -> int | None:
    """Calls a C function with tensors (their memory, which must be contiguous in its own format) and numbers."""
    return function(*(a.data_ptr() if isinstance(a, torch.Tensor) else a for a in args))
