"""Spans as the front end reads them: 22 members, always all of them, in this order (contract, section 6)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import attrs
import orjson

from actors.span_store.columns.spans import StoredSpan
from transports.http.framework.route import described
from transports.http.wire.junjo_columns import JunjoColumns, junjo_columns

_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING = JunjoColumns()
_NO_NAMES: Mapping[str, str] = MappingProxyType({})


def render_spans(spans: Sequence[StoredSpan], names: Mapping[str, str] = _NO_NAMES) -> bytes:
    """Serialise spans as a JSON array. CPU-heavy: run it off the event loop for hundreds of spans."""
    return orjson.dumps(span_documents(spans, names))


def render_span(span: StoredSpan | None, parent: StoredSpan | None = None) -> bytes:
    """Serialise one span, or null. Its parent may be needed for the span's ``junjo_parent_id``."""
    documents = span_documents([each for each in (span, parent) if each is not None])
    return orjson.dumps(None if span is None else documents[0])


def may_be_in_subflow(span: StoredSpan) -> bool:
    """Whether the span's parent is needed to show it."""
    return span.parent_span_id is not None and '"junjo.parent_executable_runtime_id"' in span.attributes_json


def subflow_names(spans: Sequence[StoredSpan]) -> dict[str, str]:
    """Shown names of subflows by the names that their children have for them, where the two differ."""
    return _names(_with_columns(span)[1] for span in spans)


def _names(columns: Iterable[JunjoColumns]) -> dict[str, str]:
    return {junjo.runtime_id: junjo.id for junjo in columns if junjo.runtime_id != junjo.id}


def span_documents(spans: Sequence[StoredSpan], names: Mapping[str, str] = _NO_NAMES) -> list[dict[str, Any]]:
    """The members of each span.

    Children of a subflow name it as its own span is shown, where both are among the spans. ``names`` are those of
    subflows that are elsewhere.
    """
    parts = [_with_columns(span) for span in spans]
    names = {**names, **_names(junjo for _, junjo in parts)}
    return [
        _document(span, attributes, attrs.evolve(junjo, parent_id=names[junjo.parent_id]))
        if junjo.parent_id and junjo.parent_id in names
        else _document(span, attributes, junjo)
        for span, (attributes, junjo) in zip(spans, parts, strict=True)
    ]


def _with_columns(span: StoredSpan) -> tuple[Any, JunjoColumns]:
    """Split a span's attributes. They are parsed only where Junjo's are among them; other JSON text passes as it is."""
    if '"junjo.' in span.attributes_json:
        return junjo_columns(orjson.loads(span.attributes_json))
    return orjson.Fragment(span.attributes_json), _NOTHING


def _document(span: StoredSpan, attributes: Any, junjo: JunjoColumns) -> dict[str, Any]:  # noqa: ANN401 - any JSON
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
        "attributes_json": attributes,
        "events_json": orjson.Fragment(span.events_json),
        "links_json": orjson.Fragment(span.links_json),
        "trace_flags": span.flags,
        "trace_state": span.trace_state or None,
        "junjo_id": junjo.id,
        "junjo_parent_id": junjo.parent_id,
        "junjo_span_type": junjo.span_type,
        "junjo_wf_state_start": junjo.state_start,
        "junjo_wf_state_end": junjo.state_end,
        "junjo_wf_graph_structure": junjo.graph_structure,
        "junjo_wf_store_id": junjo.store_id,
    }


def kind_name(kind: int) -> str:
    """The name of a kind of spans; of one that OTLP does not know that of none."""
    return _KINDS[kind] if 0 <= kind < len(_KINDS) else _KINDS[0]


def iso_time(unix_nano: int) -> str:
    """Format a time in UTC with six decimals, always.

    It is computed in integers: a float would round 999999999 ns up to the next second.
    """
    moment = _EPOCH + timedelta(microseconds=unix_nano // 1000)
    return moment.isoformat(timespec="microseconds")


@attrs.frozen(kw_only=True)
class SpanAnswer:
    """One span. Describes what ``span_documents`` makes of it; a test holds the two together."""

    trace_id: str = attrs.field(metadata=described("32 lower-case hex digits", "0af7651916cd43dd8448eb211c80319c"))
    span_id: str = attrs.field(metadata=described("16 lower-case hex digits", "00f067aa0ba902b7"))
    parent_span_id: str | None = attrs.field(metadata=described("null for a root span", None))
    service_name: str = attrs.field(
        metadata=described("Resource attribute service.name, or NO_SERVICE_NAME", "joke-agent")
    )
    name: str = attrs.field(metadata=described("Name of the span; may be empty", "Joke Workflow"))
    kind: str = attrs.field(metadata=described("Span kind", "INTERNAL") | {"enum": list(_KINDS)})
    start_time: datetime = attrs.field(metadata=described("UTC, six decimals and +00:00", "2023-11-14T22:13:20.124Z"))
    end_time: datetime = attrs.field(metadata=described("UTC, six decimals and +00:00", "2023-11-14T22:13:20.126Z"))
    status_code: str = attrs.field(metadata=described("OTLP number as text: 0 unset, 1 ok, 2 error", "1"))
    status_message: str = attrs.field(metadata=described("Text that came with the status", ""))
    attributes_json: dict[str, Any] = attrs.field(
        metadata=described("Attributes, flat, without those that a junjo column shows", {"http.method": "GET"})
    )
    events_json: list[dict[str, Any]] = attrs.field(
        metadata=described(
            "Events in order",
            [{"name": "set_state", "timeUnixNano": 1700000000144956789, "droppedAttributesCount": 0, "attributes": {}}],
        )
    )
    links_json: list[dict[str, Any]] = attrs.field(
        metadata=described(
            "Links to other spans",
            [{"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "attributes": {}}],
        )
    )
    trace_flags: int = attrs.field(metadata=described("OTLP span flags, whole", 257))
    trace_state: str | None = attrs.field(metadata=described("W3C trace state", "vendor=1"))
    junjo_id: str = attrs.field(metadata=described("Id of the Junjo executable, or empty", "JStRA56j6M5PeZddltXhv"))
    junjo_parent_id: str = attrs.field(metadata=described("Id of its parent, or empty", "STOhEjrIuTPPaUZI9GLYW"))
    junjo_span_type: str = attrs.field(
        metadata=described("Junjo span type, or empty", "node")
        | {"enum": ["workflow", "subflow", "node", "run_concurrent", ""]}
    )
    junjo_wf_state_start: Any = attrs.field(
        metadata=described("State before the workflow; an empty object elsewhere", {"count": 0})
    )
    junjo_wf_state_end: Any = attrs.field(
        metadata=described("State after the workflow; an empty object elsewhere", {"count": 1})
    )
    junjo_wf_graph_structure: Any = attrs.field(
        metadata=described(
            "Graph of the workflow; an empty object elsewhere",
            {
                "v": 1,
                "nodes": [
                    {"id": "n1", "type": "Node", "label": "First"},
                    {"id": "n2", "type": "Node", "label": "Next"},
                ],
                "edges": [
                    {
                        "id": "e1",
                        "source": "n1",
                        "target": "n2",
                        "condition": None,
                        "type": "explicit",
                        "subflowId": None,
                    }
                ],
            },
        )
    )
    junjo_wf_store_id: str = attrs.field(metadata=described("Id of the workflow's store, or empty", "store1"))
