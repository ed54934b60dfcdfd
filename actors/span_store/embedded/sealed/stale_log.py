"""A log of DuckDB that came back: of before a checkpoint that is in the file.

DuckDB removes its log after a checkpoint, and begins the next one without making that durable. A power cut that comes
after two checkpoints may leave the log of before the first one. All its entries are in the file, as a checkpoint takes
over the whole log; DuckDB leaves such a log alone after one checkpoint, and after two it does not open the file.
"""

import re
from pathlib import Path

from actors.span_store.embedded.durable import Disk
from actors.span_store.embedded.sealed.torn_log import log_of

_OTHER_ITERATION = re.compile(r"File checkpoint iteration: (\d+), WAL checkpoint iteration: (\d+)")


def drop_stale_log(index: Path, fault: Exception, disk: Disk) -> bool:
    """Whether the log was older than the file, and is gone now; ``fault`` is why DuckDB did not open it.

    It is kept in the folder ``damaged``. A log that is newer than the file stays: entries of it may be missing there.
    """
    found = _OTHER_ITERATION.search(str(fault))
    if found is None or int(found[2]) >= int(found[1]):
        return False
    log = log_of(index)
    disk.set_aside(log, index.parent / "damaged")
    disk.unlink(log)
    disk.sync_folder(log.parent)
    return True
