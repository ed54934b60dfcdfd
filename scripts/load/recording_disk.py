"""A disk that remembers what it was asked for, where nothing else can record it."""

import threading
from pathlib import Path

from actors.span_store.embedded.durable import Disk
from scripts.load.disk_history import History, Mark, Name, Resize, Sync, Write
from scripts.load.faulty_disk import Fault, FaultyDisk


class RecordingDisk(FaultyDisk):
    """Of the files below one folder, and only of those that are changed through it: none of DuckDB or SQLite.

    One operation at a time, so that their order is that of the history.
    """

    def __init__(self, folder: Path, *faults: Fault) -> None:
        super().__init__(*faults)
        self.history = History()
        self._folder = folder
        self._turn = threading.RLock()
        self._inodes: dict[int, int] = {}  # of open files

    def mark(self, text: str) -> None:
        with self._turn:
            self.history.add(Mark(text))

    def open(self, path: Path, *, mode: int = 0o666, around_cache: bool = False, empty: bool = False) -> int:
        with self._turn:
            file = super().open(path, mode=mode, around_cache=around_cache, empty=empty)
            inode = self.history.find(self._parts(path))
            if inode is None:
                inode = self.history.new_inode()
                self._name(path, inode)
            elif empty:
                self.history.add(Resize(inode, 0))
            self._inodes[file] = inode
            return file

    def write(self, file: int, data: memoryview | bytes, place: int) -> None:
        with self._turn:
            super().write(file, data, place)
            self.history.add(Write(self._inodes[file], place, bytes(data)))

    def truncate(self, file: int, size: int) -> None:
        with self._turn:
            super().truncate(file, size)
            self.history.add(Resize(self._inodes[file], size))

    def sync(self, file: int) -> None:
        with self._turn:
            super().sync(file)
            self.history.add(Sync(self._inodes[file], len(self.history.changes)))

    def sync_folder(self, folder: Path) -> None:
        with self._turn:
            super().sync_folder(folder)
            inode = self.history.find(self._parts(folder))
            if inode is not None:
                self.history.add(Sync(inode, len(self.history.changes)))

    def rename(self, old: Path, new: Path) -> None:
        with self._turn:
            super().rename(old, new)
            folder = self.history.find(self._parts(old.parent)) or 0
            self._name(new, self.history.find(self._parts(old)), (folder, old.name))

    def unlink(self, path: Path, *, missing_ok: bool = False) -> None:
        with self._turn:
            super().unlink(path, missing_ok=missing_ok)
            self._name(path, None)

    def make_folder(self, folder: Path) -> None:
        with self._turn:
            if folder.is_relative_to(self._folder) and self.history.find(self._parts(folder)) is None:
                self._name(folder, self.history.new_inode(is_folder=True))
            Disk.make_folder(self, folder)

    def _name(self, path: Path, inode: int | None, taken: tuple[int, str] | None = None) -> None:
        folder = self.history.find(self._parts(path.parent))
        if folder is None:
            raise ValueError(f"in a folder that was never made: {path}")
        self.history.add(Name(folder, path.name, inode, taken))

    def _parts(self, path: Path) -> tuple[str, ...]:
        return path.relative_to(self._folder).parts if path.is_relative_to(self._folder) else ("..",)
