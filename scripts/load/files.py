"""The files that a studio makes in the background, seen from outside."""

import time
from pathlib import Path

_LOOK_SECONDS = 0.25
_TIMEOUT = 600.0  # seconds


def wait_for_files(data_dir: Path) -> None:
    """Wait until all spans but those of the last WAL are in segments, and all segments have n-gram indexes."""
    deadline = time.monotonic() + _TIMEOUT
    while files(data_dir, "journal") > 1 or files(data_dir, "grams") < files(data_dir, "parquet"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"files are still missing after {_TIMEOUT:.0f} s")
        time.sleep(_LOOK_SECONDS)


def files(data_dir: Path, kind: str) -> int:
    """The number of finished files, by the end of their names."""
    return sum(1 for _ in data_dir.glob(f"duckdb/traces.*/[0-9]*.{kind}"))
