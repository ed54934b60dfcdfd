"""Spans as evidence is read from them: with who sent them, and what was dropped on the way."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from actors.span_store.columns.spans import StoredSpan
from actors.span_store.traces.summaries import STATUSES
from actors.workflows.evidence.facts import SentSpan
from actors.workflows.evidence.form import LossCounts, Service
from actors.workflows.span import Span, text_in


def sent_span(stored: StoredSpan) -> SentSpan:
    resource, events = orjson.loads(stored.resource_json), orjson.loads(stored.events_json)
    losses = LossCounts(
        resource_dropped_attributes=resource["droppedAttributesCount"],
        span_dropped_attributes=stored.dropped_attributes_count,
        span_dropped_events=stored.dropped_events_count,
        span_dropped_links=stored.dropped_links_count,
        event_dropped_attributes=sum(event["droppedAttributesCount"] for event in events),
    )
    return SentSpan(
        span=_span(stored, events), service=_service(stored.service_name, resource["attributes"]), losses=losses
    )


def _span(stored: StoredSpan, events: Sequence[Mapping[str, Any]]) -> Span:
    code = stored.status_code
    return Span(
        trace_id=stored.trace_id,
        span_id=stored.span_id,
        parent_span_id=stored.parent_span_id,
        service=stored.service_name,
        name=stored.name,
        start_time_unix_nano=stored.start_time_unix_nano,
        end_time_unix_nano=stored.end_time_unix_nano or None,
        status=STATUSES[code] if 0 <= code < len(STATUSES) else STATUSES[0],
        status_message=stored.status_message,
        attributes=orjson.loads(stored.attributes_json),
        events=events,
        dropped_attributes=stored.dropped_attributes_count,
        dropped_events=stored.dropped_events_count,
    )


def _service(name: str, attributes: Mapping[str, Any]) -> Service:
    return Service(
        namespace=text_in(attributes, "service.namespace") or "",
        name=name,
        version=text_in(attributes, "service.version"),
    )
