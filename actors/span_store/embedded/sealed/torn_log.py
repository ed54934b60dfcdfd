"""The end that a power cut tears of the log of DuckDB.

A commit is durable when DuckDB has synced its log. Of one that was not, any sectors may have arrived. DuckDB takes a
log that ends too early for what it is; where sectors are missing and others behind them are there, it calls the file
corrupt and does not open. There the log is cut off before the entry that is not whole.
"""

import re
from pathlib import Path

from actors.span_store.embedded.durable import Disk

_SECTOR = 512  # bytes
_ENTRY_HEAD = 16  # bytes: size and checksum, before the place that DuckDB names
_NOT_WHOLE = re.compile(r"Corrupt WAL file: entry at byte position (\d+) computed checksum")


def log_of(index: Path) -> Path:
    return index.with_name(f"{index.name}.wal")


def cut_torn_end(index: Path, fault: Exception, disk: Disk) -> bool:
    """Whether the log had a torn end, which is cut off now; ``fault`` is why DuckDB did not open it.

    Torn it is where sectors are missing. A log that was damaged otherwise stays as it is. One that has sectors of zeros
    as well is taken for torn, wrongly: so it is kept in the folder ``damaged``, and the start compares the index that
    is left with the segments, and reports what is missing.
    """
    found, log = _NOT_WHOLE.search(str(fault)), log_of(index)
    if found is None:
        return False
    content = log.read_bytes()
    end = int(found[1]) - _ENTRY_HEAD
    sectors = range(end // _SECTOR * _SECTOR, len(content), _SECTOR)
    if end < 0 or not any(_is_missing(content[max(begin, end) : begin + _SECTOR]) for begin in sectors):
        return False
    disk.set_aside(log, index.parent / "damaged")
    _cut(log, content[:end], disk)
    return True


def _is_missing(sector: bytes) -> bool:
    return not any(sector)


def _cut(log: Path, content: bytes, disk: Disk) -> None:
    """In a file of its own, because the one that is set aside has the same content."""
    unfinished = log.with_name(f"{log.name}.unfinished")
    disk.write_file(unfinished, content)
    disk.rename(unfinished, log)
    disk.sync_folder(log.parent)
