"""Decoding OTLP loses nothing and refuses only what has no identity."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from actors.errors import InvalidRequest
from tests.spans import any_value, otlp_request, otlp_span
from transports.otlp.decode import decode_trace_request
from transports.otlp.request import DecodedRequest

pytestmark = pytest.mark.unit

RECORDINGS = Path(__file__).parents[1] / "recordings"


def test_every_field_of_a_span_arrives() -> None:
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add(schema_url="https://schemas.example/1")
    resource_spans.resource.attributes.add(key="service.name", value=any_value("checkout"))
    resource_spans.resource.dropped_attributes_count = 1
    resource_spans.resource.entity_refs.add(type="service", id_keys=["service.name"])
    scope_spans = resource_spans.scope_spans.add(schema_url="https://schemas.example/2")
    scope_spans.scope.name = "library"
    scope_spans.scope.version = "2.1"
    scope_spans.scope.attributes.add(key="k", value=any_value(1))
    scope_spans.scope.dropped_attributes_count = 2
    sent = scope_spans.spans.add(
        trace_id=bytes(range(16)),
        span_id=bytes(range(1, 9)),
        parent_span_id=bytes(range(2, 10)),
        trace_state="vendor=1",
        flags=0x301,
        name="call",
        kind=OtlpSpan.SPAN_KIND_CONSUMER,
        start_time_unix_nano=2**64 - 1,
        end_time_unix_nano=5,
        dropped_attributes_count=3,
        dropped_events_count=4,
        dropped_links_count=5,
    )
    sent.status.code = Status.STATUS_CODE_ERROR
    sent.status.message = "no"
    sent.attributes.add(key="a", value=any_value(True))
    event = sent.events.add(time_unix_nano=7, name="e", dropped_attributes_count=6)
    event.attributes.add(key="b", value=any_value(1.5))
    link = sent.links.add(
        trace_id=b"\1" * 16, span_id=b"\2" * 8, trace_state="x=y", flags=1, dropped_attributes_count=7
    )
    link.attributes.add(key="c", value=any_value("d"))

    [span] = decode_trace_request(request.SerializeToString()).spans

    assert span.trace_id == "000102030405060708090a0b0c0d0e0f"
    assert span.span_id == "0102030405060708"
    assert span.parent_span_id == "0203040506070809"
    assert (span.trace_state, span.flags, span.name, span.kind) == ("vendor=1", 0x301, "call", 5)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (2**64 - 1, 5)
    assert (span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count) == (3, 4, 5)
    assert (span.status_code, span.status_message) == (2, "no")
    assert span.attributes == {"a": True}
    assert span.events == [(7, "e", {"b": 1.5}, 6)]
    assert span.links == [("01" * 16, "02" * 8, "x=y", {"c": "d"}, 7, 1)]
    assert span.resource.attributes == {"service.name": "checkout"}
    assert (span.resource.dropped_attributes_count, span.resource.schema_url) == (1, "https://schemas.example/1")
    assert span.resource.entity_refs == [
        {"schemaUrl": "", "type": "service", "idKeys": ["service.name"], "descriptionKeys": []}
    ]
    assert span.scope == ("library", "2.1", {"k": 1}, 2, "https://schemas.example/2")


def test_values_of_every_type_keep_it_at_any_depth() -> None:
    nested = {"list": ["a", 1, 1.0, True, b"\0\xff", None, ["deep", {"er": [b"x"]}]], "empty": {}, "none": []}
    request = otlp_request(otlp_span(1, value=nested, whole=3.0, big=2**63 - 1, small=-(2**63), nan=math.nan))
    [span] = decode_trace_request(request.SerializeToString()).spans
    assert span.attributes["value"] == nested
    assert isinstance(span.attributes["whole"], float)
    assert span.attributes["big"] == 2**63 - 1
    assert span.attributes["small"] == -(2**63)
    assert repr(span.attributes["nan"]) == "nan"


def test_an_attribute_without_value_is_left_out_and_the_last_of_two_counts() -> None:
    sent = otlp_span(1)
    sent.attributes.add(key="unset")
    sent.attributes.add(key="twice", value=any_value(1))
    sent.attributes.add(key="twice", value=any_value(2))
    [span] = decode_trace_request(otlp_request(sent).SerializeToString()).spans
    assert span.attributes == {"twice": 2}


def test_spans_without_identity_are_rejected_and_the_others_kept() -> None:
    short, zero, no_span = otlp_span(1), otlp_span(2), otlp_span(3)
    short.trace_id = b"\1" * 8
    zero.trace_id = b"\0" * 16
    no_span.span_id = b""
    decoded = decode_trace_request(otlp_request(short, otlp_span(4), zero, no_span).SerializeToString())
    assert [span.span_id for span in decoded.spans] == [f"{4:016x}"]
    assert decoded.rejected == 3
    assert decoded.message == (
        "2 span(s) rejected: trace_id must be 16 bytes, not all zero; "
        "1 span(s) rejected: span_id must be 8 bytes, not all zero"
    )


def test_an_all_zero_parent_is_no_parent() -> None:
    sent = otlp_span(1)
    sent.parent_span_id = bytes(8)
    [span] = decode_trace_request(otlp_request(sent).SerializeToString()).spans
    assert span.parent_span_id == ""


def test_end_before_start_and_an_unknown_kind_are_kept() -> None:
    sent = otlp_span(1)
    sent.end_time_unix_nano = 1
    sent.kind = 77  # type: ignore[assignment] # a number that no enum member has, as a newer sender may use
    [span] = decode_trace_request(otlp_request(sent).SerializeToString()).spans
    assert (span.end_time_unix_nano, span.kind) == (1, 77)


@pytest.mark.parametrize("body", [b"\xff", b"\x0a\xff", b"<html>", b"\x0a\x05\x0a"])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode_trace_request(body)


def test_an_empty_request_is_fine() -> None:
    assert decode_trace_request(b"").spans == []


@pytest.mark.parametrize(("name", "count"), [("crafted_main", 17), ("junjo_0.62.0", 17), ("junjo_0.69.0", 21)])
def test_recorded_requests_decode(name: str, count: int) -> None:
    decoded = decode_trace_request((RECORDINGS / f"{name}.bin").read_bytes())
    assert (len(decoded.spans), decoded.rejected) == (count, 0)


def length_delimited(number: int, content: bytes) -> bytes:
    """One protobuf field of wire type 2, with a length of three varint bytes at the most."""
    size = len(content)
    length = bytes((size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14))
    return bytes([number << 3 | 2]) + length + content


def span_with_a_value_nested(depth: int) -> bytes:
    """Encoded by hand, because protobuf's own encoder refuses what its parser would."""
    value = length_delimited(1, b"deep")
    for _ in range(depth):
        value = length_delimited(5, length_delimited(1, value))
    attribute = length_delimited(1, b"key") + length_delimited(2, value)
    return otlp_span(2).SerializeToString() + length_delimited(9, attribute)


def request_of(*spans: bytes) -> bytes:
    scope_spans = length_delimited(1, length_delimited(1, b"tests")) + b"".join(
        length_delimited(2, span) for span in spans
    )
    resource = otlp_request(service="kept").resource_spans[0].resource.SerializeToString()
    return length_delimited(1, length_delimited(1, resource) + length_delimited(2, scope_spans))


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(span_with_a_value_nested(60), id="nested too deeply"),
        pytest.param(
            otlp_span(2).SerializeToString() + length_delimited(5, b"\xff\xfe"), id="a name that is not UTF-8"
        ),
        pytest.param(b"\x0a\xff", id="truncated"),
    ],
)
def test_one_unreadable_span_costs_the_others_nothing(bad: bytes) -> None:
    body = request_of(otlp_span(1).SerializeToString(), bad, otlp_span(3).SerializeToString())
    decoded = decode_trace_request(body)
    assert [span.span_id for span in decoded.spans] == [f"{1:016x}", f"{3:016x}"]
    assert decoded.spans[0].resource.attributes == {"service.name": "kept"}
    assert decoded.spans[0].scope.name == "tests"
    assert decoded.message == "1 span(s) rejected: the span, its scope or its resource is malformed or too deep"


@pytest.mark.parametrize("unreadable", ["resource", "scope"])
def test_an_unreadable_resource_or_scope_costs_other_spans_nothing(unreadable: str) -> None:
    no_text = length_delimited(1, length_delimited(1, b"\xff\xfe"))
    spans = length_delimited(2, otlp_span(1).SerializeToString()) + length_delimited(
        2, otlp_span(2).SerializeToString()
    )
    bad_scope = length_delimited(2, length_delimited(1, length_delimited(1, b"\xff")) + spans)
    bad = length_delimited(1, no_text + length_delimited(2, spans) if unreadable == "resource" else bad_scope)
    decoded = decode_trace_request(request_of(otlp_span(3).SerializeToString()) + bad)
    assert [span.span_id for span in decoded.spans] == [f"{3:016x}"]
    assert decoded.message == "2 span(s) rejected: the span, its scope or its resource is malformed or too deep"


def test_values_nest_as_deep_as_protobuf_allows() -> None:
    [span] = decode_trace_request(request_of(span_with_a_value_nested(40))).spans
    assert repr(span.attributes["key"]) == "[" * 40 + "'deep'" + "]" * 40


@given(st.binary(max_size=200))
def test_random_bytes_are_decoded_or_refused(body: bytes) -> None:
    outcome: object
    try:
        outcome = decode_trace_request(body)
    except InvalidRequest as refusal:
        outcome = refusal
    assert isinstance(outcome, DecodedRequest | InvalidRequest)
