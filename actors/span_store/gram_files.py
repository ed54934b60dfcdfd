"""Files that say which text the row groups of a sealed file do not have, so that a search need not read them.

They are made of the sealed files, can be lost, and are made again. One that is damaged, or was made of another file,
counts as missing: a search reads what it has no good file for.
"""

import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

import attrs
import pyarrow as pa
from isal.isal_zlib import crc32

from actors.span_store.attribute_column import STORED, Pairs
from actors.span_store.disk import sync
from actors.span_store.grams import SIZE, Sought, grams_of
from actors.span_store.row_groups import open_segment
from actors.span_store.segments import segment_path

PLAIN = ("name", "status_message")
SEARCHED = (STORED, "events_json", *PLAIN)  # where text is looked for
_FORMAT = 1  # another one makes all files anew
_HEAD = struct.Struct("<IIQI")  # format; of the sealed file: number, size, checksum
_CHECKSUM = 4  # bytes


@attrs.frozen
class SealedFile:
    """Which file it is. A number alone may mean another one after the index was lost. An old file has no checksum."""

    number: int
    size: int
    checksum: int | None

    @property
    def head(self) -> bytes:
        return _HEAD.pack(_FORMAT, self.number, self.size, self.checksum or 0)


class GramFiles:
    """The folder of these files, for all threads."""

    def __init__(self, folder: Path, segments: Path) -> None:
        self._folder = folder
        self._segments = segments

    def names(self) -> set[str]:
        """Of all that are there."""
        return {path.name for path in self._folder.glob("*.grams")}

    def remove(self, names: Iterable[str]) -> None:
        """As far as the disk lets it: what stays does no harm, and is removed another time."""
        for name in names:
            with suppress(OSError):
                (self._folder / name).unlink()

    def groups(self, sealed: SealedFile, sought: Sought) -> list[int] | None:
        """The row groups that may have the text; ``None`` when nothing is known of the file."""
        path = self._folder / name_of(sealed.number)
        try:
            content = memoryview(path.read_bytes())
        except OSError:
            return None
        body = content[_HEAD.size : -_CHECKSUM]
        if content[: _HEAD.size] != sealed.head or content[-_CHECKSUM:] != _sum(content[:-_CHECKSUM]):
            with suppress(OSError):
                path.unlink()  # so that it is made again
            return None
        return [begin // SIZE for begin in range(0, len(body), SIZE) if sought.may_be_in(body[begin : begin + SIZE])]

    def make(self, sealed: SealedFile) -> None:
        """Read the sealed file, a row group at a time. ``OSError`` or ``ArrowException`` when it or the disk fails."""
        path = self._folder / name_of(sealed.number)
        unfinished = path.with_suffix(".unfinished")
        try:
            content = _content(sealed, segment_path(self._segments, sealed.number))
            with unfinished.open("wb") as file:
                file.write(content)
                file.flush()
                # Not for its own sake: else the system writes hundreds of them in one go, half a minute later, and all
                # commits of that moment wait for it.
                sync(file.fileno())
            unfinished.rename(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise


def name_of(segment: int) -> str:
    return f"{segment:08d}.grams"


def _content(sealed: SealedFile, path: Path) -> bytes:
    with open_segment(path) as file:
        groups = (
            file.read_row_group(group, columns=SEARCHED, use_threads=False) for group in range(file.num_row_groups)
        )
        content = sealed.head + b"".join(grams_of(b"".join(_texts(rows))) for rows in groups)
    return content + _sum(content)


def _sum(content: bytes | memoryview) -> bytes:
    return crc32(content).to_bytes(_CHECKSUM, "little")


def _texts(rows: pa.Table) -> Iterator[pa.Buffer]:
    """All text in which ``SEARCHED`` is looked for, once each, as the memory that Arrow has it in."""
    parts = [(pairs.keys, pairs.texts, pairs.others) for pairs in map(Pairs, rows[STORED].chunks)]
    for texts in (*chain.from_iterable(parts), *(rows[name] for name in SEARCHED[1:])):
        yield texts.unique().buffers()[2] or b""
