"""The span store: a journal for what comes in, memory for what is recent, Parquet and an index for the rest."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import attrs
import duckdb
import structlog

from actors.errors import Unavailable
from actors.span_store import index
from actors.span_store.disk import sync_folder
from actors.span_store.journal import Journal, recover
from actors.span_store.queries import SpanReader
from actors.span_store.readers import Readers
from actors.span_store.recent import Generation, Recent
from actors.span_store.spans import SpanColumns
from actors.span_store.trace_filter import TraceFilter
from actors.span_store.writer import Committed, SpanWriter

log = structlog.get_logger(__name__)

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Limits:
    """Sizes in bytes of spans in memory."""

    seal_at: int = 64 * 1024 * 1024  # a generation that is larger is sealed
    most_recent: int = 192 * 1024 * 1024  # with more than this unsealed, no spans are taken


@attrs.frozen
class Folders:
    """Where things are: beside the index file, with its name."""

    index: Path

    @property
    def journals(self) -> Path:
        return self.index.with_suffix(".journals")

    @property
    def segments(self) -> Path:
        return self.index.with_suffix(".segments")


class SpanStore:
    """Made by ``open``; after that ``write`` and ``read`` from the event loop, and ``close`` once."""

    def __init__(self, folders: Folders, limits: Limits, threads: int) -> None:
        """Open everything, and take up what the last run left in its journals. Blocks."""
        self._folders = folders
        self._limits = limits
        self._connection = index.open_index(folders.index)
        for folder in (folders.journals, folders.segments):
            folder.mkdir(exist_ok=True)
        _remove_leftovers(folders.segments, index.segment_files(self._connection))
        self._lock = threading.Lock()  # of the two below, when they are replaced
        sealed = index.sealed_up_to(self._connection)
        self._next_segment = sealed.next_segment
        self._generations = _recovered(folders.journals, sealed.next_seq)
        self._known_traces = TraceFilter()
        self._known_traces.add(index.trace_ids(self._connection))
        self._sealed_reader = self._connection.cursor()
        self._writer = SpanWriter(
            lambda: self._generations,
            self._sealed_keys,
            next_seq=self._generations[-1].next_seq,
            most_bytes=limits.most_recent,
        )
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="span-writer")
        self._sealing = ThreadPoolExecutor(1, thread_name_prefix="span-sealer")
        self._readers = Readers(self._connection, threads)
        self.broken = asyncio.Event()  # DuckDB has given this connection up; only a new one will do

    @classmethod
    async def open(cls, path: Path, *, threads: int, limits: Limits) -> "SpanStore":
        return await asyncio.to_thread(cls, Folders(path), limits, threads)

    async def write(self, requests: Sequence[SpanColumns]) -> Committed:
        """Store all requests in one batch. ``Unavailable`` when the disk fails, ``Overloaded``."""
        loop = asyncio.get_running_loop()
        committed = await self._guarded(loop.run_in_executor(self._writing, self._writer.write, requests))
        if self._generations[-1].bytes >= self._limits.seal_at:
            await self._guarded(loop.run_in_executor(self._writing, self._rotate))
            self.seal_in_background()
        return committed

    async def read(self, query: Callable[[SpanReader], T]) -> T:
        """Run a query in a thread."""

        def run(cursor: duckdb.DuckDBPyConnection) -> T:
            return query(SpanReader(cursor, Recent(self._generations), self._folders.segments))

        return await self._guarded(self._readers.run(run))

    def seal_in_background(self) -> None:
        """Seal all generations but the one that is appended to."""
        if len(self._generations) > 1:
            asyncio.get_running_loop().run_in_executor(self._sealing, self._seal_full_ones)

    async def close(self) -> None:
        """Finish what runs, then close all files. What is not sealed stays in its journal."""
        await asyncio.to_thread(self._close)

    def _rotate(self) -> None:
        with self._lock:
            last = self._generations[-1]
            self._generations = (
                *self._generations,
                Generation(last.number + 1, last.next_seq, _journal(self._folders.journals, last.number + 1)),
            )

    def _seal_full_ones(self) -> None:
        """Seal the oldest first; one that fails stays in memory and in its journal, and is tried again."""
        for generation in self._generations[:-1]:
            try:
                self._seal(generation)
            except (duckdb.Error, OSError):
                log.exception("sealing failed", generation=generation.number, spans=generation.rows)
                return

    def _seal(self, generation: Generation) -> None:
        rows = generation.table()
        index.seal(self._connection, self._next_segment, self._folders.segments, rows)
        self._next_segment += 1
        # Known before they leave memory, so that a re-sent span is always found in one of the two places.
        self._known_traces.add(set(rows["trace_id"].to_pylist()))
        with self._lock:
            self._generations = tuple(each for each in self._generations if each is not generation)
        generation.journal.delete()
        sync_folder(self._folders.journals)

    def _sealed_keys(self, trace_ids: set[str]) -> set[str]:
        known = [trace_id for trace_id in trace_ids if trace_id in self._known_traces]
        return index.span_keys_of(self._sealed_reader, known) if known else set()

    async def _guarded(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except (duckdb.FatalException, duckdb.InternalException) as error:
            log.exception("the span database is broken")
            self.broken.set()
            raise Unavailable("The span store is restarting") from error
        except (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException, OSError) as error:
            log.exception("the span database does not work")
            raise Unavailable("The span store cannot reach its disk or memory", retry_after=5.0) from error

    def _close(self) -> None:
        self._readers.close()
        self._writing.shutdown(wait=True)
        self._sealing.shutdown(wait=True)
        for generation in self._generations:
            generation.journal.close()
        self._sealed_reader.close()
        self._connection.close()


def _recovered(folder: Path, next_seq: int) -> tuple[Generation, ...]:
    """The generations that were not sealed, the last of which goes on; an empty first one where there are none."""
    generations: list[Generation] = []
    for path in sorted(folder.glob("*.journal")):
        batches, damaged = recover(path)
        if damaged:
            log.error("a journal is damaged; what could not be read was moved aside", journal=path.name)
        if batches and batches[0]["seq"][0].as_py() < next_seq:
            path.unlink()  # sealed in the moment of the crash
            continue
        first_seq = generations[-1].next_seq if generations else next_seq
        generations.append(Generation(int(path.stem), first_seq, Journal(path), batches))
    return tuple(generations) or (Generation(0, next_seq, _journal(folder, 0)),)


def _journal(folder: Path, number: int) -> Journal:
    return Journal(folder / f"{number:08d}.journal")


def _remove_leftovers(folder: Path, known: dict[str, int]) -> None:
    """Files that a crash left before the index spoke of them; their spans are still in a journal."""
    for path in folder.iterdir():
        if path.name not in known:
            log.warning("leftover removed", file=path.name)
            path.unlink()
