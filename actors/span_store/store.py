"""The span store: one DuckDB file, one writing thread, a few reading threads."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import duckdb
import structlog

from actors.errors import Unavailable
from actors.span_store.database import open_database
from actors.span_store.readers import Readers
from actors.span_store.spans import Span
from actors.span_store.writer import Committed, SpanWriter

log = structlog.get_logger(__name__)

T = TypeVar("T")


class SpanStore:
    """Opened with ``open``; after that ``write`` and ``read`` from the event loop, and ``close`` once."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, threads: int) -> None:
        self._connection = connection
        self._writer = SpanWriter(connection)
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="span-writer")
        self._readers = Readers(connection, threads)
        self.broken = asyncio.Event()  # DuckDB has given this connection up; only a new one will do

    @classmethod
    async def open(cls, path: Path, *, threads: int) -> "SpanStore":
        """Open or create the file; replays what a crash left in the write-ahead log."""
        connection = await asyncio.to_thread(open_database, path)
        return cls(connection, threads)

    async def write(self, requests: Sequence[Sequence[Span]]) -> Committed:
        """Store all requests in one transaction. ``Unavailable`` when the disk or the database fails."""
        loop = asyncio.get_running_loop()
        return await self._guarded(loop.run_in_executor(self._writing, self._writer.write, requests))

    async def read(self, query: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Run a query of ``queries`` in a thread."""
        return await self._guarded(self._readers.run(query))

    async def close(self) -> None:
        """Finish what runs, then checkpoint and close the file."""
        await asyncio.to_thread(self._close)

    async def _guarded(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except (duckdb.FatalException, duckdb.InternalException) as error:
            log.exception("the span database is broken")
            self.broken.set()
            raise Unavailable("The span store is restarting") from error
        except (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException) as error:
            log.exception("the span database does not work")
            raise Unavailable("The span store cannot reach its disk or memory", retry_after=5.0) from error

    def _close(self) -> None:
        self._readers.close()
        self._writing.shutdown(wait=True)
        self._connection.close()
