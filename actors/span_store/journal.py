"""The write-ahead log: record batches in the order in which they were acknowledged.

A file is a magic, then frames of a length, a CRC-32 and so many bytes. The first frame is the Arrow schema, each
further one a record batch (Arrow IPC). What a crash cuts off at the end was never acknowledged.
"""

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from actors.span_store.disk import set_aside, sync, sync_folder
from actors.span_store.rows import ROWS

_MAGIC = b"JUNJOWAL"
_HEADER = struct.Struct("<II")  # length, CRC-32 of the content
_MESSAGE = b"\xff\xff\xff\xff"  # what the content of every frame begins with (Arrow IPC)


class Journal:
    """Appends to one file. ``append`` returns when the batch would survive a power cut."""

    def __init__(self, path: Path) -> None:
        """Open for appending; a new file gets its head. An older file goes through ``recover`` first."""
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._torn = False  # behind ``size`` there may be a part of a frame
        self.size = os.fstat(self._file).st_size
        if self.size == 0:
            try:
                self._write(_MAGIC, ROWS.serialize())
                sync_folder(path.parent)
            except OSError:
                os.close(self._file)
                raise

    def append(self, batch: pa.RecordBatch) -> None:
        """Write one batch. ``OSError`` when the disk does not take it; it is not in the file then."""
        self._write(b"", batch.serialize())

    def close(self) -> None:
        os.close(self._file)

    def delete(self) -> None:
        self.close()
        self.path.unlink()

    def _write(self, before: bytes, content: pa.Buffer) -> None:
        self._cut_torn_end()  # or what follows it would be lost with it
        header = before + _HEADER.pack(content.size, zlib.crc32(content))
        self._torn = True
        try:
            _write_all(self._file, [memoryview(header), memoryview(content)])
            sync(self._file)
        except OSError:
            with suppress(OSError):  # a disk that fails; the next append tries again
                self._cut_torn_end()
            raise
        self._torn = False
        self.size += len(header) + content.size

    def _cut_torn_end(self) -> None:
        if self._torn:
            os.ftruncate(self._file, self.size)
            self._torn = False


def recover(path: Path, damaged: Path) -> tuple[list[pa.RecordBatch], bool]:
    """The batches of a file, which can be appended to afterwards; and whether it was damaged.

    An end that a crash has torn is cut off. Of a damaged file all frames that are whole come back, also those behind
    the damage: the file is kept in the folder ``damaged``, and one with the whole frames takes its place.
    """
    data = path.read_bytes()
    batches, form, end = _read(data)
    is_damaged = _is_more_than_a_torn_end(data, end)
    if is_damaged:
        set_aside(path, damaged)
    if is_damaged or form != ROWS:
        _replace(path, batches)
    elif end < len(data):
        with path.open("r+b") as file:
            file.truncate(end)
            sync(file.fileno())
    return batches, is_damaged


def whole_batches(path: Path) -> tuple[list[pa.RecordBatch], bool]:
    """What ``recover`` would give; nothing is changed."""
    data = path.read_bytes()
    batches, _, end = _read(data)
    return batches, _is_more_than_a_torn_end(data, end)


def _read(data: bytes) -> tuple[list[pa.RecordBatch], pa.Schema, int]:
    """All whole batches in our form, the form in which they are written, and where the frames without gap end."""
    form, end, batches = ROWS, 0, []
    position = len(_MAGIC) if data.startswith(_MAGIC) else 0
    for begin, content in _frames(data):
        if begin == position:
            position = end = begin + _HEADER.size + len(content)
        message = pa.ipc.read_message(pa.py_buffer(content))
        if message.type == "schema":
            form = pa.ipc.read_schema(message)
        else:
            batches.append(_in_our_form(pa.ipc.read_record_batch(message, form)))
    return batches, form, end


def _frames(data: bytes) -> Iterator[tuple[int, memoryview]]:
    """Place and content of each whole frame. Behind what is none, the next one is looked for."""
    position = len(_MAGIC)
    while position >= 0:
        content = _frame_at(data, position)
        if content is None:
            position = _next_candidate(data, position)
        else:
            yield position, content
            position += _HEADER.size + len(content)


def _frame_at(data: bytes, position: int) -> memoryview | None:
    if position + _HEADER.size > len(data):
        return None
    length, checksum = _HEADER.unpack_from(data, position)
    content = memoryview(data)[position + _HEADER.size : position + _HEADER.size + length]
    return content if 0 < length == len(content) and zlib.crc32(content) == checksum else None


def _next_candidate(data: bytes, position: int) -> int:
    """The next place behind where a frame may begin; -1 when there is none."""
    found = data.find(_MESSAGE, position + 1 + _HEADER.size)
    while found >= 0 and _HEADER.unpack_from(data, found - _HEADER.size)[0] % 8:  # Arrow's messages are padded
        found = data.find(_MESSAGE, found + 1)
    return found - _HEADER.size if found >= 0 else -1


def _is_more_than_a_torn_end(data: bytes, end: int) -> bool:
    """Whether something is lost that may have been acknowledged.

    A torn write leaves the beginning of one frame, or zeros where a file grew and nothing was written. A frame of full
    length whose sum is wrong was damaged, and so was one with another behind it.
    """
    rest = data[end:]
    if end == 0 and _MAGIC.startswith(rest[: len(_MAGIC)]):
        rest = rest[len(_MAGIC) :]
    elif end == 0:
        return any(rest)
    if len(rest) < _HEADER.size or not any(rest):
        return False
    length, _ = _HEADER.unpack_from(rest, 0)
    return bool(_HEADER.size + length <= len(rest)) or any(begin >= end for begin, _ in _frames(data))


def _in_our_form(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch of an older version: columns that it does not have are empty."""
    if batch.schema == ROWS:
        return batch
    have = set(batch.schema.names)
    columns = [
        batch[field.name].cast(field.type) if field.name in have else pa.nulls(batch.num_rows, field.type)
        for field in ROWS
    ]
    return pa.RecordBatch.from_arrays(columns, schema=ROWS)


def _replace(path: Path, batches: Sequence[pa.RecordBatch]) -> None:
    """Write a new file with these batches, in one step."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    journal = Journal(unfinished)
    for batch in batches:
        journal.append(batch)
    journal.close()
    unfinished.rename(path)
    sync_folder(path.parent)


def _write_all(file: int, parts: list[memoryview]) -> None:
    while parts:
        written = os.writev(file, parts)
        while parts and written >= len(parts[0]):
            written -= len(parts.pop(0))
        if parts:
            parts[0] = parts[0][written:]
