"""The write-ahead log: record batches in the order in which they were acknowledged.

A file is frames, each of which begins at a multiple of 4096 bytes: a mark, a length, a CRC-32, padding to 64 bytes,
then so many bytes of content, and zeros to the next multiple. The first frame is the Arrow schema, each further one a
record batch (Arrow IPC). What a crash cuts off at the end was never acknowledged.
"""

import errno
import mmap
import os
import struct
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
from isal.isal_zlib import crc32

from actors.span_store.columns.remap import in_present_form
from actors.span_store.columns.rows import ROWS
from actors.span_store.embedded.durable import open_around_cache, set_aside, sync, sync_folder, write_whole, written_at

_BLOCK = 4096  # bytes, as disks want them for writes around the cache of the system
_MARK = b"JUNJOWAL"
_HEADER = struct.Struct("<8sQI44x")  # mark, length and CRC-32 of the content
_OPENED_AT = b"opened_at"  # of the schema's metadata: a Unix nanosecond
_BUFFER = 2 * 1024 * 1024  # bytes; frames are larger only when requests are
_MOST_KEPT = 8 * 1024 * 1024
_MOST_OF_HEAD = 64 * 1024  # bytes; a schema has some thousand


class Wal:
    """Appends to one file. ``append`` returns when the batches would survive a power cut."""

    def __init__(self, path: Path, memory: mmap.mmap | None = None, opened_at: int | None = None) -> None:
        """Open for appending; a new file gets its head. An older file goes through ``recover`` first.

        ``opened_at`` is for a new file that takes the place of another.
        """
        self.path = path
        self._file: int | None = open_around_cache(path)
        self._buffer = memory
        self._torn = False  # behind ``size`` there may be a part of a frame
        self.size = os.fstat(self._file).st_size
        if self.size == 0:
            try:
                self._write(ROWS.with_metadata({_OPENED_AT: str(opened_at or time.time_ns())}).serialize())
                sync_folder(path.parent)
            except OSError:
                self.close()
                raise
        self.bounds = _bounds(path)  # where the frame of each batch begins, and where the last one ends

    @property
    def opened_at(self) -> int:
        """The Unix nanosecond before which none of its spans arrived; for files of earlier versions, the last did."""
        return _opened_at(self.path)

    @property
    def written_at(self) -> int:
        """The Unix nanosecond when all of its spans had arrived."""
        return written_at(self.path)

    def put_arrival(self, arrival: Callable[[int], int]) -> None:
        """Let it have been written when this says, given when the file system says that it was."""
        with suppress(OSError):  # it was sealed meanwhile
            written = self.path.stat().st_mtime_ns
            if (arrived := arrival(written)) != written:
                os.utime(self.path, ns=(arrived, arrived))

    def append(self, *batches: pa.RecordBatch) -> list[pa.RecordBatch]:
        """Write the batches. ``OSError`` when the disk does not take them; none is in the file then.

        Returns the same rows, those of a batch in one piece of memory, so that whatever they were made from can go.
        """
        contents = [batch.serialize() for batch in batches]
        self._write(*contents)
        for content in contents:
            self.bounds.append(_end_of_frame(self.bounds[-1], content.size))
        return [
            pa.ipc.read_record_batch(content, batch.schema) for content, batch in zip(contents, batches, strict=True)
        ]

    def give_memory(self) -> mmap.mmap | None:
        """What it wrote from so far, for another one: from the system, memory comes slowly. It can go on without."""
        memory, self._buffer = self._buffer, None
        return memory

    def close(self) -> None:
        """Nothing is appended any more. The file stays, and so does what is known of it."""
        if self._file is not None:
            os.close(self._file)
            self._file = self._buffer = None

    def delete(self) -> None:
        self.close()
        self.path.unlink()

    def _write(self, *contents: pa.Buffer) -> None:
        if self._file is None:
            raise ValueError("the journal is closed")
        self._cut_torn_end(self._file)  # or what follows it would be lost with it
        frames = self._frames(contents)
        self._torn = True
        try:
            write_whole(self._file, frames, self.size)
            sync(self._file)
        except OSError:
            with suppress(OSError):  # a disk that fails; the next append tries again
                self._cut_torn_end(self._file)
            raise
        self._torn = False
        self.size += len(frames)

    def _frames(self, contents: Sequence[pa.Buffer]) -> memoryview:
        """Put together in memory of one's own: it lies at the beginning of a page, and is not got from the system."""
        whole = sum(_end_of_frame(0, content.size) for content in contents)
        if self._buffer is None or not whole <= len(self._buffer) <= max(whole, _MOST_KEPT):
            self._buffer = mmap.mmap(-1, max(whole, _BUFFER), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        frames = memoryview(self._buffer)[:whole]
        begin = 0
        for content in contents:
            middle, end = begin + _HEADER.size, begin + _HEADER.size + content.size
            _HEADER.pack_into(frames, begin, _MARK, content.size, crc32(content))
            frames[middle:end] = memoryview(content).cast("B")
            begin = _up_to_block(end)
            frames[end:begin] = bytes(begin - end)
        return frames

    def _cut_torn_end(self, file: int) -> None:
        if self._torn:
            os.ftruncate(file, self.size)
            self._torn = False


class WalReader:
    """Reads batches of a journal that is closed, also when the file has lost its name meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)

    def batches(self, begin: int, end: int) -> list[pa.RecordBatch]:
        """Those whose frames lie between two bounds. ``OSError`` when they cannot be read as they were written."""
        data = self._bytes(begin, end)
        contents = [content for _, content in _frames(data)]
        if sum(_end_of_frame(0, len(content)) for content in contents) != len(data):
            raise OSError(errno.EIO, "the journal is damaged", str(self._path))
        return [pa.ipc.read_record_batch(pa.py_buffer(content), ROWS) for content in contents]

    def _bytes(self, begin: int, end: int) -> bytes:
        data = os.pread(self._file, end - begin, begin)
        while len(data) < end - begin:  # in one piece from nearly all file systems
            more = os.pread(self._file, end - begin - len(data), begin + len(data))
            if not more:
                raise OSError(errno.EIO, "the journal has lost its end", str(self._path))
            data += more
        return data


def recover(path: Path, damaged: Path) -> tuple[list[pa.RecordBatch], bool]:
    """The batches of a file, which can be appended to afterwards; and whether it was damaged.

    An end that a crash has torn is cut off. Of a damaged file all frames that are whole come back, also those behind
    the damage: the file is kept in the folder ``damaged``, and one with the whole frames takes its place.
    """
    data, written = path.read_bytes(), written_at(path)
    batches, form, end = _read(data)
    is_damaged = _is_more_than_a_torn_end(data, end)
    if is_damaged or form != ROWS:
        opened = _opened_at(path)
        if is_damaged:
            set_aside(path, damaged)
        _replace(path, batches, opened, written)
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


def _bounds(path: Path) -> list[int]:
    """Of a file whose frames are whole: where the first one behind the schema begins, and where each one ends."""
    bounds, position = [], 0
    with path.open("rb") as file:
        while len(head := file.read(_HEADER.size)) == _HEADER.size:
            _, length, _ = _HEADER.unpack(head)
            position = file.seek(_end_of_frame(position, length))
            bounds.append(position)
    return bounds


def _read(data: bytes) -> tuple[list[pa.RecordBatch], pa.Schema, int]:
    """All whole batches in our form, the form in which they are written, and where the frames without gap end."""
    form, end, batches = ROWS, 0, []
    for begin, content in _frames(data):
        if begin == end:
            end = _end_of_frame(begin, len(content))
        message = pa.ipc.read_message(pa.py_buffer(content))
        if message.type == "schema":
            form = pa.ipc.read_schema(message).remove_metadata()
        else:
            batches.append(_in_present_form(pa.ipc.read_record_batch(message, form)))
    return batches, form, end


def _frames(data: bytes) -> Iterator[tuple[int, memoryview]]:
    """Place and content of each whole frame. Behind what is none, the next one is looked for."""
    position = 0
    while position < len(data):
        content = _frame_at(data, position)
        if content is None:
            position += _BLOCK
        else:
            yield position, content
            position = _end_of_frame(position, len(content))


def _frame_at(data: bytes, position: int) -> memoryview | None:
    if not data.startswith(_MARK, position) or position + _HEADER.size > len(data):
        return None
    _, length, checksum = _HEADER.unpack_from(data, position)
    if not 0 < length <= _end_of_frame(position, length) <= len(data):
        return None
    content = memoryview(data)[position + _HEADER.size :][:length]
    return content if crc32(content) == checksum else None


def _end_of_frame(begin: int, length: int) -> int:
    return begin + _up_to_block(_HEADER.size + length)


def _up_to_block(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _is_more_than_a_torn_end(data: bytes, end: int) -> bool:
    """Whether something is lost that may have been acknowledged.

    A torn write leaves the beginning of one frame, or zeros where a file grew and nothing was written. A frame of full
    length whose sum is wrong was damaged, and so was one with another behind it.
    """
    rest = data[end : end + _HEADER.size]
    if not any(data[end:]) or (_MARK.startswith(rest[: len(_MARK)]) and len(rest) < _HEADER.size):
        return False
    if not rest.startswith(_MARK):
        return True
    _, length, _ = _HEADER.unpack(rest)
    return _end_of_frame(end, length) <= len(data) or any(begin >= end for begin, _ in _frames(data))


def _in_present_form(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch of this version or an earlier one."""
    if batch.schema == ROWS:
        return batch
    [whole] = in_present_form(pa.Table.from_batches([batch])).combine_chunks().to_batches()
    return whole


def _opened_at(path: Path) -> int:
    with path.open("rb") as file:
        content = _frame_at(file.read(_MOST_OF_HEAD), 0)
    try:
        opened_at = int(pa.ipc.read_schema(pa.py_buffer(content or b"")).metadata[_OPENED_AT])
    except (pa.ArrowException, TypeError, KeyError, ValueError):  # damaged, or of an earlier version
        opened_at = written_at(path)
    return min(opened_at, written_at(path))


def _replace(path: Path, batches: Sequence[pa.RecordBatch], opened_at: int, written: int) -> None:
    """Write a new file with these batches, in one step. It is as old as the one before."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    journal = Wal(unfinished, opened_at=opened_at)
    for batch in batches:
        journal.append(batch)
    journal.close()
    os.utime(unfinished, ns=(written, written))
    unfinished.rename(path)
    sync_folder(path.parent)
