"""OTLP/JSON is decoded to the same spans as protobuf, by the rules of the OTLP specification."""

import json
import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import InvalidRequest
from tests.spans import any_value, otlp_request, otlp_span
from transports.otlp.decode import decode_trace_request
from transports.otlp.decode_json import decode_trace_json
from transports.otlp.json_values import MAX_DEPTH

pytestmark = pytest.mark.unit

IDS = {"traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174"}


def body(*spans: Any, **resource_spans: Any) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}], **resource_spans}]}).encode()


def attributes(*values: Any) -> dict[str, Any]:
    return {"attributes": [{"key": str(number), "value": value} for number, value in enumerate(values)]}


def test_every_field_of_a_span_arrives() -> None:
    sent = {
        **IDS,
        "parentSpanId": "EEE19B7EC3C1B173",
        "traceState": "a=b",
        "flags": 257,
        "name": "call",
        "kind": 3,
        "startTimeUnixNano": "1544712660000000000",
        "endTimeUnixNano": 1544712661000000000,
        **attributes({"stringValue": "v"}),
        "droppedAttributesCount": 1,
        "events": [{"timeUnixNano": "5", "name": "e", "droppedAttributesCount": 2, **attributes({"boolValue": True})}],
        "droppedEventsCount": 3,
        "links": [{**IDS, "traceState": "x", "flags": 1, "droppedAttributesCount": 4, **attributes({"intValue": 7})}],
        "droppedLinksCount": 5,
        "status": {"code": 2, "message": "no"},
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}], "droppedAttributesCount": 6}
    scope = {"name": "n", "version": "1", "droppedAttributesCount": 7}
    document = {
        "resourceSpans": [
            {
                "resource": resource,
                "schemaUrl": "r",
                "scopeSpans": [{"scope": scope, "schemaUrl": "s", "spans": [sent]}],
            }
        ]
    }
    [span] = decode_trace_json(orjson.dumps(document)).spans
    assert span == (
        "5b8efff798038103d269b633813fc60c",
        "eee19b7ec3c1b174",
        "eee19b7ec3c1b173",
        "a=b",
        257,
        "call",
        3,
        1544712660000000000,
        1544712661000000000,
        {"0": "v"},
        1,
        [(5, "e", {"0": True}, 2)],
        3,
        [(IDS["traceId"].lower(), IDS["spanId"], "x", {"0": 7}, 4, 1)],
        5,
        2,
        "no",
        ({"service.name": "s"}, 6, "r", []),
        ("n", "1", {}, 7, "s"),
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"intValue": "-9223372036854775808"}, -(2**63)),
        ({"intValue": 5}, 5),
        ({"intValue": 5.0}, 5),
        ({"doubleValue": 5}, 5.0),
        ({"doubleValue": "1.5"}, 1.5),
        ({"doubleValue": "-Infinity"}, -math.inf),
        ({"doubleValue": "1e-7"}, 1e-7),
        ({"doubleValue": 10**30}, 1e30),
        ({"doubleValue": "9" * 5000}, math.inf),
        ({"intValue": "9223372036854775807"}, 2**63 - 1),
        ({"intValue": 1e18}, 10**18),
        ({"bytesValue": "3q0="}, b"\xde\xad"),
        ({"bytesValue": "3q0"}, b"\xde\xad"),
        ({"bytesValue": "-_8="}, b"\xfb\xff"),
        ({"arrayValue": {"values": [{"stringValue": "a"}, {}, {"arrayValue": {}}]}}, ["a", None, []]),
        (
            {"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": False}}, {"key": "u"}]}},
            {"k": False, "u": None},
        ),
        ({"unknownValue": 1, "stringValue": "known"}, "known"),
        ({"stringValue": None, "intValue": "1"}, 1),
    ],
)
def test_values(value: dict[str, Any], expected: object) -> None:
    [span] = decode_trace_json(body({**IDS, **attributes(value)})).spans
    assert span.attributes == {"0": expected}
    assert type(span.attributes["0"]) is type(expected)


def test_unknown_and_null_members_are_ignored() -> None:
    [span] = decode_trace_json(body({**IDS, "name": None, "events": None, "trace_id": "xx", "later": {"a": [1]}})).spans
    assert (span.name, span.events) == ("", [])


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"traceId": "00" * 16}, "trace_id must be 16 bytes, not all zero"),
        ({"traceId": "W47/95gDgQPSabYzgT/GDA=="}, "traceId must be hexadecimal"),
        ({"spanId": ""}, "span_id must be 8 bytes, not all zero"),
        ({"kind": "SPAN_KIND_SERVER"}, "kind must be an integer from -2147483648 to 2147483647"),
        ({"name": 5}, "name must be a string"),
        ({"startTimeUnixNano": "-1"}, "startTimeUnixNano must be an integer from 0 to 18446744073709551615"),
        ({"startTimeUnixNano": "1e3"}, "startTimeUnixNano must be an integer from 0 to 18446744073709551615"),
        ({"flags": 2**32}, "flags must be an integer from 0 to 4294967295"),
        ({"events": {}}, "events must be an array of objects"),
        ({"status": []}, "status must be an object"),
        (attributes({"boolValue": "true"}), "boolValue must be true or false"),
        (attributes({"doubleValue": "abc"}), "doubleValue must be a number"),
        (attributes({"bytesValue": "!"}), "bytesValue must be base64"),
        (attributes({"intValue": True}), f"intValue must be an integer from {-(2**63)} to {2**63 - 1}"),
        (attributes({"doubleValue": "1_0"}), "doubleValue must be a number"),
        (attributes({"doubleValue": " 1"}), "doubleValue must be a number"),
        (attributes({"doubleValue": "\u0661"}), "doubleValue must be a number"),
        ({"traceId": "5B8EFFF798038103 D269B633813FC60C"}, "traceId must be hexadecimal"),
        ({"traceId": " 5B8EFFF798038103D269B633813FC60C\n"}, "traceId must be hexadecimal"),
        ({"traceId": "5B8EFFF798038103_D269B633813FC60"}, "traceId must be hexadecimal"),
        ({"spanId": "\u0665" * 16}, "spanId must be hexadecimal"),
        ({"parentSpanId": "eee19b7e c3c1b174"}, "parentSpanId must be hexadecimal"),
        ({"links": [{"traceId": IDS["traceId"], "spanId": "ee e1"}]}, "spanId must be hexadecimal"),
    ],
)
def test_a_malformed_span_is_rejected_and_its_neighbours_kept(fault: dict[str, Any], message: str) -> None:
    decoded = decode_trace_json(body({**IDS, "name": "before"}, {**IDS, **fault}, {**IDS, "name": "after"}))
    assert [span.name for span in decoded.spans] == ["before", "after"]
    assert (decoded.rejected, decoded.message) == (1, f"1 span(s) rejected: {message}")


TOO_MUCH = ["9" * 5000, "-" + "9" * 5000, 1e308, -1e308, 10**30, -(10**30), 2**64, -(2**63) - 1]
NO_INTEGERS = [1.5, "1.5", "1e3", "٣", "+5", "", "-", " 5", "5 ", "1_0", True, [], {}]
UNQUOTED = ["9" * 5000, "-" + "9" * 400, "1e400", "-1e400", "1E+5000"]  # which no writer of JSON makes


def with_number(place: str, number: Any) -> dict[str, Any]:
    """A span with a number at this place."""
    path = place.split(".")
    found: Any = number
    for key in reversed(path[1:]):
        found = [{key: found}] if path[0] in ("events", "links") else {key: found}
    if path[0] == "attributes":
        return {**IDS, **attributes(found)}
    return {**IDS, path[0]: found}


PLACES = [
    "attributes.intValue",
    "startTimeUnixNano",
    "endTimeUnixNano",
    "kind",
    "flags",
    "status.code",
    "droppedAttributesCount",
    "droppedEventsCount",
    "droppedLinksCount",
    "events.timeUnixNano",
    "events.droppedAttributesCount",
    "links.flags",
    "links.droppedAttributesCount",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("number", TOO_MUCH + NO_INTEGERS, ids=lambda number: repr(number)[:12])
def test_a_number_that_does_not_fit_or_is_none_costs_its_span(place: str, number: Any) -> None:
    decoded = decode_trace_json(body({**IDS, "name": "kept"}, with_number(place, number)))
    assert ([span.name for span in decoded.spans], decoded.rejected) == (["kept"], 1)
    assert f"{place.rpartition('.')[2]} must be an integer" in decoded.message


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("number", UNQUOTED, ids=lambda number: number[:4])
def test_a_number_that_no_parser_holds_costs_its_span(place: str, number: str) -> None:
    sent = body({**IDS, "name": "kept"}, with_number(place, "HERE")).replace(b'"HERE"', number.encode())
    decoded = decode_trace_json(sent)
    assert ([span.name for span in decoded.spans], decoded.rejected) == (["kept"], 1)


@pytest.mark.parametrize("number", UNQUOTED, ids=lambda number: number[:4])
def test_a_double_that_no_double_holds_is_infinite(number: str) -> None:
    sent = body({**IDS, **attributes({"doubleValue": "HERE"})}).replace(b'"HERE"', number.encode())
    [span] = decode_trace_json(sent).spans
    assert span.attributes == {"0": -math.inf if number.startswith("-") else math.inf}


@pytest.mark.parametrize("holder", ["resource", "scope"])
@pytest.mark.parametrize("number", ["9" * 5000, -1, 2**32, 1e308])
def test_a_count_that_does_not_fit_costs_its_resource_or_scope(holder: str, number: Any) -> None:
    request = orjson.loads(body({**IDS, "name": "kept"}))
    scope_spans: dict[str, Any] = {"spans": [IDS]}
    resource_spans: dict[str, Any] = {"scopeSpans": [scope_spans]}
    {"resource": resource_spans, "scope": scope_spans}[holder][holder] = {"droppedAttributesCount": number}
    request["resourceSpans"].append(resource_spans)
    decoded = decode_trace_json(orjson.dumps(request))
    assert ([span.name for span in decoded.spans], decoded.rejected) == (["kept"], 1)


@pytest.mark.parametrize("odd", [None, 5, "span", [], 1.5, True])
def test_an_odd_item_among_spans_costs_itself(odd: Any) -> None:
    decoded = decode_trace_json(body({**IDS, "name": "before"}, odd, {**IDS, "name": "after"}))
    assert [span.name for span in decoded.spans] == ["before", "after"]
    assert (decoded.rejected, decoded.message) == (1, "1 span(s) rejected: a span must be an object")


@pytest.mark.parametrize("number", ["9" * 30, "1e400", "[" * 300 + "]" * 300])
def test_of_an_entity_only_what_it_may_have_is_taken(number: str) -> None:
    """Its other members may hold what nobody can store."""
    reference = {"type": "host", "idKeys": ["host.id"], "later": "HERE"}
    sent = body({**IDS, "name": "NAME"}, resource={"entityRefs": [reference]}).replace(b'"HERE"', number.encode())
    for each in (sent, sent.replace(b"NAME", b"\\ud800")):  # which another parser reads
        [span] = decode_trace_json(each).spans
        assert span.resource.entity_refs == [{"type": "host", "idKeys": ["host.id"]}]


@pytest.mark.parametrize("reference", [{"idKeys": [5]}, {"type": 5}, {"descriptionKeys": "k"}])
def test_an_entity_that_is_none_costs_its_resource(reference: dict[str, Any]) -> None:
    decoded = decode_trace_json(body(IDS, resource={"entityRefs": [reference]}))
    assert (decoded.spans, decoded.rejected) == ([], 1)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_byte_order_mark_and_other_unicode_are_read(encoding: str) -> None:
    sent = body({**IDS, "name": "Zürich"}).decode().encode(encoding)
    assert [span.name for span in decode_trace_json(sent).spans] == ["Zürich"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"resource": 5}, "resource must be an object"),
        ({"resource": attributes({"boolValue": "true"})}, "boolValue must be true or false"),
        ({"scopeSpans": [{"scope": {"name": 5}, "spans": [IDS, IDS]}]}, "name must be a string"),
    ],
)
def test_a_malformed_resource_or_scope_costs_other_spans_nothing(bad: dict[str, Any], message: str) -> None:
    request = orjson.loads(body({**IDS, "name": "kept"}))
    request["resourceSpans"].insert(0, {"scopeSpans": [{"spans": [IDS, IDS]}], **bad})
    decoded = decode_trace_json(orjson.dumps(request))
    assert [span.name for span in decoded.spans] == ["kept"]
    assert (decoded.rejected, decoded.message) == (2, f"2 span(s) rejected: {message}")


def test_values_may_nest_so_deep_and_no_deeper() -> None:
    def nested(depth: int) -> dict[str, Any]:
        value: dict[str, Any] = {"stringValue": "deep"}
        for _ in range(depth):
            value = {"arrayValue": {"values": [value]}}
        return {**IDS, **attributes(value)}

    decoded = decode_trace_json(body(nested(MAX_DEPTH), nested(MAX_DEPTH + 1)))
    assert (len(decoded.spans), decoded.rejected) == (1, 1)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"[]",
        b"null",
        b'{"resourceSpans":[',
        b'{"resourceSpans":{}}',
        b'{"resourceSpans":[1]}',
        b'{"resourceSpans":[{"scopeSpans":5}]}',
        b'{"a":NaN}',
        b'{"a":"\xff"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_no_request_is_refused(sent: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode_trace_json(sent)


def test_an_empty_request_is_fine() -> None:
    assert decode_trace_json(b"{}").spans == []


def test_a_lone_surrogate_becomes_the_replacement_character() -> None:
    sent = body({**IDS, "name": "NAME"}).replace(b"NAME", b"a\\ud800b")
    [span] = decode_trace_json(sent).spans
    assert span.name == "a?b"


VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text() | st.binary() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def otlp_json(value: Any) -> dict[str, Any]:
    """A Python value as an AnyValue in JSON, as protobuf's own mapping writes it."""
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - only this test needs the reference mapping

    return MessageToDict(any_value(value))


@given(st.dictionaries(st.text(), VALUES.filter(lambda value: value is not None), max_size=4))
def test_both_encodings_decode_to_the_same(values: dict[str, Any]) -> None:
    protobuf = otlp_request(otlp_span(1, **{f"a{key}": value for key, value in values.items()}))
    span = {
        "traceId": f"{1:032x}",
        "spanId": f"{1:016x}",
        "attributes": [{"key": f"a{key}", "value": otlp_json(value)} for key, value in values.items()],
    }
    [from_protobuf] = decode_trace_request(protobuf.SerializeToString()).spans
    [from_json] = decode_trace_json(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()).spans
    assert from_json.attributes == from_protobuf.attributes == {f"a{key}": value for key, value in values.items()}
