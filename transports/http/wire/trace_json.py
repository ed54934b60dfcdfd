"""Summaries, outlines and details of traces as JSON text: see ``trace_answers`` for their members."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.types import AnyColumn, Untold
from actors.span_store.pricing.cost import Cost
from actors.span_store.traces.detail import SpanDetail
from actors.span_store.traces.outline import Outline
from actors.span_store.traces.summary import SpanSummary, TraceSpans, TraceSummary
from transports.http.wire.moments import time_text

_TOGETHER = 1000  # spans whose members are in memory at once
_NULL = pa.scalar("null", pa.string())
_COMMA = ","


def render_trace(found: TraceSpans) -> bytes:
    """``{"trace", "spans"}``, and ``"truncated": true`` where there are more. CPU-heavy for thousands of spans."""
    trace = orjson.dumps(trace_document(found.trace))
    spans = b",".join(_spans(found.spans))
    end = b',"truncated":true}' if found.truncated else b"}"
    return b"".join((b'{"trace":', trace, b',"spans":[', spans, b"]", end))


def _spans(spans: tuple[SpanSummary, ...]) -> Iterator[bytes]:
    for begin in range(0, len(spans), _TOGETHER):
        yield orjson.dumps([span_document(span) for span in spans[begin : begin + _TOGETHER]])[1:-1]


def span_document(span: SpanSummary) -> dict[str, Any]:
    """The members of a SpanSummary."""
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "service": span.service,
        "name": span.name,
        "kind": span.kind,
        "type": span.type,
        **_times(span),
        "status": span.status,
        "status_message": span.status_message,
        "error_type": span.error_type,
        "model": span.model,
        "request_model": span.request_model,
        "provider": span.provider,
        "tokens": _members(span.tokens),
        "cost_usd": span.cost_usd,
        "cost_source": span.cost_source,
        "counted": span.counted,
        "session_id": span.session_id,
        "user_id": span.user_id,
        "agent": span.agent,
        "tool": span.tool,
        "finish_reason": span.finish_reason,
        "time_to_first_token_ns": span.time_to_first_token_ns,
        "prompt_name": span.prompt_name,
        "prompt_version": span.prompt_version,
        "version": span.version,
        "environment": span.environment,
        "input_preview": span.input_preview,
        "output_preview": span.output_preview,
    }


def trace_document(trace: TraceSummary) -> dict[str, Any]:
    """The members of a TraceSummary."""
    return {
        "trace_id": trace.trace_id,
        "root": None if trace.root is None else span_document(trace.root),
        "name": trace.name,
        "service": trace.service,
        "services": trace.services,
        **_times(trace),
        "span_count": trace.span_count,
        "error_count": trace.error_count,
        "status": trace.status,
        "complete": trace.complete,
        "llm_calls": trace.llm_calls,
        "models": trace.models,
        "tokens": _members(trace.tokens),
        "cost_usd": trace.cost_usd,
        "unpriced": trace.unpriced,
        "session_id": trace.session_id,
        "user_id": trace.user_id,
        "agents": trace.agents,
        "tools": trace.tools,
        "input_preview": trace.input_preview,
        "output_preview": trace.output_preview,
        "scores": [],  # nothing gives any yet
    }


def _times(timed: SpanSummary | TraceSummary) -> dict[str, Any]:
    end = timed.end_time_unix_nano
    return {
        "start_time": time_text(timed.start_time_unix_nano),
        "end_time": None if end is None else time_text(end),
        "duration_ns": timed.duration_ns,
    }


def _members(value: Any) -> dict[str, Any] | None:  # noqa: ANN401 - an attrs value with plain members
    return None if value is None else attrs.asdict(value)


def render_outline(outline: Outline) -> bytes:
    """Outline of a trace; Arrow writes its columns."""
    columns = outline.columns
    texts = (b'"%b":%b' % (name.encode(), _column_json(columns[name])) for name in columns.column_names)
    head = {
        "trace": trace_document(outline.trace),
        "count": outline.count,
        "origin": time_text(outline.origin_unix_nano),
        "truncated": outline.truncated,
        "dictionaries": outline.dictionaries,
        "columns": orjson.Fragment(b"{%b}" % b",".join(texts)),
    }
    return orjson.dumps(head)


def _column_json(column: AnyColumn) -> bytes:
    """A column as an array. JSON has numbers and truth values as Arrow writes them as text."""
    values: Untold = column.combine_chunks()
    if values.type == pa.string():
        return orjson.dumps(values.to_pylist())
    texts = pc.fill_null(values.cast(pa.string()), _NULL)
    together = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts)
    joined: Untold = pc.binary_join(together, _COMMA)
    [text] = joined.to_pylist()
    return b"[%b]" % (text or "").encode()


def render_detail(detail: SpanDetail) -> bytes:
    """Everything about one span."""
    document = {
        "span": span_document(detail.span),
        "attributes": _attributes(detail.attributes),
        "events": [
            {
                "name": event.name,
                "time": time_text(event.time_unix_nano),
                "attributes": _attributes(event.attributes),
                "dropped_attributes": event.dropped_attributes,
            }
            for event in detail.events
        ],
        "links": [
            attrs.asdict(link, recurse=False) | {"attributes": _attributes(link.attributes)} for link in detail.links
        ],
        "resource": _attributes(detail.resource),
        "scope": attrs.asdict(detail.scope, recurse=False) | {"attributes": _attributes(detail.scope.attributes)},
        "dropped": _members(detail.dropped),
        "logs": [_log(log) for log in detail.logs],
        **attrs.asdict(detail.said, recurse=False),
        "cost": None if detail.cost is None else _cost(detail.cost),
        "truncated": [{"in": cut.within, "key": cut.key, "bytes": cut.bytes} for cut in detail.truncated],
    }
    return orjson.dumps(document)


def _log(log: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: None if log[name] is None else time_text(log[name]) for name in ("time", "observed_time")}
    return {**log, **times, "body": _written(log["body"]), "attributes": _attributes(log["attributes"])}


def _cost(cost: Cost) -> dict[str, Any]:
    document = attrs.asdict(cost)
    if cost.price is not None and cost.price.valid_from is not None:
        document["price"]["valid_from"] = time_text(cost.price.valid_from)
    return document


def _attributes(attributes: Mapping[str, Any]) -> orjson.Fragment:
    return _written(attributes)


def _written(value: Any) -> orjson.Fragment:  # noqa: ANN401 - any JSON value
    """Written by itself: it may be nested as deep as orjson goes."""
    return orjson.Fragment(orjson.dumps(value))
