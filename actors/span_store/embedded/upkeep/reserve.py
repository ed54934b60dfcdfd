"""Space on the disk that is reserved for deletions, which write before they free."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog

from actors.span_store.embedded.durable import DISK, Disk

log = structlog.get_logger(__name__)

_OWNER_ONLY = 0o600
_MEGABYTE = 1024 * 1024
_LEAST_BYTES, _MOST_BYTES = 8 * _MEGABYTE, 64 * _MEGABYTE
_WORTH_IT = _MEGABYTE  # bytes that are stored, below which there is nothing to free
_SHARE_OF_STORED, _SHARE_OF_DISK = 4, 16  # one part of so many


class Reserve:
    """A file of allocated space that is removed when the disk is full and something is to be deleted.

    A deletion writes before it frees: the audit trail, the intent, a file without the spans, the index. While the
    reserve is spent no spans are taken, which would be in its place at once.
    """

    def __init__(self, path: Path, disk: Disk = DISK) -> None:
        self._disk = disk
        self._path = path
        self._deletions = 0  # that are under way
        self._stored = 0  # bytes, when it was last looked
        self.is_spent = False

    @asynccontextmanager
    async def freeing(self) -> AsyncIterator[None]:
        """Give the reserve up for the length of the block if there is no other room."""
        self._deletions += 1
        try:
            await asyncio.to_thread(self._spend_if_full)
            yield
        finally:
            self._deletions -= 1
            if self.is_spent:
                await self.keep(self._stored)

    async def keep(self, stored: int) -> None:
        """Have the reserve that so many stored bytes need, if there is room. Called now and then."""
        self._stored = stored
        if not self._deletions and (self.is_spent or stored >= _WORTH_IT):
            await asyncio.to_thread(self._make, stored)

    def _spend_if_full(self) -> None:
        size = self._size()
        if size and _free(self._path.parent) < size:
            self._disk.unlink(self._path, missing_ok=True)
            self.is_spent = True
            log.warning("the disk is full: its reserve is used for a deletion", bytes=size)

    def _make(self, stored: int) -> None:
        """Never smaller than it was; in steps, so that a store that grows does not do this all the time."""
        before = self._size()
        wanted = min(max(stored // _SHARE_OF_STORED, _LEAST_BYTES), _MOST_BYTES)
        wanted = min(wanted, _disk(self._path.parent) // _SHARE_OF_DISK)
        if before >= wanted // 2 and before:
            self.is_spent = False
            return
        if self._allocate(max(wanted, before)):
            if self.is_spent:
                log.info("the disk has room again, and its reserve")
            self.is_spent = False

    def _allocate(self, size: int) -> bool:
        """Whether the file has this size now. A first or larger one does not take half of what is left."""
        if _free(self._path.parent) < (size + _MEGABYTE if self.is_spent else 2 * size):
            return False
        with suppress(OSError):
            file = self._disk.open(self._path, mode=_OWNER_ONLY)
            try:
                self._disk.allocate(file, size)
            finally:
                self._disk.close(file)
            return True
        return False

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0


def _free(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def _disk(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_blocks * disk.f_frsize
