"""The settings of the process hold, wherever it is started from. Each case is a process: they are its own."""

import platform
import subprocess
import sys

import pyarrow as pa
import pytest

pytestmark = pytest.mark.unit

_SET = """
import gc, sys
import studio.__main__
from hyperframe.frame import DataFrame
print(gc.get_threshold()[0], sys.getswitchinterval(), DataFrame(1, b"x" * 1000)._body_repr())
"""
_LOADED = """
import sys
import studio.standard_streams
print("pyarrow" in sys.modules)
import studio.tuning
print("pyarrow" in sys.modules)
"""
_ALLOCATORS = """
import studio.__main__
import pyarrow as pa
from actors.span_store.columns.rows import ROWS
ROWS.serialize()  # with Arrow's own choice of a pool, as Parquet is written
print(pa.default_memory_pool().backend_name, *(
    pool.backend_name
    for pool in (pa.mimalloc_memory_pool(), pa.jemalloc_memory_pool(), pa.system_memory_pool())
    if pool.num_allocations()
))
"""
_FREED = """
import ctypes
from pathlib import Path

from studio.tuning import tune_process

MB = 1024 * 1024
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.malloc.argtypes = [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]


def blocks(*sizes: int) -> None:
    made = [library.malloc(size * MB) for size in sizes]
    for block, size in zip(made, sizes):
        ctypes.memset(block, 1, size * MB)
    for block in reversed(made):
        library.free(block)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // MB


tune_process()
blocks(31)  # from which glibc learns to keep much
before = resident()
blocks(12, 12, 12, 12)
print(resident() - before)
"""


def printed(program: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()


def test_all_is_set_before_the_program_is_imported() -> None:
    assert printed(_SET) == ["10000", "0.001", "<1000", "bytes>"]


def test_nothing_loads_arrow_before_its_pool_is_chosen() -> None:
    assert printed(_LOADED) == ["False", "False"]


@pytest.mark.skipif(
    not {"jemalloc", "mimalloc"}.issubset(pa.supported_memory_backends()), reason="this Arrow has fewer allocators"
)
def test_arrow_has_one_allocator() -> None:
    assert printed(_ALLOCATORS) == ["jemalloc", "jemalloc"]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these parameters")
def test_freed_memory_is_returned() -> None:
    assert int(printed(_FREED)[0]) < 20  # 48 without
