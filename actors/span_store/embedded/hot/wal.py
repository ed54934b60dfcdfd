"""The write-ahead log: record batches in the order in which they were acknowledged.

A file is frames, each of which begins at a multiple of 4096 bytes: a header of 64 bytes, the content, and zeros to the
next multiple. The first frame is the Arrow schema, each further one a record batch (Arrow IPC).

What a crash cuts off at the end was never acknowledged. A power cut may also leave holes in the last write, as sectors
reach a disk in any order. A header tells such an end from damage: it says where the write began that the frame came
with, as only what is before a later write is known to have been whole, and how many of its sectors are zeros anyway.
"""

import errno
import mmap
import os
import struct
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from isal.isal_zlib import crc32

from actors.span_store.columns.conventions import VERSION
from actors.span_store.columns.remap import remapped
from actors.span_store.columns.rows import ROWS
from actors.span_store.columns.types import Booleans
from actors.span_store.embedded.durable import DISK, Disk, written_at

_OWNER_ONLY = 0o600
_BLOCK = 4096  # bytes, as disks want them for writes around the cache of the system
_MARK = b"JUNJOWAL"
_SECTOR = 512  # bytes, the smallest unit that a disk writes or does not
# Mark; length and CRC-32 of the content; sectors that are zeros, and one; where the write began. Earlier versions left
# the last two 0.
_HEADER = struct.Struct("<8sQIIQ32x")
_SECTORS = pa.binary(_SECTOR)
_ZEROS = pa.scalar(bytes(_SECTOR), _SECTORS)
# Of the schema's metadata: a Unix nanosecond; the version of the conventions that its promoted columns follow.
_OPENED_AT, _CONVENTIONS = b"opened_at", b"conventions"
_UNSAID = 1  # the version of those files that do not say it
_BUFFER = 2 * 1024 * 1024  # bytes; frames are larger only when requests are
_MOST_KEPT = 8 * 1024 * 1024
_MOST_OF_HEAD = 64 * 1024  # bytes; a schema has some thousand


class Wal:
    """Appends to one file. ``append`` returns when the batches would survive a power cut."""

    def __init__(
        self, path: Path, memory: mmap.mmap | None = None, opened_at: int | None = None, *, disk: Disk = DISK
    ) -> None:
        """Open for appending; a new file gets its head. An older file goes through ``recover`` first.

        ``opened_at`` is for a new file that takes the place of another.
        """
        self.path = path
        self._disk = disk
        self._file: int | None = disk.open(path, mode=_OWNER_ONLY, around_cache=True)
        self._buffer = memory
        self._torn = False  # behind ``size`` there may be a part of a frame
        self.size = os.fstat(self._file).st_size
        if self.size == 0:
            try:
                self._write(_head(opened_at or time.time_ns()))
                disk.sync_folder(path.parent)
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
        """Give the buffer to another log: new memory comes slowly from the system. This one can go on without."""
        memory, self._buffer = self._buffer, None
        return memory

    def close(self) -> None:
        """Close the file for appending. It stays, and so do its bounds and its size."""
        if self._file is not None:
            self._disk.close(self._file)
            self._file = self._buffer = None

    def delete(self) -> None:
        self.close()
        self._disk.unlink(self.path)

    def _write(self, *contents: pa.Buffer) -> None:
        if self._file is None:
            raise ValueError("the WAL is closed")
        self._cut_torn_end(self._file)  # or what follows it would be lost with it
        frames = self._frames(contents)
        self._torn = True
        try:
            self._disk.write(self._file, frames, self.size)
            self._disk.sync(self._file)
        except OSError:
            with suppress(OSError):  # a disk that fails; the next append tries again
                self._cut_torn_end(self._file)
            raise
        self._torn = False
        self.size += len(frames)

    def _frames(self, contents: Sequence[pa.Buffer]) -> memoryview:
        """Put the frames together in a buffer that is kept. It begins at a page, as writes around the cache must."""
        whole = sum(_end_of_frame(0, content.size) for content in contents)
        if self._buffer is None or not whole <= len(self._buffer) <= max(whole, _MOST_KEPT):
            self._buffer = mmap.mmap(-1, max(whole, _BUFFER), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        frames = memoryview(self._buffer)[:whole]
        begin = 0
        for content in contents:
            middle, end = begin + _HEADER.size, begin + _HEADER.size + content.size
            frames[middle:end] = memoryview(content).cast("B")
            after = _up_to_block(end)
            frames[end:after] = bytes(after - end)
            zeros = _zero_sectors(frames[begin + _SECTOR : after])  # the first one has the header
            _HEADER.pack_into(frames, begin, _MARK, content.size, crc32(content), zeros + 1, self.size)
            begin = after
        return frames

    def _cut_torn_end(self, file: int) -> None:
        if self._torn:
            self._disk.truncate(file, self.size)
            self._torn = False


class WalReader:
    """Reader of a log that is closed, also when the file has lost its name meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)

    def batches(self, begin: int, end: int) -> list[pa.RecordBatch]:
        """Those whose frames lie between two bounds. ``OSError`` when they cannot be read as they were written."""
        data = self._bytes(begin, end)
        contents = [content for _, content in _frames(data)]
        if sum(_end_of_frame(0, len(content)) for content in contents) != len(data):
            raise OSError(errno.EIO, "the WAL is damaged", str(self._path))
        return [pa.ipc.read_record_batch(pa.py_buffer(content), ROWS) for content in contents]

    def _bytes(self, begin: int, end: int) -> bytes:
        data = os.pread(self._file, end - begin, begin)
        while len(data) < end - begin:  # in one piece from nearly all file systems
            more = os.pread(self._file, end - begin - len(data), begin + len(data))
            if not more:
                raise OSError(errno.EIO, "the WAL has lost its end", str(self._path))
            data += more
        return data


def recover(path: Path, damaged: Path, disk: Disk = DISK) -> tuple[list[pa.RecordBatch], bool]:
    """The batches of a file, which can be appended to afterwards; and whether it was damaged. They are durable.

    An end that a crash has torn is cut off. Of a damaged file all frames that are whole come back, also those behind
    the damage: the file is kept in the folder ``damaged``, and one with the whole frames takes its place.
    """
    data, written = path.read_bytes(), written_at(path)
    batches, is_present, end, is_damaged = _read(data)
    if is_damaged or not is_present:
        opened = _opened_at(path)
        if is_damaged:
            disk.set_aside(path, damaged)
        _replace(path, batches, opened, written, disk)
    else:
        _cut(path, end, disk)
    return batches, is_damaged


def _cut(path: Path, size: int, disk: Disk) -> None:
    """Cut a file off behind so many bytes, which a process that was killed may have written without a sync."""
    file = disk.open(path)
    try:
        if size < path.stat().st_size:
            disk.truncate(file, size)
        disk.sync(file)
    finally:
        disk.close(file)


def whole_batches(path: Path) -> tuple[list[pa.RecordBatch], bool]:
    """Read what ``recover`` would return, and change nothing."""
    batches, _, _, is_damaged = _read(path.read_bytes())
    return batches, is_damaged


def _bounds(path: Path) -> list[int]:
    """Find where the first batch begins, and where each one ends, in a file whose frames are whole."""
    bounds, position = [], 0
    with path.open("rb") as file:
        while len(head := file.read(_HEADER.size)) == _HEADER.size:
            _, length, *_ = _HEADER.unpack(head)
            position = file.seek(_end_of_frame(position, length))
            bounds.append(position)
    return bounds


def _read(data: bytes) -> tuple[list[pa.RecordBatch], bool, int, bool]:
    """All batches that count, in present form; whether they are written so; where they end; whether it is damaged.

    Where the frames without gap end, a power cut may have torn the last write, of which nothing behind the gap counts.
    """
    frames = list(_frames(data))
    end = _end_without_gap(frames)
    is_damaged = _is_more_than_a_torn_end(data, end)
    form, is_present, batches = ROWS, True, []
    for begin, content in frames:
        if begin >= end and not is_damaged:
            break
        message = pa.ipc.read_message(pa.py_buffer(content))
        if message.type == "schema":
            schema = pa.ipc.read_schema(message)
            form = schema.remove_metadata()
            is_present = form == ROWS and _conventions(schema) == VERSION
        else:
            batch = pa.ipc.read_record_batch(message, form)
            batches.append(batch if is_present else _in_present_form(batch))
    return batches, is_present, end, is_damaged


def _head(opened_at: int) -> pa.Buffer:
    return ROWS.with_metadata({_OPENED_AT: str(opened_at), _CONVENTIONS: str(VERSION)}).serialize()


def _conventions(schema: pa.Schema) -> int:
    """The version that the promoted columns follow; one that is no number is none of ours."""
    said = (schema.metadata or {}).get(_CONVENTIONS, str(_UNSAID).encode())
    return int(said) if said.isdigit() else 0


def _end_without_gap(frames: Iterable[tuple[int, memoryview]]) -> int:
    end = 0
    for begin, content in frames:
        if begin != end:
            break
        end = _end_of_frame(begin, len(content))
    return end


def _frames(data: bytes) -> Iterator[tuple[int, memoryview]]:
    """Yield place and content of each whole frame. Behind damage, the next frame is looked for."""
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
    _, length, checksum, *_ = _HEADER.unpack_from(data, position)
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

    A torn write leaves the beginning of a frame, or zeros in place of some sectors. What lies before a later write was
    whole once, and a frame of full length whose sum is wrong although no sector is missing was damaged.
    """
    if not any(data[end:]):
        return False
    if any(_write_of(data, begin) > end for begin, _ in _frames(data) if begin >= end):
        return True
    rest = data[end : end + _HEADER.size]
    if len(rest) < _HEADER.size:
        return not _MARK.startswith(rest[: len(_MARK)])
    if not rest.startswith(_MARK):
        return any(data[end : end + _SECTOR])
    _, length, _, zeros, _ = _HEADER.unpack(rest)
    after = _end_of_frame(end, length)
    return after <= len(data) and (zeros == 0 or _zero_sectors(memoryview(data)[end:after]) < zeros)


def _write_of(data: bytes, begin: int) -> int:
    """Where the write began that a frame came with. An earlier version had one frame in a write, as far as is known."""
    *_, zeros, write = _HEADER.unpack_from(data, begin)
    return write if zeros else begin + 1


def _zero_sectors(data: memoryview) -> int:
    """How many sectors are nothing but zeros. Quick: nearly all others differ in their first byte."""
    sectors = pa.FixedSizeBinaryArray.from_buffers(_SECTORS, len(data) // _SECTOR, [None, pa.py_buffer(data)])
    are_zeros: Booleans = pc.equal(sectors, _ZEROS)
    return int(pc.sum(are_zeros).as_py() or 0)


def _in_present_form(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch of an earlier version, with its promoted columns derived anew."""
    [whole] = remapped(pa.Table.from_batches([batch])).combine_chunks().to_batches()
    return whole


def _opened_at(path: Path) -> int:
    with path.open("rb") as file:
        content = _frame_at(file.read(_MOST_OF_HEAD), 0)
    try:
        opened_at = int(pa.ipc.read_schema(pa.py_buffer(content or b"")).metadata[_OPENED_AT])
    except (pa.ArrowException, TypeError, KeyError, ValueError):  # damaged, or of an earlier version
        opened_at = written_at(path)
    return min(opened_at, written_at(path))


def _replace(path: Path, batches: Sequence[pa.RecordBatch], opened_at: int, written: int, disk: Disk = DISK) -> None:
    """Put a new file with these batches in place of the old one, in one step. It is as old as that one."""
    unfinished = path.with_suffix(".unfinished")
    disk.unlink(unfinished, missing_ok=True)
    journal = Wal(unfinished, opened_at=opened_at, disk=disk)
    for batch in batches:
        journal.append(batch)
    journal.close()
    os.utime(unfinished, ns=(written, written))
    disk.rename(unfinished, path)
    disk.sync_folder(path.parent)
