"""The views say of recordings of real libraries what lists and details say, and sums are those of plain Python."""

import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from math import fsum
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import pyarrow as pa
import pytest
import pytest_asyncio

from actors.runtime.bus import Bus
from actors.span_store.asked.lists import ListSpans, ListTraces
from actors.span_store.asked.sql import SCORES, QuerySql, SqlAnswer
from actors.span_store.asked.sql_views import EXAMPLES, VIEWS
from actors.span_store.columns.log_rows import stored_rows
from actors.span_store.columns.logs import Logs
from actors.span_store.columns.rows import SpanRows
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.messages import GetTraceSpans, IngestSpans
from actors.span_store.traces.summary import SpanSummary, TraceSummary
from tests.actors.span_store.stage import KEPT_RECENT, SEALED_AT_ONCE, all_sealed, ingest, state_when, store_in
from tests.source import PROJECT
from tests.spans import START, span
from transports.otlp.decode import decode_trace_request
from transports.otlp.decode_logs import decode_logs_request

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

RECORDINGS = PROJECT / "tests" / "recordings" / "instrumentations"
Spans: TypeAlias = tuple[SpanSummary, ...]
TOKENS = ("input", "output", "cache_read", "cache_write", "reasoning")


@attrs.frozen
class Filled:
    """A store with all recordings, and what it lists."""

    bus: Bus
    spans: tuple[SpanSummary, ...]
    traces: tuple[TraceSummary, ...]

    async def ask(self, sql: str, limit: int = 100_000) -> SqlAnswer:
        return await self.bus.ask(QuerySql(sql=sql, limit=limit))

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return rows_of((await self.ask(sql)).table)


def rows_of(table: pa.Table) -> list[tuple[Any, ...]]:
    """Times as nanoseconds, sums as numbers."""
    columns = (
        column.cast(pa.int64()).to_pylist() if pa.types.is_timestamp(column.type) else column.to_pylist()
        for column in table.columns
    )
    return list(zip(*columns, strict=True))


def recorded(*, of_logs: bool) -> Iterator[SpanRows]:
    """All recordings, twenty of them in a request."""
    paths = [path for path in sorted(RECORDINGS.glob("*.bin")) if (".logs" in path.name) == of_logs]
    for begin in range(0, len(paths), 20):
        rows = [_rows(path.read_bytes(), of_logs=of_logs) for path in paths[begin : begin + 20]]
        batch = pa.Table.from_batches([each.batch for each in rows]).combine_chunks().to_batches()[0]
        yield SpanRows(batch, [key for each in rows for key in each.keys], are_logs=of_logs)


def _rows(body: bytes, *, of_logs: bool) -> SpanRows:
    return stored_rows(Logs(decode_logs_request(body).records) if of_logs else decode_trace_request(body).spans)


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=[KEPT_RECENT, SEALED_AT_ONCE], ids=["in memory", "sealed"]
)
async def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Filled]:
    limits: Limits = request.param
    async with store_in(tmp_path_factory.mktemp("sql"), limits) as bus:
        for rows in (*recorded(of_logs=False), *recorded(of_logs=True)):
            await bus.ask(IngestSpans(spans=rows, size=1))
        if limits is SEALED_AT_ONCE:
            await state_when(bus, all_sealed)
        spans = await bus.ask(ListSpans(limit=1000))
        traces = await bus.ask(ListTraces(limit=1000))
        assert spans.next is None
        assert traces.next is None
        yield Filled(bus, spans.spans, traces.traces)


def flat(span: SpanSummary) -> dict[str, Any]:
    """The columns of a span, but for what lists do not say."""
    names = {column.name for column in VIEWS[0].columns}
    plain = {name: getattr(span, name) for name in names if hasattr(span, name)}
    tokens = {f"{name}_tokens": span.tokens and getattr(span.tokens, name) for name in TOKENS}
    times = {"start_time": span.start_time_unix_nano, "end_time": span.end_time_unix_nano}
    return plain | tokens | times


def flat_trace(trace: TraceSummary) -> dict[str, Any]:
    names = {column.name for column in VIEWS[2].columns}
    plain = {name: getattr(trace, name) for name in names if hasattr(trace, name)}
    lists = {name: list(getattr(trace, name)) for name in ("services", "models", "agents", "tools")}
    tokens = {f"{name}_tokens": trace.tokens and getattr(trace.tokens, name) for name in TOKENS}
    times = {"start_time": trace.start_time_unix_nano, "end_time": trace.end_time_unix_nano}
    return plain | lists | tokens | times


def named(answer: SqlAnswer) -> list[dict[str, Any]]:
    names = [column.name for column in answer.columns]
    return [dict(zip(names, row, strict=True)) for row in rows_of(answer.table)]


async def test_spans_are_what_lists_and_details_say(filled: Filled) -> None:
    found = named(await filled.ask("SELECT * FROM spans"))
    expected = {span.trace_id + span.span_id: flat(span) for span in filled.spans}
    details = {
        each.trace_id + each.span_id: each
        for trace in filled.traces
        for each in await filled.bus.ask(GetTraceSpans(trace_id=trace.trace_id))
    }
    assert len(found) == len(expected) == len(details)
    for row in found:
        key = row["trace_id"] + row["span_id"]
        assert json.loads(row.pop("attributes")) == json.loads(details[key].attributes_json)
        assert json.loads(row.pop("resource")) == json.loads(details[key].resource_json)["attributes"]
        assert row == expected[key]


async def test_calls_are_the_spans_that_count(filled: Filled) -> None:
    found = await filled.rows("SELECT trace_id, span_id FROM calls")
    assert sorted(found) == sorted((span.trace_id, span.span_id) for span in filled.spans if span.counted)
    assert found


async def test_traces_are_what_lists_say(filled: Filled) -> None:
    found = {row["trace_id"]: row for row in named(await filled.ask("SELECT * FROM traces"))}
    assert found == {trace.trace_id: flat_trace(trace) for trace in filled.traces}
    one = filled.traces[0]
    assert await filled.rows(f"SELECT span_count FROM traces WHERE trace_id = '{one.trace_id}'") == [(one.span_count,)]


ALONE = {
    "spans": ("kind", "duration_ns", "counted", "status_message", "input_preview", "attributes", "resource"),
    "calls": ("model", "output_preview"),
    "traces": ("name", "services", "status", "complete", "user_id", "cost_usd", "unpriced", "output_preview"),
    "logs": ("service", "time", "severity_number", "body"),
}


@pytest.mark.parametrize("view", ALONE)
async def test_columns_can_be_read_alone(filled: Filled, view: str) -> None:
    everything = named(await filled.ask(f"SELECT * FROM {view}"))
    [types] = [{column.name: column.type for column in each.columns} for each in VIEWS if each.name == view]
    assert list(everything[0]) == list(types)
    for name in ALONE[view]:
        alone = await filled.ask(f"SELECT {name} FROM {view}")
        assert [each.type for each in alone.columns] == [types[name]]
        found = Counter(str(value) for (value,) in rows_of(alone.table))
        assert found == Counter(str(row[name]) for row in everything), name


async def test_sums_are_those_of_plain_python(filled: Filled) -> None:
    calls = [span for span in filled.spans if span.counted]
    by_model: Mapping[str | None, list[SpanSummary]] = defaultdict(list)
    for call in calls:
        by_model[call.model].append(call)
    found = await filled.rows(
        "SELECT model, count(*), sum(input_tokens)::BIGINT, count(DISTINCT trace_id), max(duration_ns), fsum(cost_usd),"
        " count(*) FILTER (status = 'error') FROM calls GROUP BY model"
    )
    assert {row[0]: row[1:] for row in found} == {
        model: (
            len(some),
            total([call.tokens.input for call in some if call.tokens]),
            len({call.trace_id for call in some}),
            max((call.duration_ns for call in some if call.duration_ns is not None), default=None),
            pytest.approx(fsum(costs))
            if (costs := [call.cost_usd for call in some if call.cost_usd is not None])
            else None,
            sum(call.status == "error" for call in some),
        )
        for model, some in by_model.items()
    }


def total(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def busy_services(spans: Spans) -> list[Any]:
    counts = Counter(span.service for span in spans)
    return sorted(((name, n) for name, n in counts.items() if n > 3), key=lambda row: (-row[1], row[0]))[:5]


def newest_roots(spans: Spans) -> list[Any]:
    roots = (span for span in spans if span.parent_span_id is None)
    ordered = sorted(roots, key=lambda span: (-span.start_time_unix_nano, span.span_id))
    return [(span.span_id,) for span in ordered[2:9]]


def with_a_parent(spans: Spans) -> list[Any]:
    stored = {(span.trace_id, span.span_id) for span in spans}
    return [(sum((span.trace_id, span.parent_span_id) in stored for span in spans),)]


def longest_trace(spans: Spans) -> int:
    return max(Counter(span.trace_id for span in spans).values())


QUERIES: list[tuple[str, Callable[[Spans], list[Any]]]] = [
    ("SELECT count(*) FROM spans", lambda spans: [(len(spans),)]),
    (
        "SELECT count(*) FROM spans WHERE type = 'tool' AND tool LIKE 'ref%'",
        lambda spans: [(sum(span.type == "tool" and (span.tool or "").startswith("ref") for span in spans),)],
    ),
    (
        "SELECT count(*) FROM spans WHERE NOT (type = 'tool' OR type IS NULL) AND model IN ('gpt-4o', 'none')",
        lambda spans: [(sum(span.type not in ("tool", None) and span.model == "gpt-4o" for span in spans),)],
    ),
    (
        "SELECT count(*) FROM spans WHERE attributes ->> 'gen_ai.request.model' = 'gpt-4o' AND type = 'llm'",
        lambda spans: [(sum(span.type == "llm" and span.request_model == "gpt-4o" for span in spans) or 0,)],
    ),
    (
        "SELECT service, count(*) AS n FROM spans GROUP BY service HAVING n > 3 ORDER BY n DESC, service LIMIT 5",
        busy_services,
    ),
    (
        "SELECT span_id FROM spans WHERE parent_span_id IS NULL ORDER BY start_time DESC, span_id LIMIT 7 OFFSET 2",
        newest_roots,
    ),
    (
        """
        WITH t AS (SELECT trace_id, count(*) AS n FROM spans GROUP BY 1)
        SELECT max(a.n + b.n) FROM t a JOIN t b USING (trace_id)
        """,
        lambda spans: [(2 * longest_trace(spans),)],
    ),
    (
        """
        SELECT count(*) FROM spans s WHERE EXISTS (
            SELECT 1 FROM spans p WHERE p.span_id = s.parent_span_id AND p.trace_id = s.trace_id
        )
        """,
        with_a_parent,
    ),
    (
        "SELECT count(*) FROM spans WHERE start_time > now() - INTERVAL 100 YEAR AND start_time <= now()",
        lambda spans: [(len(spans),)],
    ),
    (
        "SELECT count(*) FROM (SELECT 'x' AS type, name FROM spans WHERE type = 'llm')",
        lambda spans: [(sum(span.type == "llm" for span in spans),)],
    ),
    (
        """
        SELECT n FROM (
            SELECT row_number() OVER (PARTITION BY trace_id ORDER BY start_time, span_id) AS n FROM spans
        ) ORDER BY n DESC LIMIT 1
        """,
        lambda spans: [(longest_trace(spans),)],
    ),
    (
        "SELECT count(*) FROM spans UNION ALL SELECT count(*) FROM calls",
        lambda spans: [(len(spans),), (sum(span.counted for span in spans),)],
    ),
]


@pytest.mark.parametrize("place", range(len(QUERIES)))
async def test_statements_find_what_plain_python_finds(filled: Filled, place: int) -> None:
    sql, plain = QUERIES[place]
    assert await filled.rows(sql) == plain(filled.spans)


async def test_examples_run(filled: Filled) -> None:
    found = [len(await filled.rows(example.sql)) for example in EXAMPLES]
    assert found[0] == len({span.model for span in filled.spans if span.counted})
    assert found[1]


async def test_logs_are_read(filled: Filled) -> None:
    found = named(await filled.ask("SELECT * FROM logs"))
    assert len(found) > 10
    bodies = [json.loads(row["body"]) for row in found if row["body"] is not None]
    assert any(isinstance(body, dict) for body in bodies)
    assert {row["event_name"] for row in found} & {"gen_ai.client.inference.operation.details", "gen_ai.user.message"}
    assert await filled.rows("SELECT count(*) FROM logs") == [(len(found),)]
    joined = await filled.rows("SELECT count(*) FROM logs JOIN spans USING (trace_id, span_id)")
    assert joined == [(len(found),)]


async def test_the_limit_is_said_to_have_cut(filled: Filled) -> None:
    whole = await filled.ask("SELECT span_id FROM spans", limit=len(filled.spans))
    cut = await filled.ask("SELECT span_id FROM spans", limit=len(filled.spans) - 1)
    assert (whole.truncated, whole.table.num_rows) == (False, len(filled.spans))
    assert (cut.truncated, cut.table.num_rows) == (True, len(filled.spans) - 1)


async def test_scores_are_what_is_handed_in(filled: Filled) -> None:
    trace = filled.traces[0].trace_id
    row = ("s1", trace, None, "helpful", 0.5, None, "fine", "human", 1_700_000_000_000_000_000, "ada@example.com")
    arrays = [pa.array([value], field.type) for value, field in zip(row, SCORES, strict=True)]
    scores = pa.Table.from_arrays(arrays, schema=SCORES)
    sql = "SELECT scores.value, traces.span_count FROM scores JOIN traces USING (trace_id)"
    found = await filled.bus.ask(QuerySql(sql=sql, scores=scores))
    assert rows_of(found.table) == [(0.5, filled.traces[0].span_count)]
    assert await filled.rows("SELECT count(*) FROM scores") == [(0,)]


async def test_what_is_in_memory_and_in_segments_is_one_view(tmp_path: Path) -> None:
    async with store_in(tmp_path, SEALED_AT_ONCE) as bus:
        await ingest(bus, *(span(number, start=START + number) for number in range(1, 50)))
        await state_when(bus, all_sealed)
    async with store_in(tmp_path, KEPT_RECENT) as bus:
        await ingest(bus, *(span(number, start=START + number) for number in range(40, 80)))
        found = await bus.ask(QuerySql(sql="SELECT count(*), count(DISTINCT span_id), count(attributes) FROM spans"))
        assert rows_of(found.table) == [(79, 79, 79)]
        newest = await bus.ask(
            QuerySql(sql="SELECT span_id, attributes FROM spans ORDER BY start_time DESC LIMIT 45 OFFSET 1")
        )
        assert [row[0] for row in rows_of(newest.table)] == [f"{number:016x}" for number in range(78, 33, -1)]


async def test_extreme_values_are_read(tmp_path: Path) -> None:
    """Times that no TIMESTAMP_NS has are null; so is the end of what runs."""
    async with store_in(tmp_path) as bus:
        await ingest(
            bus,
            span(1, start=2**64 - 1, end_time_unix_nano=2**64 - 1),
            span(2, start=START, end_time_unix_nano=0),
            span(3, start=START + 10, end_time_unix_nano=START),
            span(4, start=0, end_time_unix_nano=2**64 - 1),
        )
        found = await bus.ask(QuerySql(sql="SELECT start_time, end_time, duration_ns FROM spans ORDER BY span_id"))
        assert rows_of(found.table) == [
            (None, None, 0),
            (START, None, None),
            (START + 10, START, 0),
            (None, None, None),
        ]
        traces = await bus.ask(QuerySql(sql="SELECT span_count, complete, duration_ns FROM traces"))
        assert len(rows_of(traces.table)) == 1
