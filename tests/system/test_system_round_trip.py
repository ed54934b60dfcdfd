"""Any OTLP span in, the same span out: over real sockets, in both encodings, as the contract shows it (section 6)."""

import itertools
import json
import math
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from scripts.load.own_studio import OwnStudio
from tests.spans import any_value
from tests.system.conftest import Running

pytestmark = pytest.mark.integration

_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_IDS = ("traceId", "spanId", "parentSpanId")  # hex in OTLP/JSON, and not base64 as everywhere else in JSON of protobuf

TEXT = st.text(max_size=20)
TIME = st.integers(0, 2**64 - 1)
COUNT = st.integers(0, 2**32 - 1)
VALUE = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | TEXT | st.binary(max_size=20),
    lambda inner: st.lists(inner | st.none(), max_size=3) | st.dictionaries(TEXT, inner | st.none(), max_size=3),
    max_leaves=6,
)
# Junjo's own attributes have columns of their own, and tests of their own.
KEY = TEXT.filter(lambda key: not key.startswith("junjo."))
ATTRIBUTES = st.dictionaries(KEY, VALUE, max_size=4)
EVENT = st.fixed_dictionaries(
    {"time_unix_nano": TIME, "name": TEXT, "dropped_attributes_count": COUNT, "attributes": ATTRIBUTES}
)
LINK = st.fixed_dictionaries(
    {
        "trace_id": st.binary(max_size=16),
        "span_id": st.binary(max_size=8),
        "trace_state": TEXT,
        "dropped_attributes_count": COUNT,
        "flags": COUNT,
        "attributes": ATTRIBUTES,
    }
)
SPAN = st.fixed_dictionaries(
    {
        "parent_span_id": st.just(b"") | st.binary(min_size=8, max_size=8).filter(any),
        "trace_state": TEXT,
        "flags": COUNT,
        "name": TEXT,
        "kind": st.integers(0, 5),
        "start_time_unix_nano": TIME,
        "end_time_unix_nano": TIME,
        "status_code": st.integers(0, 2),
        "status_message": TEXT,
        "attributes": ATTRIBUTES,
        "events": st.lists(EVENT, max_size=2),
        "links": st.lists(LINK, max_size=2),
        "service": st.none() | TEXT,
    }
)
numbers = itertools.count(1)  # of traces: a span that was sent before would be found as it was then


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One studio for all examples."""
    with OwnStudio(tmp_path_factory.mktemp("round-trip") / "data") as studio:
        yield Running(studio=studio, key=studio.sign_up())


@given(values=SPAN, as_json=st.booleans())
@settings(max_examples=200)
def test_any_span_comes_back_as_it_was_sent(running: Running, values: dict[str, Any], *, as_json: bool) -> None:
    trace_id = next(numbers).to_bytes(16, "big")
    request = _request(trace_id, values)
    _send(running, request, as_json=as_json)
    reply = running.studio.rest("GET", f"/api/v1/observability/traces/{trace_id.hex()}/spans/{bytes(7).hex()}01")
    assert reply.status == 200
    shown = json.loads(reply.body, parse_constant=pytest.fail)
    # As text, because to Python 1, 1.0 and True are equal.
    assert json.dumps(shown, indent=1) == json.dumps(_shown(trace_id, values), indent=1)


def _request(trace_id: bytes, values: dict[str, Any]) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    if values["service"] is not None:
        resource_spans.resource.attributes.add(key="service.name", value=any_value(values["service"]))
    plain = ("parent_span_id", "trace_state", "flags", "name", "kind", "start_time_unix_nano", "end_time_unix_nano")
    span = Span(trace_id=trace_id, span_id=b"\0" * 7 + b"\1", **{name: values[name] for name in plain})
    span.status.code, span.status.message = values["status_code"], values["status_message"]
    _add(span, values["attributes"])
    for event in values["events"]:
        _add(span.events.add(**{**event, "attributes": []}), event["attributes"])
    for link in values["links"]:
        _add(span.links.add(**{**link, "attributes": []}), link["attributes"])
    resource_spans.scope_spans.add().spans.append(span)
    return request


def _add(target: Any, attributes: dict[str, Any]) -> None:
    for key, value in attributes.items():
        target.attributes.add(key=key, value=any_value(value))


def _send(running: Running, request: ExportTraceServiceRequest, *, as_json: bool) -> None:
    if as_json:
        document = _with_hex_ids(MessageToDict(request, use_integers_for_enums=True))
        reply = running.studio.rest("POST", "/v1/traces", document, {"x-junjo-api-key": running.key})
        assert (reply.status, reply.body) == (200, b"{}")
    else:
        headers = {"x-junjo-api-key": running.key, "Content-Type": "application/x-protobuf"}
        reply = running.studio.call("POST", "/v1/traces", request.SerializeToString(), headers)
        assert (reply.status, reply.body) == (200, b"")


def _with_hex_ids(document: Any) -> Any:
    if isinstance(document, list):
        return [_with_hex_ids(item) for item in document]
    if not isinstance(document, dict):
        return document
    return {key: b64decode(value).hex() if key in _IDS else _with_hex_ids(value) for key, value in document.items()}


def _shown(trace_id: bytes, values: dict[str, Any]) -> dict[str, Any]:
    """The span in the JSON of the contract."""
    return {
        "trace_id": trace_id.hex(),
        "span_id": "0000000000000001",
        "parent_span_id": values["parent_span_id"].hex() or None,
        "service_name": "NO_SERVICE_NAME" if values["service"] is None else values["service"],
        "name": values["name"],
        "kind": _KINDS[values["kind"]],
        "start_time": _time(values["start_time_unix_nano"]),
        "end_time": _time(values["end_time_unix_nano"]),
        "status_code": str(values["status_code"]),
        "status_message": values["status_message"],
        "attributes_json": _value(values["attributes"]),
        "events_json": [_event(event) for event in values["events"]],
        "links_json": [_link(link) for link in values["links"]],
        "trace_flags": values["flags"],
        "trace_state": values["trace_state"] or None,
        "junjo_id": "",
        "junjo_parent_id": "",
        "junjo_span_type": "",
        "junjo_wf_state_start": {},
        "junjo_wf_state_end": {},
        "junjo_wf_graph_structure": {},
        "junjo_wf_store_id": "",
    }


def _event(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": event["name"],
        "timeUnixNano": event["time_unix_nano"],
        "droppedAttributesCount": event["dropped_attributes_count"],
        "attributes": _value(event["attributes"]),
    }


def _link(link: dict[str, Any]) -> dict[str, Any]:
    return {
        "traceId": link["trace_id"].hex(),
        "spanId": link["span_id"].hex(),
        "traceState": link["trace_state"],
        "attributes": _value(link["attributes"]),
        "droppedAttributesCount": link["dropped_attributes_count"],
        "flags": link["flags"],
    }


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _value(item) for key, item in value.items()}
    return [_value(item) for item in value] if isinstance(value, list) else value


def _time(unix_nano: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=unix_nano // 1000)
    return moment.isoformat(timespec="microseconds")
