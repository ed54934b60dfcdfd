"""Appends spans: many requests, one transaction."""

from collections.abc import Sequence
from typing import TypeAlias

import attrs
import duckdb

from actors.span_store.messages import IngestSummary
from actors.span_store.rows import BODY_FIELDS, SPAN_FIELDS, arrow_table
from actors.span_store.spans import Span

SpanKey: TypeAlias = tuple[str, str]  # trace id, span id

_SPAN_COLUMNS = ", ".join(name for name, _ in SPAN_FIELDS)
_BODY_COLUMNS = ", ".join(name for name, _ in BODY_FIELDS)

_INSERT_SPANS = f"INSERT INTO span ({_SPAN_COLUMNS}) SELECT {_SPAN_COLUMNS} FROM arriving"  # noqa: S608 - own names
_INSERT_BODIES = f"INSERT INTO body ({_BODY_COLUMNS}) SELECT {_BODY_COLUMNS} FROM arriving"  # noqa: S608 - own names
_INSERT_TRACE_PARTS = """
    INSERT INTO trace_part BY NAME
    SELECT
        trace_id,
        min(start_time_unix_nano) AS start_time_unix_nano,
        max(end_time_unix_nano) AS end_time_unix_nano,
        max(start_time_unix_nano) AS latest_start_time_unix_nano,
        count(*) AS span_count,
        count(*) FILTER (status_code = 2) AS error_count,
        count(*) FILTER (openinference_span_kind = 'LLM') AS llm_count,
        sum(input_tokens) AS input_tokens,
        sum(output_tokens) AS output_tokens,
        sum(cost) AS cost,
        arg_min(span_id, start_time_unix_nano) FILTER (parent_span_id IS NULL) AS root_span_id,
        arg_min(name, start_time_unix_nano) FILTER (parent_span_id IS NULL) AS root_name,
        arg_min(service_name, start_time_unix_nano) FILTER (parent_span_id IS NULL) AS root_service_name,
        min(start_time_unix_nano) FILTER (parent_span_id IS NULL) AS root_start_time_unix_nano
    FROM arriving
    GROUP BY trace_id
"""
# When the stored spans of these traces began, if there are any: where a re-sent span would have to be.
_KNOWN_TRACES = """
    SELECT min(start_time_unix_nano), max(latest_start_time_unix_nano)
    FROM trace_part
    WHERE trace_id IN (SELECT unnest(?::VARCHAR[]))
"""
_KNOWN_SPANS = """
    SELECT trace_id, span_id
    FROM span
    WHERE trace_id IN (SELECT unnest(?::VARCHAR[])) AND start_time_unix_nano BETWEEN ? AND ?
"""


@attrs.frozen(kw_only=True)
class Committed:
    """What one transaction stored: a summary for each request, and the traces that have new spans."""

    summaries: tuple[IngestSummary, ...]
    trace_ids: frozenset[str]


class SpanWriter:
    """The one writer of the span tables. Its methods block; they are called from one thread."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        [(newest,)] = connection.execute("SELECT max(seq) FROM span").fetchall()
        self._next_seq = 0 if newest is None else newest + 1

    def write(self, requests: Sequence[Sequence[Span]]) -> Committed:
        """Store the spans of all requests in one transaction; when this returns they are durable.

        A span whose (trace id, span id) is stored already, or came earlier in the same call, is left out: the first
        version is kept.
        """
        spans = [span for request in requests for span in request]
        known = self._stored_among(spans)
        fresh: dict[SpanKey, Span] = {}
        summaries = []
        for request in requests:
            before = len(fresh)
            for span in request:
                key = (span.trace_id, span.span_id)
                if key not in known:
                    fresh.setdefault(key, span)
            stored = len(fresh) - before
            summaries.append(IngestSummary(stored=stored, duplicates=len(request) - stored))
        if fresh:
            self._append(list(fresh.values()))
        return Committed(summaries=tuple(summaries), trace_ids=frozenset(trace_id for trace_id, _ in fresh))

    def _stored_among(self, spans: Sequence[Span]) -> set[SpanKey]:
        """Keys of stored spans in the traces of ``spans``.

        Nearly always the traces are new, which their summaries tell; otherwise the search is bound to the time in which
        their stored spans lie, so that zone maps skip the rest of the table.
        """
        trace_ids = list({span.trace_id for span in spans})
        [(earliest, latest)] = self._connection.execute(_KNOWN_TRACES, [trace_ids]).fetchall()
        if earliest is None:
            return set()
        return set(self._connection.execute(_KNOWN_SPANS, [trace_ids, earliest, latest]).fetchall())

    def _append(self, spans: Sequence[Span]) -> None:
        table = arrow_table(spans, self._next_seq)
        self._connection.register("arriving", table)
        try:
            self._connection.begin()
            self._connection.execute(_INSERT_SPANS)
            self._connection.execute(_INSERT_BODIES)
            self._connection.execute(_INSERT_TRACE_PARTS)
            self._connection.commit()
        except duckdb.Error:
            self._roll_back()
            raise
        finally:
            self._connection.unregister("arriving")
        self._next_seq += len(spans)

    def _roll_back(self) -> None:
        try:
            self._connection.rollback()
        except duckdb.TransactionException:
            return  # DuckDB has ended the transaction itself
