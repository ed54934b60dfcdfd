"""Evidence of a trace as junjo's own client reads it."""

from enum import Enum
from typing import Any, Final

import attrs
import orjson

from actors.span_store.asked.evidence import TraceEvidence
from actors.span_store.columns.spans import StoredSpan
from actors.workflows.evidence.form import AgentRun
from transports.http.wire.span_json import iso_time, kind_name

_TIMES: Final = "_unix_nano"  # at the end of members that are times


def render_evidence(evidence: TraceEvidence) -> bytes:
    """Serialise the evidence of a trace. CPU-heavy: run it off the event loop."""
    spans = [span_document(span) for span in evidence.spans]
    document = {"trace_id": evidence.trace_id, "spans": spans, **_members(evidence.proved)}
    return orjson.dumps(document, default=_plain)


def run_documents(runs: tuple[AgentRun, ...]) -> bytes:
    """Serialise runs of agents as a JSON array."""
    return orjson.dumps(runs, default=_plain)


def span_document(span: StoredSpan) -> dict[str, Any]:
    """A span with all of its attributes, and those of its resource."""
    resource = orjson.loads(span.resource_json)
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "service_name": span.service_name,
        "name": span.name,
        "kind": kind_name(span.kind),
        "start_time": iso_time(span.start_time_unix_nano),
        "end_time": iso_time(span.end_time_unix_nano),
        "status_code": str(span.status_code),
        "status_message": span.status_message,
        "attributes_json": orjson.Fragment(span.attributes_json),
        "events_json": orjson.Fragment(span.events_json),
        "links_json": orjson.Fragment(span.links_json),
        "trace_flags": span.flags,
        "trace_state": span.trace_state or None,
        "dropped_attributes_count": span.dropped_attributes_count,
        "dropped_events_count": span.dropped_events_count,
        "dropped_links_count": span.dropped_links_count,
        "resource_attributes_json": resource["attributes"],
        "resource_dropped_attributes_count": resource["droppedAttributesCount"],
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - what orjson does not know itself
    if isinstance(value, bytes):
        return orjson.Fragment(value)
    if isinstance(value, Enum):
        return value.value
    if attrs.has(type(value)):
        return _members(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def _members(value: Any) -> dict[str, Any]:  # noqa: ANN401 - an attrs value
    """Its members by their names on the wire: times lose their unit, and are texts."""
    return {_name(field.name): _member(field.name, getattr(value, field.name)) for field in attrs.fields(type(value))}


def _name(field: str) -> str:
    return field.removesuffix(_TIMES)


def _member(field: str, value: Any) -> Any:  # noqa: ANN401 - any value
    return iso_time(value) if field.endswith(_TIMES) else value
