"""Backups of a running store, as streams."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from actors.span_store.embedded.hot.memtables import Memtables
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.sealed.segments import Segments
from actors.span_store.embedded.threads import Threads
from actors.span_store.embedded.upkeep.backup import Snapshot
from actors.span_store.messages import FilePart


class Backups:
    """Takes a snapshot in the flusher's thread, which alone changes the index, and reads it while the store goes on."""

    def __init__(self, folders: Folders, memtables: Memtables, segments: Segments, threads: Threads) -> None:
        self._folders = folders
        self._memtables = memtables
        self._segments = segments
        self._threads = threads

    async def back_up(self, accounts: Path) -> AsyncGenerator[FilePart, None]:
        """Copy everything at one moment. ``Unavailable`` when the disk has no room for the snapshot."""
        snapshot = await self._threads.in_flusher(self._snapshot)
        try:
            await self._threads.aside(snapshot.take_accounts, accounts)
            async with aclosing(self._threads.in_long_reads(snapshot.parts())) as parts:
                async for part in parts:
                    yield part
        finally:
            await asyncio.to_thread(snapshot.remove)

    def _snapshot(self) -> Snapshot:
        snapshot = Snapshot(self._folders)
        try:
            snapshot.take_spans(self._segments.connection, self._memtables.all)
        except BaseException:
            snapshot.remove()
            raise
        return snapshot
