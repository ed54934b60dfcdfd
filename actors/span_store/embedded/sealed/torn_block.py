"""A block of DuckDB's metadata that a power cut has torn.

At a checkpoint DuckDB writes the parts of such a block that are free, and with them the whole block anew in its place,
before the header says that they count. Where not all sectors have arrived, the parts that count are as they were, as
they are the same in both, but the checksum is that of another block: DuckDB calls the file corrupt and does not open.

Its log says whether a checkpoint was going on. Where there is none, a block that the disk has changed looks the same:
so the file as it was is kept.
"""

import re
import shutil
import struct
from pathlib import Path

import structlog

from actors.span_store.embedded.durable import Disk
from actors.span_store.embedded.sealed.torn_log import log_of

log = structlog.get_logger(__name__)

_OTHER_SUM = re.compile(
    r"Corrupt database file: computed checksum (\d+) does not match stored checksum (\d+) in block at location (\d+)"
)
_SUM = struct.Struct("<Q")  # a block begins with it
_HEAD = struct.Struct("<QQ")  # of an entry of the log: size and checksum
_CHECKPOINT = b"\x64\x00\x63"  # an entry of this kind begins so
_MOST_OF_ENTRY = 64  # bytes
_END_OF_COMMIT = _HEAD.size + 5  # bytes


def mend_torn_block(index: Path, fault: Exception, disk: Disk, *, is_original: bool = True) -> bool:
    """Whether a checkpoint was torn, and the block has the checksum of what is there now.

    ``fault`` is why DuckDB did not open it. A file whose log says that no checkpoint was going on stays as it is. One
    without a log is kept in the folder ``damaged`` if it ``is_original``, and not mended in another place before;
    ``OSError`` when that cannot be done.
    """
    found = _OTHER_SUM.search(str(fault))
    if found is None or not _may_be_in_checkpoint(log_of(index)):
        return False
    computed, stored, place = (int(number) for number in found.groups())
    with index.open("rb") as content:
        content.seek(place)
        if content.read(_SUM.size) != _SUM.pack(stored):
            return False
    write = _replace if is_original and not log_of(index).exists() else _write
    write(index, _SUM.pack(computed), place, disk)
    return True


def _write(path: Path, data: bytes, place: int, disk: Disk) -> None:
    file = disk.open(path)
    try:
        disk.write(file, data, place)  # within a sector
        disk.sync(file)
    finally:
        disk.close(file)


def _replace(index: Path, data: bytes, place: int, disk: Disk) -> None:
    """Write into a copy, which gets the name: what is set aside is the file itself, under a second name."""
    unfinished = index.with_name(f"{index.name}.unfinished")
    shutil.copyfile(index, unfinished)
    _write(unfinished, data, place, disk)
    kept = disk.set_aside(index, index.parent / "damaged")
    disk.rename(unfinished, index)
    disk.sync_folder(index.parent)
    log.warning("a block of the span index had a wrong checksum and no log says why: the file is kept", kept=str(kept))


def _may_be_in_checkpoint(log: Path) -> bool:
    """Its last entry says so, and is durable before the blocks are written; but the log may not have its name yet."""
    try:
        content = log.read_bytes()
    except FileNotFoundError:
        return True
    end = len(content) - _END_OF_COMMIT
    for size in range(len(_CHECKPOINT), min(_MOST_OF_ENTRY, end - _HEAD.size) + 1):
        begin = end - size
        if content.startswith(_CHECKPOINT, begin) and _HEAD.unpack_from(content, begin - _HEAD.size)[0] == size:
            return True
    return False
