"""Code that only the start needed leaves memory, and what was freed. Each case is a process: it is its memory."""

import platform
import subprocess
import sys

import pytest

from studio.resident import unchanged_code

pytestmark = pytest.mark.unit

_PROGRAM = """
from pathlib import Path

import duckdb

from studio.resident import let_go_of_code


def code_of_duckdb() -> int:
    ours = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split()[0]:
            ours = " r-xp " in line and Path(line.split()[-1]).name.startswith("_duckdb")
        elif ours and line.startswith("Rss:"):
            return int(line.split()[1])
    raise AssertionError("DuckDB's code is nowhere")


def work() -> None:
    with duckdb.connect() as connection:
        assert connection.execute("SELECT sum(range) FROM range(1000)").fetchall() == [(499500,)]


work()
before = code_of_duckdb()
let_go_of_code()
after = code_of_duckdb()
work()
print(before, after, code_of_duckdb())
"""

_HEAD = "Size: 8 kB\nRss: 8 kB\n"
_FILE = "00001000 fe:00 42 /lib/x.so"
_UNCHANGED, _CHANGED = "Anonymous:             0 kB\n", "Anonymous:             4 kB\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells where the code is")
def test_code_leaves_and_comes_back() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    before, after, again = map(int, done.stdout.split())
    assert after < before / 2
    assert after < again <= before


@pytest.mark.parametrize(
    ("mapping", "goes"),
    [
        (f"1000-3000 r-xp {_FILE}\n{_HEAD}{_UNCHANGED}", True),
        (f"1000-3000 r-xp {_FILE} (deleted)\n{_HEAD}{_UNCHANGED}", True),
        pytest.param(f"1000-3000 r-xp {_FILE}\n{_HEAD}{_CHANGED}", False, id="relocated"),
        pytest.param(f"1000-3000 rwxp {_FILE}\n{_HEAD}{_UNCHANGED}", False, id="writable"),
        pytest.param(f"1000-3000 rw-p {_FILE}\n{_HEAD}{_UNCHANGED}", False, id="data"),
        pytest.param(f"1000-3000 r-xs {_FILE}\n{_HEAD}{_UNCHANGED}", False, id="shared"),
        pytest.param(f"1000-3000 r-xp 00000000 fe:00 42 /lib/x.so\n{_HEAD}{_UNCHANGED}", False, id="from its begin"),
        pytest.param(f"1000-3000 r-xp 00000000 00:00 0\n{_HEAD}{_UNCHANGED}", False, id="of no file"),
        pytest.param(f"1000-3000 r-xp 00000000 00:00 0 [vdso]\n{_HEAD}{_UNCHANGED}", False, id="the kernel's"),
    ],
)
def test_only_code_that_is_as_in_its_file(mapping: str, *, goes: bool) -> None:
    found = list(unchanged_code(mapping.splitlines(keepends=True)))
    assert found == ([(0x1000, 0x3000)] if goes else [])


def test_a_mapping_is_judged_by_its_own_figures() -> None:
    mappings = (
        f"1000-3000 r-xp {_FILE}\n{_HEAD}{_CHANGED}"
        f"a000-b000 rw-p {_FILE}\n{_HEAD}{_UNCHANGED}"
        f"f000-ff000 r-xp {_FILE}\n{_HEAD}{_UNCHANGED}"
    )
    assert list(unchanged_code(mappings.splitlines(keepends=True))) == [(0xF000, 0xFF000)]


_FREED = """
import ctypes
from pathlib import Path

from studio.resident import keep_little_free_memory

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


keep_little_free_memory()
blocks(31)  # from which glibc learns to keep much
before = resident()
blocks(12, 12, 12, 12)
print(resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these parameters")
def test_freed_memory_is_returned() -> None:
    done = subprocess.run([sys.executable, "-c", _FREED], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20  # 48 without
