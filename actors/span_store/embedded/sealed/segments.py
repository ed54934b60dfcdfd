"""The sealed spans of a store: its index, its files, and what of them is kept in memory."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path

import duckdb

from actors.span_store.embedded.durable import Disk
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.manifest import Manifest
from actors.span_store.embedded.sealed.root_cache import RootCache
from actors.span_store.embedded.sealed.segment_file import segment_path
from actors.span_store.embedded.sealed.trace_bloom import TraceBloom


class Segments:
    """What those share who write segments and those who read them. Only the flusher's thread changes them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folders: Folders, next_number: int) -> None:
        """Read what the index has. Blocks."""
        self.connection = connection
        self._folders = folders
        self.manifest = Manifest(connection)
        self.root_cache = RootCache()
        self._numbers = count(next_number)
        self._traces = TraceBloom()
        self._traces.add(index.trace_ids(connection))
        self._writers_cursor = connection.cursor()

    @property
    def disk(self) -> Disk:
        return self._folders.disk

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._folders.segments

    def take_number(self) -> int:
        """A number for a new segment, never given before."""
        return next(self._numbers)

    def path(self, number: int) -> Path:
        return segment_path(self.folder, number)

    def know_traces(self, trace_ids: Iterable[str]) -> None:
        """Let ``keys_of`` look for these traces from now on."""
        self._traces.add(trace_ids)

    def keys_of(self, trace_ids: Iterable[str]) -> set[str]:
        """Trace id and span id, joined, of all sealed spans of these traces. In the writer's thread."""
        known = [trace_id for trace_id in trace_ids if trace_id in self._traces]
        return index.span_keys_of(self._writers_cursor, known) if known else set()

    def close(self) -> None:
        self._writers_cursor.close()
        self.connection.close()
