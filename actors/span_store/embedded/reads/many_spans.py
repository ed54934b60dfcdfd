"""All queries: those of lists, traces and text, and what is asked of many spans together."""

from collections.abc import Callable
from pathlib import Path

import duckdb

from actors.span_store.asked.lists import ListSpans, ListTraces, SummaryPage, TracePage
from actors.span_store.asked.stats import GetStats, Stats
from actors.span_store.asked.values import ListValues, Values
from actors.span_store.embedded.damage import Damage
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
        self._stored = Stored(cursor, view, segments, damage, grams)

    def list_traces(self, request: ListTraces) -> TracePage:
        return trace_page(self._stored, request)

    def list_spans(self, request: ListSpans) -> SummaryPage:
        return span_page(self._stored, request)

    def stats(self, request: GetStats, is_left: Callable[[], bool]) -> Stats:
        """``is_left`` says that nobody waits for it any more."""
        return read_stats(self._stored, request, is_left)

    def values(self, request: ListValues, is_left: Callable[[], bool]) -> Values:
        """As ``stats`` has it."""
        return read_values(self._stored, request, is_left)
