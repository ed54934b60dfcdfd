"""The threads of the engine, and what becomes of their faults."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import aclosing, contextmanager
from typing import TypeVar

import duckdb
import structlog

from actors.errors import Unavailable
from actors.span_store.embedded.problems import Problems
from actors.span_store.embedded.reads.long_reads import LongReads
from actors.span_store.embedded.reads.reader_threads import ReaderThreads

log = structlog.get_logger(__name__)

T = TypeVar("T")

_SUMS = 2  # threads for reads that go through many spans
_STATEMENTS = 2  # and for statements of SQL


class Threads:
    """Named executors: one thread writes the WAL, one changes the index and the segments, the others read.

    All faults of DuckDB and of the disk leave here as ``Unavailable``; ``broken`` is set when DuckDB has given its
    connection up, and only a new one will do. ``Unavailable`` once ``is_closed``.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, problems: Problems, *, readers: int) -> None:
        self._problems = problems
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="span-writer")
        self._flusher = ThreadPoolExecutor(1, thread_name_prefix="span-flusher")
        self._readers = ReaderThreads(connection, readers)
        self._sums = ReaderThreads(connection, _SUMS)
        self._statements = ReaderThreads(connection, _STATEMENTS)
        self._long_reads = LongReads()
        self._news = ThreadPoolExecutor(1, thread_name_prefix="span-news")  # a thread from the first use on
        self.broken = asyncio.Event()
        self.is_closed = False

    async def in_writer(self, work: Callable[..., T], *arguments: object) -> T:
        return await self._run(self._writer, work, *arguments)

    async def in_news(self, work: Callable[..., T], *arguments: object) -> T:
        """Run in the one thread that looks at what has just come in."""
        return await self._run(self._news, work, *arguments)

    async def in_flusher(self, work: Callable[..., T], *arguments: object) -> T:
        """Run in the one thread that changes the index; flushes get their turn between two calls."""
        return await self._run(self._flusher, work, *arguments)

    async def in_reader(self, query: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Run a query with a cursor. It is interrupted when nobody waits for it any more."""
        with self.translated():
            return await self._readers.run(query)

    async def in_sums(self, query: Callable[[duckdb.DuckDBPyConnection], T], leave: Callable[[], None]) -> T:
        """As ``in_reader``, for what goes through many spans; ``leave`` tells the query that it is interrupted."""
        with self.translated():
            return await self._sums.run(query, leave)

    async def in_statements(self, query: Callable[[duckdb.DuckDBPyConnection], T], leave: Callable[[], None]) -> T:
        """As ``in_sums``, for statements that users wrote."""
        with self.translated():
            return await self._statements.run(query, leave)

    async def in_long_reads(self, iterator: Iterator[T]) -> AsyncGenerator[T, None]:
        """The items of an iterator that blocks, each made when it is asked for."""
        with self.translated():
            async with aclosing(self._long_reads.items(iterator)) as items:
                async for item in items:
                    yield item

    async def aside(self, work: Callable[..., T], *arguments: object) -> T:
        """Run in whatever thread is free: for what touches neither the WAL nor the index."""
        return await self._run(None, work, *arguments)

    def start_in_flusher(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Run in the background; ``then`` is called on the event loop with the result. ``work`` raises nothing."""
        running = asyncio.get_running_loop().run_in_executor(self._flusher, work)
        running.add_done_callback(lambda done: then(done.result()))

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Around work on the store: faults that are not ours become ``Unavailable``."""
        if self.is_closed:
            raise Unavailable("The span store is restarting")
        try:
            yield
        except (duckdb.FatalException, duckdb.InternalException) as error:
            log.exception("the span database is broken")
            self.broken.set()
            raise Unavailable("The span store is restarting") from error
        except (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException, OSError) as error:
            log.exception("the span store cannot do its work")
            if isinstance(error, OSError | duckdb.IOException):
                self._problems.disk_fails()
            raise Unavailable("The span store cannot reach its disk or memory", retry_after=5.0) from error

    def close(self) -> None:
        """Wait for everything that runs. ``is_closed`` is set before, on the event loop."""
        self._readers.close()
        self._sums.close()
        self._statements.close()
        self._long_reads.close()
        self._news.shutdown(wait=True)
        self._writer.shutdown(wait=True)
        self._flusher.shutdown(wait=True)

    async def _run(self, executor: Executor | None, work: Callable[..., T], *arguments: object) -> T:
        with self.translated():
            return await asyncio.get_running_loop().run_in_executor(executor, work, *arguments)
