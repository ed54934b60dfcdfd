"""Reads segments so that a damaged one does not keep the others from being read."""

import errno
from collections.abc import Callable

import duckdb
import pyarrow as pa

from actors.span_store.embedded.problems import Problems
from actors.span_store.embedded.sealed.index import is_listed


class Damage:
    """Leaves out what cannot be read, and reports it. Used by all readers' threads."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def skipped(self, cursor: duckdb.DuckDBPyConnection, file: str, read: Callable[[], pa.Table]) -> pa.Table | None:
        """What ``read`` returns of this segment; ``None`` when the file is damaged or gone without the index's knowing.

        Other faults are raised: too many open files say nothing about this one.
        """
        try:
            return read()
        except (OSError, pa.ArrowException) as fault:
            # The index is asked as it is now: a deletion may have replaced the segment meanwhile.
            if not _is_damage(fault) or not is_listed(cursor, file):
                raise
            what = "missing" if isinstance(fault, FileNotFoundError) else "damaged"
            self._problems.found(f"segment {file}", f"The segment {file} is {what}: its spans are not shown", fault)
            return None


def _is_damage(fault: Exception) -> bool:
    """Arrow says ``OSError`` without a number when it cannot decode."""
    if isinstance(fault, OSError):
        return fault.errno in (None, errno.EIO, errno.ENOENT)
    return not isinstance(fault, MemoryError | pa.ArrowCancelled)
