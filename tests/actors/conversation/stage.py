"""What tests of conversations share: recorded spans with their log records, and a sketch of what a span said."""

import base64
import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValueList

from actors.conversation.form import (
    Conversation,
    Json,
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from actors.conversation.reading import conversation_of, said_in
from actors.span_store.columns.attribute_column import shown
from actors.span_store.columns.rows import span_rows
from transports.otlp.decode import decode_trace_request

RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
SYSTEM, ASKED = "You are a support agent. Be brief.", "Where is my order 4711?"
ANSWER = "The order 4711 is on its way."
_WORDS = {
    SYSTEM: "SYSTEM",
    f'{SYSTEM}\n\nYou are an agent. Your internal name is "support".': "SYSTEM",
    ASKED: "ASKED",
    ANSWER: "ANSWER",
    '{"order_id": "4711", "amount": 150}': "ORDER",
    '{"status": "customs"}': "customs",
}


@attrs.frozen
class Recorded:
    """A recorded span: its row, and its log records."""

    row: dict[str, Any]
    logs: tuple[dict[str, Any], ...]

    def conversation(self, *, with_logs: bool = True) -> Conversation:
        return conversation_of(*self._recorded, self.logs if with_logs else ())

    def said(self) -> Conversation:
        """Messages and values alone, without log records."""
        return said_in(*self._recorded)

    @property
    def _recorded(self) -> tuple[str, str, dict[str, Any], list[dict[str, Any]]]:
        row = self.row
        scope, attributes, events = map(json.loads, (row["scope_json"], row["attributes_json"], row["events_json"]))
        return row["name"], scope["name"], attributes, events


@cache
def recorded(file: str) -> tuple[Recorded, ...]:
    """The spans of a recording, in the order in which they were sent."""
    request = decode_trace_request((RECORDINGS / file).read_bytes())
    rows = shown(pa.Table.from_batches([span_rows(request.spans).batch])).to_pylist()
    logs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for span_id, record in _logs(RECORDINGS / file.replace(".bin", ".logs.bin")):
        logs[span_id].append(record)
    return tuple(Recorded(row, tuple(logs[row["span_id"]])) for row in rows)


def _logs(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    request = ExportLogsServiceRequest.FromString(path.read_bytes() if path.exists() else b"")
    for record in (each for r in request.resource_logs for s in r.scope_logs for each in s.log_records):
        attributes = _value(AnyValue(kvlist_value=KeyValueList(values=record.attributes)))
        body = _value(record.body)
        yield record.span_id.hex(), {"event_name": record.event_name, "body": body, "attributes": attributes}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {item.key: _value(item.value) for item in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind) if kind else None


def sketch(conversation: Conversation) -> str:
    """The messages on one line: ``system SYSTEM | user ASKED -> assistant ANSWER (stop)``."""
    sides = {"input": [], "output": []}  # type: dict[str, list[str]]
    for message in conversation.messages:
        sides[message.side].append(_said(message))
    return " -> ".join(" | ".join(said) for said in sides.values()).strip()


def _said(message: Message) -> str:
    parts = " + ".join(map(_part, message.parts)) or "nothing"
    return f"{message.role} {parts}" + (f" ({message.finish_reason})" if message.finish_reason else "")


def _part(part: Part) -> str:
    match part:
        case Text():
            said = _WORDS.get(part.text, part.text)
        case Reasoning():
            said = f"thought {part.text!r}"
        case Refusal():
            said = f"refused {part.text!r}"
        case ToolCall():
            said = f"call {part.name} {json.dumps(part.arguments)}"
        case ToolResult():
            result = part.result if isinstance(part.result, str) else json.dumps(part.result)
            said = f"result of {part.name}: {_WORDS.get(result, result[:18])}"
        case Media():
            place = "data" if part.data else "url" if part.url else "id"
            said = f"{part.kind} {part.media_type} by {place}"
        case Json():
            said = f"json {json.dumps(part.value)}"
    return said
