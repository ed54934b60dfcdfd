"""Threads that read. A read that nobody waits for any more is interrupted."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import duckdb

T = TypeVar("T")


def _nothing() -> None:
    """Where nothing is to be left."""


class ReaderThreads:
    """A fixed number of threads, each query with a cursor of its own. Calls beyond ``threads`` wait for their turn."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, threads: int) -> None:
        self._turns = asyncio.Semaphore(threads)
        self._idle = [connection.cursor() for _ in range(threads)]
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="span-reader")

    async def run(self, query: Callable[[duckdb.DuckDBPyConnection], T], leave: Callable[[], None] = _nothing) -> T:
        """Run the query in a thread. Cancelling the caller interrupts it; its cursor is used again only afterwards.

        ``leave`` is called when it is interrupted, for work between statements, which DuckDB does not see.
        """
        async with self._turns:
            cursor = self._idle.pop()
            try:
                return await self._run(query, cursor, leave)
            finally:
                self._idle.append(cursor)

    async def _run(
        self,
        query: Callable[[duckdb.DuckDBPyConnection], T],
        cursor: duckdb.DuckDBPyConnection,
        leave: Callable[[], None],
    ) -> T:
        running = asyncio.get_running_loop().run_in_executor(self._executor, query, cursor)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            leave()
            cursor.interrupt()
            await asyncio.wait({running})
            running.exception()  # the interruption; it is expected
            raise

    def close(self) -> None:
        """Wait for running queries and close the cursors."""
        self._executor.shutdown(wait=True)
        for cursor in self._idle:
            cursor.close()
