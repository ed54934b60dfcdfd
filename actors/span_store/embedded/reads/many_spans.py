"""All queries: those of lists, traces and text, and what is asked of many spans together."""

from collections.abc import Callable
from pathlib import Path

import duckdb

from actors.span_store.asked.arrivals import Arrivals, ListArrivals
from actors.span_store.asked.differences import Differences, GetDifferences
from actors.span_store.asked.heat_map import GetHeatMap, HeatMap
from actors.span_store.asked.lists import ListSpans, ListTraces, SummaryPage, TracePage
from actors.span_store.asked.sessions import GetSession, ListSessions, SessionOutline, SessionPage
from actors.span_store.asked.stats import GetStats, Stats
from actors.span_store.asked.stored_traces import FindStoredTraces
from actors.span_store.asked.values import ListValues, Values
from actors.span_store.embedded.damage import Damage
from actors.span_store.embedded.reads.aggregates.arrivals import arrivals
from actors.span_store.embedded.reads.aggregates.differences import read_differences
from actors.span_store.embedded.reads.aggregates.heat_map import read_heat_map
from actors.span_store.embedded.reads.aggregates.sessions_found import session_outline, session_page
from actors.span_store.embedded.reads.aggregates.span_list import span_page
from actors.span_store.embedded.reads.aggregates.stats import read_stats
from actors.span_store.embedded.reads.aggregates.stored import Stored
from actors.span_store.embedded.reads.aggregates.trace_list import trace_page
from actors.span_store.embedded.reads.aggregates.values import read_values
from actors.span_store.embedded.reads.queries import SpanReader, View
from actors.span_store.embedded.text.ngram_files import NgramFiles


class ManySpansReader(SpanReader):
    """A reader that also adds up and lists. Each such question has a module of ``aggregates``."""

    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, view: View, segments: Path, damage: Damage, grams: NgramFiles
    ) -> None:
        super().__init__(cursor, view, segments, damage, grams)
        self.stored = Stored(cursor, view, segments, damage, grams)

    def list_traces(self, request: ListTraces) -> TracePage:
        return trace_page(self.stored, request)

    def list_spans(self, request: ListSpans) -> SummaryPage:
        return span_page(self.stored, request)

    def stats(self, request: GetStats, is_left: Callable[[], bool]) -> Stats:
        """``is_left`` says that nobody waits for it any more."""
        return read_stats(self.stored, request, is_left)

    def values(self, request: ListValues, is_left: Callable[[], bool]) -> Values:
        """As ``stats`` has it."""
        return read_values(self.stored, request, is_left)

    def arrivals(self, request: ListArrivals) -> Arrivals:
        return arrivals(self.stored, request)

    def differences(self, request: GetDifferences, is_left: Callable[[], bool]) -> Differences:
        """As ``stats`` has it."""
        return read_differences(self.stored, request, is_left)

    def heat_map(self, request: GetHeatMap, is_left: Callable[[], bool]) -> HeatMap:
        """As ``stats`` has it."""
        return read_heat_map(self.stored, request, is_left)

    def stored_traces(self, request: FindStoredTraces) -> frozenset[str]:
        return self._table.stored_traces(request.trace_ids)

    def sessions(self, request: ListSessions, is_left: Callable[[], bool]) -> SessionPage:
        """As ``stats`` has it."""
        return session_page(self.stored, request, is_left)

    def session(self, request: GetSession) -> SessionOutline | None:
        return session_outline(self.stored, request)
