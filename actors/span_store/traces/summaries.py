"""Makes summaries of the rows of one trace."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from math import fsum
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.rows import ROWS
from actors.span_store.columns.types import AnyColumn, Untold
from actors.span_store.traces.arrow_values import integers, words
from actors.span_store.traces.counting import COLUMNS as COUNTING
from actors.span_store.traces.previews import NOTHING, Preview
from actors.span_store.traces.summary import MOST_LISTED, MOST_SPANS, SpanSummary, Tokens, TraceSpans, TraceSummary

PreviewsById: TypeAlias = Mapping[str, Preview]

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")
_ERROR = 2
_MOST = 2**63
# Who made the cost, where it is not only the sender.
_COST = ("cost_usd", "cost_source") if "cost_usd" in ROWS.names else ("cost",)
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_AS_STORED = (
    "trace_id",
    "span_id",
    "parent_span_id",
    "name",
    "type",
    "start_time_unix_nano",
    "status_message",
    "error_type",
    "model",
    "request_model",
    "provider",
    "session_id",
    "user_id",
    "agent",
    "tool",
    "finish_reason",
    "time_to_first_token_ns",
    "prompt_name",
    "prompt_version",
    "version",
    "environment",
)
# What is read of each span of a trace.
COLUMNS = tuple(
    dict.fromkeys(
        (*_AS_STORED, "service_name", "kind", "end_time_unix_nano", "status_code", *_TOKENS, *_COST, *COUNTING)
    )
)


def in_order(spans: pa.Table) -> pa.Table:
    """Oldest first, and by id where several start together."""
    order = pc.sort_indices(spans, [("start_time_unix_nano", "ascending"), ("span_id", "ascending")])
    return spans.take(order)


def trace_spans(spans: pa.Table, counted: Container[int], previews: PreviewsById) -> TraceSpans:
    """A trace and its spans. ``spans`` are all of them in order, ``counted`` the rows of those that count."""
    shown = spans.slice(0, MOST_SPANS)
    return TraceSpans(
        trace=trace_summary(spans, counted, previews),
        spans=tuple(span_summaries(shown, range(shown.num_rows), counted, previews)),
        truncated=shown.num_rows < spans.num_rows,
    )


def span_summaries(
    spans: pa.Table, rows: Sequence[int], counted: Container[int], previews: PreviewsById
) -> Iterator[SpanSummary]:
    """Those of some rows."""
    some = spans.take(pa.array(rows, pa.int64()))
    ids: Untold = some["span_id"].to_pylist()
    lines = [previews.get(span_id, NOTHING) for span_id in ids]
    columns: dict[str, Iterable[Any]] = {
        **{name: _values(some[name]) for name in _AS_STORED},
        **_translated(some),
        "counted": [row in counted for row in rows],
        "input_preview": [asked for asked, _ in lines],
        "output_preview": [answered for _, answered in lines],
    }
    for values in zip(*columns.values(), strict=True):
        yield SpanSummary(**dict(zip(columns, values, strict=True)))


def _translated(spans: pa.Table) -> dict[str, Iterable[Any]]:
    """The members that are stored in another form."""
    costs = list(costs_of(spans))
    return {
        "service": _values(spans["service_name"]),
        "kind": [_word(KINDS, number) for number in integers(spans["kind"])],
        "status": [_word(STATUSES, number) for number in integers(spans["status_code"])],
        "end_time_unix_nano": [end or None for end in spans["end_time_unix_nano"].to_pylist()],
        "tokens": tokens_of(spans),
        "cost_usd": [cost for cost, _ in costs],
        "cost_source": [source for _, source in costs],
    }


def _word(words: Sequence[str], number: int) -> str:
    """The first one stands for numbers that OTLP does not know."""
    return words[number] if 0 <= number < len(words) else words[0]


def _values(column: AnyColumn) -> list[Any]:
    """Values of a column; mostly texts, of which many are the same."""
    return words(column) if column.type == pa.string() else column.to_pylist()


def tokens_of(spans: pa.Table) -> Iterator[Tokens | None]:
    for values in zip(*(spans[name].to_pylist() for name in _TOKENS), strict=True):
        yield _tokens(values)


def _tokens(values: Sequence[int | None]) -> Tokens | None:
    if all(value is None for value in values):
        return None
    read = dict(zip(("input", "output", "cache_read", "cache_write", "reasoning"), values, strict=True))
    return Tokens(**read)


def costs_of(spans: pa.Table) -> Iterable[tuple[float | None, str | None]]:
    """The cost of each span and where it is from. Before costs are computed, all are what the sender reported."""
    if len(_COST) > 1:
        return zip(*(spans[name].to_pylist() for name in _COST), strict=True)
    return ((cost, None if cost is None else "reported") for cost in spans[_COST[0]].to_pylist())


def costs_column(spans: pa.Table) -> AnyColumn:
    """The cost of each span in US dollars."""
    return spans[_COST[0]]


def root_of(spans: pa.Table) -> int | None:
    """The row of the earliest span without a parent."""
    roots: Untold = pc.indices_nonzero(spans["parent_span_id"].is_null())
    return roots[0].as_py() if len(roots) else None


def trace_summary(spans: pa.Table, counted: Container[int], previews: PreviewsById) -> TraceSummary:
    """The summary of a trace. ``spans`` are all of its spans in order."""
    first = root_of(spans)
    earliest = next(span_summaries(spans, [first or 0], counted, previews))
    root = None if first is None else earliest
    rows = [row for row in range(spans.num_rows) if row in counted]
    calls = spans.select([*_TOKENS, *_COST, "model", "status_code"]).take(pa.array(rows, pa.int64()))
    return TraceSummary(
        trace_id=earliest.trace_id,
        root=root,
        name=earliest.name,
        service=earliest.service,
        services=_listed(spans["service_name"]),
        start_time_unix_nano=spans["start_time_unix_nano"][0].as_py(),
        end_time_unix_nano=pc.max(spans["end_time_unix_nano"]).as_py() or None,
        span_count=spans.num_rows,
        error_count=_errors(spans),
        status="error" if (root and root.status == "error") or _errors(calls) else "ok",
        complete=root is not None and root.end_time_unix_nano is not None,
        llm_calls=calls.num_rows,
        models=_listed(calls["model"]),
        session_id=_first_known(root.session_id if root else None, spans["session_id"]),
        user_id=_first_known(root.user_id if root else None, spans["user_id"]),
        agents=_listed(spans["agent"]),
        tools=_listed(spans["tool"]),
        input_preview=root.input_preview if root else None,
        output_preview=root.output_preview if root else None,
        **call_sums(calls),
    )


def call_sums(calls: pa.Table) -> dict[str, Any]:
    """Tokens, cost and unpriced calls of some calls. Of an empty column there is no sum: it is null.

    It is done in Python, whose numbers do not overflow.
    """
    tokens = (_sum(integers(calls[name].drop_null())) for name in _TOKENS)
    costs: Untold = costs_column(calls).drop_null().to_pylist()
    return {
        "tokens": _tokens(tuple(tokens)),
        "cost_usd": fsum(costs) if costs else None,
        "unpriced": calls.num_rows - len(costs),
    }


def _sum(values: list[int]) -> int | None:
    """``None`` also where no reader of JSON could hold it."""
    total = sum(values)
    return total if values and total < _MOST else None


def _errors(spans: pa.Table) -> int:
    return integers(spans["status_code"]).count(_ERROR)


def _listed(column: AnyColumn) -> tuple[str, ...]:
    names: Untold = column.unique().drop_null()
    return tuple(sorted(names.to_pylist())[:MOST_LISTED])


def _first_known(of_root: str | None, column: AnyColumn) -> str | None:
    if of_root is not None:
        return of_root
    known: Untold = column.drop_null()
    return known[0].as_py() if len(known) else None
