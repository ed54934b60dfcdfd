"""The memtables of a store, and their replacement."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress

from actors.span_store.embedded.hot.memtable import Memtable, MemtableSnapshot
from actors.span_store.embedded.hot.wal import Wal
from actors.span_store.embedded.layout import Folders


class Memtables:
    """All memtables: the last one is appended to, those before it are full and wait for the flusher.

    Any thread may read them: the tuple is replaced as a whole, ``rotate`` by the writer and ``forget`` by the flusher.
    """

    def __init__(self, folders: Folders, recovered: Sequence[Memtable]) -> None:
        self.folders = folders
        self._lock = threading.Lock()  # held while the tuple is replaced
        self._all = tuple(recovered)
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    @property
    def all(self) -> tuple[Memtable, ...]:
        return self._all

    @property
    def active(self) -> Memtable:
        """The one that is appended to."""
        return self._all[-1]

    @property
    def full(self) -> tuple[Memtable, ...]:
        """Those that wait for the flusher, oldest first."""
        return self._all[:-1]

    @property
    def bytes(self) -> int:
        return sum(memtable.bytes for memtable in self._all)

    @property
    def full_bytes(self) -> int:
        return sum(memtable.bytes for memtable in self.full)

    @property
    def full_bytes_in_memory(self) -> int:
        return sum(memtable.bytes for memtable in self.full if memtable.is_in_memory)

    @property
    def spans(self) -> int:
        return sum(memtable.rows - memtable.logs for memtable in self._all)

    def snapshot(self) -> MemtableSnapshot:
        return MemtableSnapshot(self._all)

    def rotate(self, restated: int = 0) -> Memtable:
        """Append to a new memtable with a new WAL file from now on; the one that is full. In the writer's thread.

        ``restated`` is the revision of the prices that its spans will have.

        ``OSError`` when the disk has no room for another file; then nothing has changed.
        """
        last = self.active
        number = last.number + 1
        path = self.folders.journals / f"{number:08d}.journal"
        wal = Wal(path, last.wal.give_memory(), disk=self.folders.disk)
        try:
            last.wal.close()
        finally:  # and not before: a memtable that is full may be flushed at once, and its WAL file deleted
            with self._lock:
                self._all = (*self._all, Memtable(number, last.next_seq, wal, restated=restated))
        return last

    def forget(self, memtable: Memtable) -> None:
        """Drop a flushed memtable, then its WAL file, and wake who waits for that. In the flusher's thread.

        A file that stays is known for what it is at the next start.
        """
        with self._lock:
            self._all = tuple(each for each in self._all if each is not memtable)
            waiting = tuple(self._waiting)
        for loop, flushed in waiting:
            loop.call_soon_threadsafe(flushed.set)
        memtable.wal.delete()

    async def wait_below(self, limit: int, seconds: float) -> None:
        """Return as soon as the memtables have no more than ``limit`` bytes, and after so many seconds anyway."""
        if self.bytes <= limit:
            return
        flushed = asyncio.Event()
        waiter = (asyncio.get_running_loop(), flushed)
        with self._lock:
            self._waiting.add(waiter)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while self.bytes > limit:
                        await flushed.wait()
                        flushed.clear()
        finally:
            with self._lock:
                self._waiting.discard(waiter)

    def close(self) -> None:
        for memtable in self._all:
            memtable.wal.close()
