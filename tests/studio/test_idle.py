"""What an idle studio does without. Each case is a process: what others have loaded is in it for good."""

import subprocess
import sys

import pyarrow as pa
import pytest

pytestmark = pytest.mark.unit

# Each brings megabytes that nothing in the studio uses, or nothing that an idle one does.
_HEAVY = {
    "google.auth",
    "multiprocessing",
    "numpy",
    "pandas",
    "pyarrow.dataset",
    "pyarrow.flight",
    "pyarrow.pandas_compat",
    "pydantic",
    "requests",
    "unittest",
    "xml",
}
_LOADED = """
import sys
import studio.cli
print(*sys.modules)
"""
_ALLOCATORS = """
import studio.cli
import pyarrow as pa
from actors.span_store.columns.rows import ROWS
ROWS.serialize()  # with Arrow's own choice of a pool, as Parquet is written
print(pa.default_memory_pool().backend_name, *(
    pool.backend_name
    for pool in (pa.mimalloc_memory_pool(), pa.jemalloc_memory_pool(), pa.system_memory_pool())
    if pool.num_allocations()
))
"""


def printed(program: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()


def test_what_it_does_not_use_is_not_loaded() -> None:
    assert not _HEAVY.intersection(printed(_LOADED))


@pytest.mark.skipif(
    not {"jemalloc", "mimalloc"}.issubset(pa.supported_memory_backends()), reason="this Arrow has fewer allocators"
)
def test_arrow_has_one_allocator() -> None:
    assert printed(_ALLOCATORS) == ["jemalloc", "jemalloc"]
