"""C files are compiled once, and their absence is borne; a process keeps the memory that it frees."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from innate_training import native

PACKAGE = Path(native.__file__).parents[1]


@pytest.fixture
def fresh(monkeypatch, tmp_path) -> Path:
    """An empty cache folder, and nothing loaded."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    native.load.cache_clear()
    yield tmp_path / "innate-training"
    native.load.cache_clear()


def test_a_library_is_compiled_at_its_first_use_and_kept(fresh, monkeypatch) -> None:
    library = native.load("winograd")
    if library is None:
        pytest.skip("no C compiler")
    (file,) = fresh.iterdir()
    assert library.lanes() in (8, 16)
    native.load.cache_clear()
    monkeypatch.setenv("CC", "false")
    assert native.load("winograd").lanes() == library.lanes()
    assert list(fresh.iterdir()) == [file]


@pytest.mark.parametrize("compiler", ["false", "no-such-compiler"])
def test_without_a_compiler_pytorch_serves(fresh, monkeypatch, capsys, compiler) -> None:
    monkeypatch.setenv("CC", compiler)
    assert native.load("winograd") is None
    assert native.load("winograd") is None
    assert capsys.readouterr().out.count("PyTorch's own operations serve") == 1
    assert not list(fresh.iterdir())  # no half of a file is left


def test_it_can_be_switched_off(fresh, monkeypatch) -> None:
    monkeypatch.setenv("INNATE_NATIVE", "off")
    assert native.load("winograd") is None
    assert not fresh.exists()


MEMORY = """
import resource, sys
if sys.argv[1] == "settled":
    from innate_training.process import settle_process
    settle_process()
import torch
torch.set_num_threads(1)
def faults(tensors):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(tensors):
        torch.ones(64 << 18)  # 64 MiB: more than glibc keeps by itself
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults(20)  # until a freed block is large enough for the next one with its alignment
print(faults(5))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_freed_memory_stays_with_the_process() -> None:
    """Pages that are touched for the first time: none once the first tensors have been freed."""

    def faults(how) -> int:
        env = {**os.environ, "PYTHONPATH": str(PACKAGE)}
        return int(subprocess.check_output([sys.executable, "-c", MEMORY, how], env=env, text=True))

    if faults("as it is") < 1000:
        pytest.skip("this C library keeps it anyway")
    assert faults("settled") < 100
