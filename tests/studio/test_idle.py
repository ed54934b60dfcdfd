"""What an idle studio does without. Each case is a process: what others have loaded is in it for good."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.unit

# Each brings megabytes that nothing in the studio uses, or nothing that an idle one does.
_HEAVY = {
    "google.auth",
    "mcp",
    "multiprocessing",
    "numpy",
    "pandas",
    "pyarrow.dataset",
    "pyarrow.flight",
    "pyarrow.pandas_compat",
    "pydantic",
    "requests",
    "rich",
    "starlette",
    "unittest",
    "uvicorn",
    "xml",
}
_LOADED = """
import sys
import studio.__main__
print(*sys.modules)
"""


def printed(program: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()


def test_what_it_does_not_use_is_not_loaded() -> None:
    assert not _HEAVY.intersection(printed(_LOADED))
