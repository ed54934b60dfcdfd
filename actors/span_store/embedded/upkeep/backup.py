"""A copy of everything at one moment, made while the studio runs.

The copy has the layout of a data folder, so a studio runs on it; its files are plain Parquet, DuckDB and SQLite.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import duckdb

from actors.span_store.embedded.hot.memtable import Memtable
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.sealed import index
from actors.span_store.messages import FilePart
from actors.sqlite import copy_committed

_PART_BYTES = 1024 * 1024
_INDEX = "duckdb/traces.duckdb"
_SEGMENTS = "duckdb/traces.segments"
_JOURNALS = "duckdb/traces.journals"
_ACCOUNTS = "sqlite/junjo.db"


@attrs.frozen
class CopiedFile:
    """One file of a backup: its name there, where it is read, and how many of its bytes count."""

    name: str
    path: Path
    size: int


class Snapshot:
    """Files that stay as they are in a folder of their own, until ``remove``.

    Segments and journals are linked and not copied: a segment never changes, and of a journal, which only grows, as
    many bytes count as it had. So the folder needs the space of the index and of the accounts only.
    """

    def __init__(self, folders: Folders) -> None:
        _folder_of(folders).mkdir(exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(dir=_folder_of(folders)))
        self._folders = folders
        self._files: list[CopiedFile] = []

    def take_spans(self, connection: duckdb.DuckDBPyConnection, memtables: Sequence[Memtable]) -> None:
        """Take what the span store has. In the sealing thread, which is the one that could change the index."""
        for memtable in memtables:
            path = memtable.wal.path
            self._keep(f"{_JOURNALS}/{path.name}", path, memtable.wal.size)
        for file in sorted(index.segment_files(connection)):
            path = self._folders.segments / file
            if path.exists():  # else it was lost before, which the copy shows as the original does
                self._keep(f"{_SEGMENTS}/{file}", path, path.stat().st_size)
        index.checkpoint(connection)  # so that the file is whole without its log
        self._add(_INDEX, Path(shutil.copyfile(self._folders.index, self._folder / "index")))

    def take_accounts(self, accounts: Path) -> None:
        """Take what the actors that share the SQLite file have committed."""
        copy = self._folder / "accounts"
        copy_committed(accounts, copy)
        self._add(_ACCOUNTS, copy)

    def parts(self) -> Iterator[FilePart]:
        """All files, one after the other, each in parts of a megabyte."""
        for file in self._files:
            with file.path.open("rb") as content:
                for offset in range(0, max(file.size, 1), _PART_BYTES):
                    part = content.read(min(_PART_BYTES, file.size - offset))
                    yield FilePart(name=file.name, size=file.size, offset=offset, content=part)

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _keep(self, name: str, path: Path, size: int) -> None:
        kept = self._folder / path.name
        try:
            kept.hardlink_to(path)
        except OSError:  # some file systems have no links
            shutil.copyfile(path, kept)
        self._files.append(CopiedFile(name, kept, size))

    def _add(self, name: str, path: Path) -> None:
        self._files.append(CopiedFile(name, path, path.stat().st_size))


def remove_leftovers(folders: Folders) -> None:
    """Snapshots that a crash left."""
    shutil.rmtree(_folder_of(folders), ignore_errors=True)


def _folder_of(folders: Folders) -> Path:
    return folders.index.with_suffix(".backups")
