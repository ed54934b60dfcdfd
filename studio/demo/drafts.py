"""Drafts of spans, timed from the beginning of their trace. They become OTLP when the end of the trace is known."""

import secrets
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import attrs
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

Value: TypeAlias = "str | bool | int | float | Sequence[Value]"
Attributes: TypeAlias = Mapping[str, Value]

_MILLISECOND = 1_000_000  # in nanoseconds


@attrs.frozen(kw_only=True)
class EventDraft:
    """An event ``at`` so many milliseconds after the beginning of the trace."""

    at: int
    name: str
    attributes: Attributes


@attrs.frozen(kw_only=True)
class SpanDraft:
    """A span from ``at[0]`` to ``at[1]`` milliseconds after the beginning of the trace. ``key`` is for ``parent``."""

    key: str
    name: str
    at: tuple[int, int]
    parent: str | None = None
    kind: Span.SpanKind.ValueType = Span.SPAN_KIND_INTERNAL
    attributes: Attributes = attrs.field(factory=dict)
    events: Sequence[EventDraft] = ()
    error: str = ""  # the status message; "" without an error


@attrs.frozen(kw_only=True)
class TraceDraft:
    """One trace of one service; the first span is the root, which ended ``ago`` milliseconds before now."""

    service: str
    scope: str
    spans: Sequence[SpanDraft]
    version: str = "1.9.0"
    ago: int = 0
    trace_id: str = attrs.field(factory=lambda: secrets.token_hex(16))

    def stretched(self, pace: float) -> "TraceDraft":
        """The same trace, ``pace`` times as long."""
        return attrs.evolve(self, spans=[_stretched(span, pace) for span in self.spans])

    def before(self, now: int) -> ResourceSpans:
        """The trace in OTLP, with this time as now: nanoseconds since 1970."""
        root, *_ = self.spans
        beginning = now - (self.ago + root.at[1]) * _MILLISECOND
        ids = {draft.key: secrets.token_bytes(8) for draft in self.spans}
        made = ResourceSpans()
        made.resource.attributes.extend(_key_values(self._resource()))
        scope_spans = made.scope_spans.add()
        scope_spans.scope.name = self.scope
        for draft in self.spans:
            scope_spans.spans.append(_span(draft, bytes.fromhex(self.trace_id), ids, beginning))
        return made

    def _resource(self) -> Attributes:
        return {
            "service.name": self.service,
            "service.version": self.version,
            "deployment.environment.name": "demo",
        }


def _stretched(span: SpanDraft, pace: float) -> SpanDraft:
    events = [attrs.evolve(event, at=round(event.at * pace)) for event in span.events]
    return attrs.evolve(span, at=(round(span.at[0] * pace), round(span.at[1] * pace)), events=events)


def _span(draft: SpanDraft, trace_id: bytes, ids: Mapping[str, bytes], beginning: int) -> Span:
    code = Status.STATUS_CODE_ERROR if draft.error else Status.STATUS_CODE_OK
    return Span(
        trace_id=trace_id,
        span_id=ids[draft.key],
        parent_span_id=ids[draft.parent] if draft.parent else b"",
        name=draft.name,
        kind=draft.kind,
        start_time_unix_nano=beginning + draft.at[0] * _MILLISECOND,
        end_time_unix_nano=beginning + draft.at[1] * _MILLISECOND,
        attributes=_key_values(draft.attributes),
        events=[
            Span.Event(
                time_unix_nano=beginning + event.at * _MILLISECOND,
                name=event.name,
                attributes=_key_values(event.attributes),
            )
            for event in draft.events
        ],
        status=Status(code=code, message=draft.error),
    )


def _key_values(attributes: Attributes) -> list[KeyValue]:
    return [KeyValue(key=key, value=_any_value(value)) for key, value in attributes.items()]


def _any_value(value: Value) -> AnyValue:
    match value:
        case str():
            return AnyValue(string_value=value)
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case _:
            made = AnyValue()
            made.array_value.values.extend(_any_value(item) for item in value)
            return made
