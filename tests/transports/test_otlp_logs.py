"""Decoding of logs requests: both encodings agree, what is wrong costs only itself, and hostile bodies stay small."""

from typing import Any

import orjson
import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import InvalidRequest, StudioError, TooLarge
from actors.span_store.columns.log_rows import stored_rows
from actors.span_store.columns.logs import Log, Logs
from tests.spans import START, any_value, logs_request, otlp_log
from tests.transports.peak_program import LOG_IDS, field
from tests.transports.peak_program import logs_request as raw_request
from transports.otlp.decode_logs import decode_any_logs, decode_logs_request
from transports.otlp.decode_logs_json import decode_logs_json
from transports.otlp.limits import RequestLimits
from transports.otlp.request import DecodedLogs

pytestmark = [pytest.mark.unit, pytest.mark.security]

BODIES = ["text", "", 7, -(2**63), 1.5, True, b"\x00\xff", [1, "a", [b"x"], None], {"a": {"b": [None]}}, None]


def in_json(request: Any) -> bytes:
    """The request in OTLP/JSON, which has ids in hex and enums as integers."""
    document = MessageToDict(request)
    for record in document["resourceLogs"][0]["scopeLogs"][0]["logRecords"]:
        for name in ("traceId", "spanId"):
            record[name] = orjson.loads(orjson.dumps(record[name]))
    return orjson.dumps(document)


def as_json(*records: dict[str, Any]) -> bytes:
    return orjson.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]})


def ids(number: int = 1) -> dict[str, str]:
    return {"traceId": f"{number:032x}", "spanId": f"{number:016x}"}


def one_of(decoded: DecodedLogs) -> Log:
    [record] = decoded.records
    assert (decoded.rejected, decoded.message) == (0, "")
    return record


@pytest.mark.parametrize("body", BODIES, ids=repr)
def test_a_record_is_decoded_with_all_that_it_says(body: Any) -> None:
    sent = otlp_log(5, trace_id=3, span_id=4, body=body)
    sent.attributes.add(key="k", value=any_value([1, "x"]))
    sent.attributes.add(key="unset")
    sent.dropped_attributes_count, sent.flags = 2, 0x301
    record = one_of(decode_logs_request(logs_request(sent, service="shop").SerializeToString()))
    assert record[:7] == (f"{3:032x}", f"{4:016x}", START + 5, START + 6, 9, "INFO", "log 5")
    assert (record.body, record.attributes) == (body, {"k": [1, "x"]})
    assert (record.dropped_attributes_count, record.flags) == (2, 0x301)
    assert (record.resource.attributes, record.scope.name) == ({"service.name": "shop"}, "tests")


def test_both_encodings_mean_the_same_record_of_the_same_identity() -> None:
    sent = {
        **ids(),
        "timeUnixNano": str(START),
        "observedTimeUnixNano": START + 1,
        "severityNumber": 9,
        "severityText": "INFO",
        "eventName": "log 0",
        "body": {"kvlistValue": {"values": [{"key": "a", "value": {"bytesValue": "eA=="}}]}},
    }
    frame = {"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "tests"}}]}}
    scope = {"scope": {"name": "tests"}, "logRecords": [sent]}
    by_json = decode_logs_json(orjson.dumps({"resourceLogs": [frame | {"scopeLogs": [scope]}]}))
    by_protobuf = decode_logs_request(logs_request(otlp_log(0, body={"a": b"x"})).SerializeToString())
    assert one_of(by_json) == one_of(by_protobuf)
    first, second = (stored_rows(Logs(each.records)).keys for each in (by_json, by_protobuf))
    assert first == second


@pytest.mark.parametrize(
    ("trace_id", "span_id", "sentence"),
    [
        (b"", b"", "only log records of a span are stored, which have its trace_id and span_id"),
        (bytes(16), bytes(8), "only log records of a span are stored, which have its trace_id and span_id"),
        (b"\x01" * 16, b"", "span_id must be 8 bytes, not all zero"),
        (b"", b"\x01" * 8, "trace_id must be 16 bytes, not all zero"),
        (b"\x01" * 15, b"\x01" * 8, "trace_id must be 16 bytes, not all zero"),
        (b"\x01" * 16, b"\x01" * 9, "span_id must be 8 bytes, not all zero"),
    ],
)
def test_a_record_of_no_span_is_rejected_with_a_sentence(trace_id: bytes, span_id: bytes, sentence: str) -> None:
    bad = otlp_log()
    bad.trace_id, bad.span_id = trace_id, span_id
    message = f"2 log record(s) rejected: {sentence}"
    body = logs_request(bad, otlp_log(1), bad).SerializeToString()
    decoded = decode_logs_request(body)
    assert (len(decoded.records), decoded.rejected, decoded.message) == (1, 2, message)
    sent = {"traceId": trace_id.hex(), "spanId": span_id.hex()}
    decoded = decode_logs_json(as_json(sent, ids(), sent))
    assert (len(decoded.records), decoded.rejected, decoded.message) == (1, 2, message)
    received = decode_any_logs(body, json=False, limits=RequestLimits())
    assert received.response.partial_success.rejected_log_records == 2
    assert received.records == 3


@pytest.mark.parametrize(
    "record",
    [
        field(3, b"\xff\xfe"),  # no UTF-8
        field(12, b"\xc3"),
        field(5, field(1, b"\xff")),
        b"\x0a",  # cut
    ],
    ids=["severity", "event name", "body", "cut"],
)
def test_a_record_that_no_parser_takes_costs_only_itself(record: bytes) -> None:
    body = field(1, field(2, field(2, LOG_IDS + record) + field(2, LOG_IDS + field(12, b"good"))))
    decoded = decode_logs_request(body)
    assert [each.event_name for each in decoded.records] == ["good"]
    assert decoded.rejected == 1
    assert "malformed" in decoded.message


@pytest.mark.parametrize(
    "record",
    [
        "text",
        {"timeUnixNano": "soon"},
        {"severityNumber": 1.5},
        {"severityText": 7},
        {"body": []},
        {"body": {"intValue": "x"}},
        {"body": {"bytesValue": "?"}},
        {"attributes": {}},
        {"flags": -1},
        {"traceId": "xyz"},
    ],
    ids=str,
)
def test_a_malformed_record_in_json_costs_only_itself(record: Any) -> None:
    decoded = decode_logs_json(as_json(ids() | record if isinstance(record, dict) else record, ids()))
    assert (len(decoded.records), decoded.rejected) == (1, 1)


@pytest.mark.parametrize("member", ["arrayValue", "kvlistValue"])
def test_the_deepest_body_is_stored_and_a_deeper_one_is_rejected(member: str) -> None:
    value: dict[str, Any] = {"bytesValue": "eA=="}
    for _ in range(48):
        value = {member: {"values": [value if member == "arrayValue" else {"key": "k", "value": value}]}}
    decoded = decode_logs_json(as_json(ids() | {"body": value}))
    assert len(stored_rows(Logs(decoded.records))) == 1
    deeper = {"arrayValue": {"values": [value]}}
    assert decode_logs_json(as_json(ids() | {"body": deeper})).rejected == 1


def test_a_body_nested_without_end_costs_only_its_record() -> None:
    nested = b""
    for _ in range(5000):
        nested = field(5, field(1, nested))
    decoded = decode_logs_request(raw_request(field(5, nested), records=field(2, LOG_IDS)))
    assert (len(decoded.records), decoded.rejected) == (1, 1)


@pytest.mark.parametrize(
    ("body", "json"),
    [
        (b"\x12\x00" * 10_000_000, False),
        (field(1, field(2, b"\x12\x00" * 10_000_000)), False),
        (raw_request(b"\x32\x00" * 3_000_000), False),
        (raw_request(field(5, field(5, b"\x0a\x00" * 3_000_000))), False),
        (b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[' + b"{}," * 3_000_000 + b"{}]}]}]}", True),
    ],
    ids=["fields", "empty records", "attributes", "items of a body", "empty records in JSON"],
)
def test_millions_of_tiny_parts_are_refused_before_they_are_objects(body: bytes, *, json: bool) -> None:
    with pytest.raises(TooLarge):
        decode_any_logs(body, json=json, limits=RequestLimits())


def test_a_limit_that_is_passed_is_named() -> None:
    body = logs_request(*(otlp_log(number, body="x" * 1000) for number in range(100))).SerializeToString()
    with pytest.raises(TooLarge, match="more than 99 log records"):
        decode_any_logs(body, json=False, limits=RequestLimits(spans=99))
    assert decode_any_logs(body, json=False, limits=RequestLimits(spans=100)).records == 100


@pytest.mark.parametrize(
    ("body", "json"),
    [
        (b"\xff" * 100, False),
        (b"{}", False),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", False),
        (b"{", True),
        (b"[]", True),
        (b'{"resourceLogs": 5}', True),
        (b'{"resourceLogs": [{"scopeLogs": [null]}]}', True),
    ],
)
def test_what_is_no_request_is_refused(body: bytes, *, json: bool) -> None:
    with pytest.raises(InvalidRequest):
        decode_any_logs(body, json=json, limits=RequestLimits())


@given(st.binary(max_size=200), st.booleans())
def test_noise_is_refused_or_rejected_and_nothing_else(noise: bytes, json: bool) -> None:
    for body in (noise, field(1, noise), field(1, field(2, field(2, LOG_IDS + noise)))):
        try:
            decode_any_logs(body, json=json, limits=RequestLimits())
        except StudioError as refusal:
            assert isinstance(refusal, InvalidRequest)  # noqa: PT017 - nothing is demanded where it is taken
