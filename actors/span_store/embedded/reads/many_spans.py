"""All queries: those of lists, traces and text, and what is asked of many spans together."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa

from actors.span_store.asked.lists import ListSpans, ListTraces, SummaryPage, TracePage
from actors.span_store.asked.sessions import GetSession, ListSessions, SessionOutline, SessionPage
from actors.span_store.asked.stats import GetStats, Stats
from actors.span_store.asked.stored_traces import FindStoredTraces
from actors.span_store.asked.values import MOST_LOOKED_AT, ListValues, Values
from actors.span_store.columns.attribute_column import KEYS, STORED, with_keys
from actors.span_store.embedded.damage import Damage
from actors.span_store.embedded.reads.aggregates import values
from actors.span_store.embedded.reads.aggregates.right_spans import right_spans
from actors.span_store.embedded.reads.aggregates.sessions import Sessions
from actors.span_store.embedded.reads.aggregates.span_list import span_page
from actors.span_store.embedded.reads.aggregates.stats import read_stats
from actors.span_store.embedded.reads.aggregates.stored import Stored
from actors.span_store.embedded.reads.aggregates.trace_list import trace_page
from actors.span_store.embedded.reads.aggregates.traces_found import traces_found
from actors.span_store.embedded.reads.queries import SpanReader, View
from actors.span_store.embedded.reads.row_location import RowLocation
from actors.span_store.embedded.reads.span_table import INDEXED
from actors.span_store.embedded.reads.trace_table import KEYS_ALONE
from actors.span_store.embedded.reads.walk import Files, Walk
from actors.span_store.embedded.sealed.segment_file import read_rows
from actors.span_store.embedded.text.ngram_files import NgramFiles
from actors.span_store.query.expression import Expression, weakened

_SECONDS = 0.3  # of a walk, until it is asked whether somebody still waits


class ManySpansReader(SpanReader):
    """A reader that also adds up and lists. Each such question has a module of ``aggregates``."""

    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, view: View, segments: Path, damage: Damage, grams: NgramFiles
    ) -> None:
        super().__init__(cursor, view, segments, damage, grams)
        self._stored = Stored(cursor, view, segments, damage, grams)

    def list_traces(self, request: ListTraces) -> TracePage:
        return trace_page(self._stored, request)

    def list_spans(self, request: ListSpans) -> SummaryPage:
        return span_page(self._stored, request)

    def stats(self, request: GetStats, is_left: Callable[[], bool]) -> Stats:
        """``is_left`` says that nobody waits for it any more."""
        return read_stats(self._stored, request, is_left)

    def values(self, request: ListValues, is_left: Callable[[], bool]) -> Values:
        """From the index where it has the field, else from the newest spans."""
        field = values.indexed_field(request)
        if field is not None:
            right = right_spans(self._stored, self._table, request.where, is_left)
            return values.read_indexed(self._cursor, self._table, request, field, right)
        wanted = values.said_by(request)
        answerable, exact = weakened(wanted, INDEXED)
        candidates = partial(self._list, answerable)
        if exact:
            places: Sequence[RowLocation] = candidates(None, MOST_LOOKED_AT + 1)
        else:
            places = values.newest(partial(self._walk, wanted), candidates, self._recent, is_left)
        return values.read_said(request, places, self._columns_at)

    def stored_traces(self, request: FindStoredTraces) -> frozenset[str]:
        return self._table.stored_traces(request.trace_ids)

    def sessions(self, request: ListSessions, is_left: Callable[[], bool]) -> SessionPage:
        """As with ``stats``."""
        right = right_spans(self._stored, self._table, request.where, is_left)
        with (
            self._table.relation() as spans,
            traces_found(self._cursor, request.where, spans, right) as found,
        ):
            return Sessions(self._cursor, spans, self._sealed, self._recent.next_seq).page(request, found)

    def session(self, request: GetSession) -> SessionOutline | None:
        with self._table.relation() as spans:
            return Sessions(self._cursor, spans, self._sealed, self._recent.next_seq).outline(request)

    def _columns_at(self, places: Sequence[RowLocation], columns: Sequence[str]) -> Iterator[pa.Table]:
        """Columns of the spans at some places; those of a damaged segment are left out, and that is reported."""
        stored = [STORED if name == KEYS else name for name in columns]
        sealed = [KEYS_ALONE if name == KEYS else name for name in columns]
        for segment, positions in values.by_segment(places):
            if segment is None:
                yield from map(with_keys, self._recent.take(positions, stored))
                continue
            table = self._sealed_rows(segment, partial(read_rows, positions=positions, columns=sealed))
            if table is not None:
                yield with_keys(table)

    def _walk(self, wanted: Expression) -> Walk:
        files = Files(self._segments, self._ngrams, self._sealed, wanted)
        return Walk(wanted, files, self._cursor, self._damage, soon=_SECONDS, budget=_SECONDS)
