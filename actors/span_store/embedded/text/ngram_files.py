"""Files that say which text the row groups of a sealed file do not have, so that a search need not read them.

They can be made of the sealed files at any time. One that is damaged, or was made of another file, counts as missing: a
search reads what it has no good file for.
"""

import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import attrs
from isal.isal_zlib import crc32

from actors.span_store.embedded.durable import DISK, Disk
from actors.span_store.embedded.sealed.row_groups import open_segment
from actors.span_store.embedded.sealed.segment_file import segment_path
from actors.span_store.query.text.ngrams import SIZE, NgramCondition
from actors.span_store.query.text.searched_columns import SEARCHED, grams_of_rows

_FORMAT = 2  # another one makes all files anew
_HEAD = struct.Struct("<IIQI")  # format; of the sealed file: number, size, checksum
_CHECKSUM = 4  # bytes


@attrs.frozen
class SealedFile:
    """Identity of a segment, as its number may be given again after the index was lost. Old ones have no checksum."""

    number: int
    size: int
    checksum: int | None

    @property
    def head(self) -> bytes:
        return _HEAD.pack(_FORMAT, self.number, self.size, self.checksum or 0)


class NgramFiles:
    """Folder of the n-gram files. Used by all threads."""

    def __init__(self, folder: Path, segments: Path, disk: Disk = DISK) -> None:
        self._folder = folder
        self._disk = disk
        self._segments = segments

    def names(self) -> set[str]:
        """Names of all files that are there."""
        return {path.name for path in self._folder.glob("*.grams")}

    def remove(self, names: Iterable[str]) -> None:
        """Remove files as far as the disk lets it: one that stays does no harm, and is removed another time."""
        for name in names:
            with suppress(OSError):
                self._disk.unlink(self._folder / name)

    def groups(self, sealed: SealedFile, wanted: NgramCondition) -> list[int] | None:
        """The row groups that fulfil the condition; ``None`` when nothing is known of the file."""
        path = self._folder / name_of(sealed.number)
        try:
            content = memoryview(path.read_bytes())
        except OSError:
            return None
        body = content[_HEAD.size : -_CHECKSUM]
        if content[: _HEAD.size] != sealed.head or content[-_CHECKSUM:] != _sum(content[:-_CHECKSUM]):
            with suppress(OSError):
                self._disk.unlink(path)  # so that it is made again
            return None
        return [begin // SIZE for begin in range(0, len(body), SIZE) if wanted.may_be_in(body[begin : begin + SIZE])]

    def sets(self, sealed: SealedFile) -> Iterator[bytes]:
        """Of its row groups, one after the other: some 20 ms of work each. ``OSError`` or ``ArrowException``."""
        with open_segment(segment_path(self._segments, sealed.number)) as file:
            for group in range(file.num_row_groups):
                yield grams_of_rows(file.read_row_group(group, columns=list(SEARCHED), use_threads=False))

    def make(self, sealed: SealedFile, sets: Iterable[bytes]) -> None:
        """``sets`` are those of its row groups, in order. ``OSError`` when the disk fails, and what they raise."""
        path = self._folder / name_of(sealed.number)
        unfinished = path.with_suffix(".unfinished")
        content = sealed.head + b"".join(sets)
        # Not durable for its own sake: else the system writes hundreds of them in one go, half a minute later, and all
        # commits of that moment wait for it.
        self._disk.write_file(unfinished, content + _sum(content))
        self._disk.rename(unfinished, path)


def name_of(segment: int) -> str:
    return f"{segment:08d}.grams"


def _sum(content: bytes | memoryview) -> bytes:
    return crc32(content).to_bytes(_CHECKSUM, "little")
