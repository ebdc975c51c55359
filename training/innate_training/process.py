"""What a training process settles before torch is loaded: how its threads wait, and where its memory comes from."""

import contextlib
import ctypes
import os

# glibc's mallopt(3)
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


def settle_process() -> None:
    _settle_threads()
    _settle_memory()


def _settle_threads() -> None:
    """Unbound threads of one pool may share a core and wait for each other half a second at a time; several processes
    on one machine, on the other hand, must not all bind to core 0, nor may the compiler's processes beside a GPU,
    which inherit the binding."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if int(os.environ.get("WORLD_SIZE", 1)) == 1 and not os.path.exists("/dev/nvidia0"):
        os.environ.setdefault("OMP_PROC_BIND", "true")


def _settle_memory() -> None:
    """Freed tensors' memory stays with the process. As it is set, glibc gives blocks of megabytes back to the system at
    once, and the next tensor's pages are made and zeroed anew at their first touch: a third of a step on a CPU."""
    with contextlib.suppress(OSError, AttributeError, TypeError):  # another C library: nothing to set
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_MAX, 0)  # every block from the heap ...
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)  # ... whose end is kept up to 2 GiB
