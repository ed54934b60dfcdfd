"""The write-ahead log: record batches in the order in which they were acknowledged.

A file is a magic, then frames of a length, a CRC-32 and so many bytes. The first frame is the Arrow schema, each
further one a record batch (Arrow IPC). What a crash cuts off at the end was never acknowledged.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from actors.span_store.disk import sync, sync_folder
from actors.span_store.rows import ROWS

_MAGIC = b"JUNJOWAL"
_HEADER = struct.Struct("<II")  # length, CRC-32 of the content


class Journal:
    """Appends to one file. ``append`` returns when the batch would survive a power cut."""

    def __init__(self, path: Path) -> None:
        """Open for appending; a new file gets its head. Cut off what is no whole frame first, with ``recover``."""
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.size = os.fstat(self._file).st_size
        if self.size == 0:
            self._write(_MAGIC, ROWS.serialize())
            sync_folder(path.parent)

    def append(self, batch: pa.RecordBatch) -> None:
        """Write one batch. ``OSError`` when the disk does not take it; the file is then as it was before."""
        self._write(b"", batch.serialize())

    def close(self) -> None:
        os.close(self._file)

    def delete(self) -> None:
        self.close()
        self.path.unlink()

    def _write(self, before: bytes, content: pa.Buffer) -> None:
        header = before + _HEADER.pack(content.size, zlib.crc32(content))
        try:
            _write_all(self._file, [memoryview(header), memoryview(content)])
            sync(self._file)
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        self.size += len(header) + content.size


def recover(path: Path) -> tuple[list[pa.RecordBatch], bool]:
    """The batches of a file, whose end is cut off where it is no whole frame; and whether that lost more than an end.

    A frame that is damaged while whole ones follow it was damaged after it was written: everything behind it is moved
    to a file beside, and the second value is True.
    """
    data = memoryview(path.read_bytes())
    batches, good = _whole_frames(data)
    damaged = _is_more_than_a_torn_end(data[good:])
    if damaged:
        path.with_suffix(".damaged").write_bytes(data[good:])
    if good < len(data):
        with path.open("r+b") as file:
            file.truncate(good)
            sync(file.fileno())
    return batches, damaged


def _whole_frames(data: memoryview) -> tuple[list[pa.RecordBatch], int]:
    if bytes(data[: len(_MAGIC)]) != _MAGIC:
        return [], 0
    frames = list(_frames(data, len(_MAGIC)))
    if not frames:
        return [], 0
    schema = pa.ipc.read_schema(pa.py_buffer(frames[0][0]))
    batches = [pa.ipc.read_record_batch(pa.py_buffer(content), schema) for content, _ in frames[1:]]
    return batches, frames[-1][1]


def _frames(data: memoryview, position: int) -> Iterator[tuple[memoryview, int]]:
    """Content and end of each frame, up to the first that is not whole."""
    while position + _HEADER.size <= len(data):
        length, checksum = _HEADER.unpack_from(data, position)
        begin = position + _HEADER.size
        content = data[begin : begin + length]
        if length == 0 or len(content) < length or zlib.crc32(content) != checksum:
            return
        position = begin + length
        yield content, position


def _is_more_than_a_torn_end(rest: memoryview) -> bool:
    """A torn write leaves one incomplete frame, or zeros where a file grew and nothing was written.

    Anything behind the length that the frame states is other damage.
    """
    if len(rest) < _HEADER.size or not any(rest):
        return False
    length, _ = _HEADER.unpack_from(rest, 0)
    return bool(_HEADER.size + length < len(rest))


def _write_all(file: int, parts: list[memoryview]) -> None:
    while parts:
        written = os.writev(file, parts)
        while parts and written >= len(parts[0]):
            written -= len(parts.pop(0))
        if parts:
            parts[0] = parts[0][written:]
