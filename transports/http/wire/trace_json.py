"""Summaries, outlines and details of traces as JSON text: see ``trace_answers`` for their members."""

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, TypeAlias

import attrs
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from actors.scores.messages import ScoreSummary
from actors.span_store.columns.types import AnyColumn, Untold
from actors.span_store.pricing.cost import Cost
from actors.span_store.traces.detail import SpanDetail
from actors.span_store.traces.outline import Outline
from actors.span_store.traces.summary import SpanSummary, Tokens, TraceSpans, TraceSummary
from transports.http.wire.moments import time_text

Scores: TypeAlias = Sequence[ScoreSummary]

_TOGETHER = 1000  # spans whose members are in memory at once
_NULL = pa.scalar("null", pa.string())
_COMMA = ","
# Members that are written in another form than they have in the values.
_WRITTEN = {"start_time_unix_nano", "end_time_unix_nano", "tokens", "root"}
_OF_SPANS, _OF_TRACES = (
    [field.name for field in attrs.fields(kind) if field.name not in _WRITTEN] for kind in (SpanSummary, TraceSummary)
)
_span_members, _trace_members = attrgetter(*_OF_SPANS), attrgetter(*_OF_TRACES)


def render_trace(found: TraceSpans, scores: Scores = ()) -> bytes:
    """``{"trace", "spans"}``, and ``"truncated": true`` where there are more. CPU-heavy for thousands of spans."""
    trace = orjson.dumps(trace_document(found.trace, scores))
    spans = b",".join(_spans(found.spans))
    end = b',"truncated":true}' if found.truncated else b"}"
    return b"".join((b'{"trace":', trace, b',"spans":[', spans, b"]", end))


def _spans(spans: tuple[SpanSummary, ...]) -> Iterator[bytes]:
    for begin in range(0, len(spans), _TOGETHER):
        yield orjson.dumps([span_document(span) for span in spans[begin : begin + _TOGETHER]])[1:-1]


def span_document(span: SpanSummary) -> dict[str, Any]:
    """The members of a SpanSummary."""
    plain = zip(_OF_SPANS, _span_members(span), strict=True)
    return {**dict(plain), **_times(span), "tokens": tokens_document(span.tokens)}


def trace_document(trace: TraceSummary, scores: Scores = ()) -> dict[str, Any]:
    """The members of a TraceSummary. ``scores`` are those of the trace."""
    return {
        **dict(zip(_OF_TRACES, _trace_members(trace), strict=True)),
        **_times(trace),
        "root": None if trace.root is None else span_document(trace.root),
        "tokens": tokens_document(trace.tokens),
        "scores": [{"name": score.name, "value": score.value, "count": score.count} for score in scores],
    }


def tokens_document(tokens: Tokens | None) -> dict[str, int | None] | None:
    """The members of tokens."""
    if tokens is None:
        return None
    return {
        "input": tokens.input,
        "output": tokens.output,
        "cache_read": tokens.cache_read,
        "cache_write": tokens.cache_write,
        "reasoning": tokens.reasoning,
    }


def _times(timed: SpanSummary | TraceSummary) -> dict[str, Any]:
    end = timed.end_time_unix_nano
    return {
        "start_time": time_text(timed.start_time_unix_nano),
        "end_time": None if end is None else time_text(end),
        "duration_ns": timed.duration_ns,
    }


def render_outline(outline: Outline, scores: Scores = ()) -> bytes:
    """Outline of a trace; Arrow writes its columns."""
    columns = outline.columns
    texts = (b'"%b":%b' % (name.encode(), _column_json(columns[name])) for name in columns.column_names)
    head = {
        "trace": trace_document(outline.trace, scores),
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
        "dropped": attrs.asdict(detail.dropped),
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
