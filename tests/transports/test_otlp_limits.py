"""Limits on OTLP requests: small bodies stay small in memory, and bodies that no parser should see are refused."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from actors.errors import InvalidRequest, StudioError, TooLarge
from tests.source import PROJECT
from tests.spans import otlp_request, otlp_span
from tests.transports import peak_program
from tests.transports.peak_program import field, request
from transports.otlp.decode import decode_any
from transports.otlp.decode_columns import decode_columns
from transports.otlp.limits import RequestLimits, count_parts, demand_few, is_dense, json_memory
from transports.otlp.protobuf_columns import is_parseable
from transports.otlp.walk import is_well_framed

pytestmark = [pytest.mark.integration, pytest.mark.security]

LIMITS = RequestLimits()
PEAKS = Path("/proc/self/clear_refs")
SIZES = ("70000", "250000")  # parts; the smaller ones are under most limits


@pytest.mark.skipif(not PEAKS.exists(), reason="only Linux tells and forgets the peak of a process's memory")
def test_no_request_takes_more_than_eight_times_its_size_and_50_mb() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.transports.peak_program", *SIZES],
        cwd=PROJECT,
        capture_output=True,
        check=True,
        timeout=200,
    )
    seen = [json.loads(line) for line in ended.stdout.splitlines()]

    assert len(seen) == len(SIZES) * sum(len(makers) for _, makers, _ in peak_program.SHAPES)
    assert [each for each in seen if each["took"] > 8 * each["size"] + 50 * 2**20] == []
    assert not ended.stderr


@pytest.mark.parametrize(
    ("limits", "fault"),
    [
        (RequestLimits(spans=1999), "more than 1999 spans"),
        (RequestLimits(values=1998), "more than 1998 attributes, events, links and values in values"),
        (RequestLimits(resources=0), "more than 0 resources"),
    ],
)
def test_a_limit_that_is_passed_is_named(limits: RequestLimits, fault: str) -> None:
    body = request(spans=peak_program.numbered(1999))

    with pytest.raises(TooLarge, match=fault):
        decode_any(body, json=False, limits=limits)
    decode_any(body, json=False, limits=RequestLimits(spans=2000, values=2000, resources=1))


def test_the_careful_decoder_knows_the_same_limits() -> None:
    spans = [otlp_span(number, data=b"bytes", text="x" * 1000) for number in range(1, 400)]
    body = otlp_request(*spans).SerializeToString()

    assert decode_columns(body) is None
    with pytest.raises(TooLarge, match="more than 398 spans"):
        decode_any(body, json=False, limits=RequestLimits(spans=398))
    assert len(decode_any(body, json=False, limits=RequestLimits(spans=399)).request.spans) == 399


def test_the_number_of_spans_in_json_is_limited_too() -> None:
    body = peak_program.JSON["JSON spans with ids"](2000)

    with pytest.raises(TooLarge, match="more than 1998 spans"):
        decode_any(body, json=True, limits=RequestLimits(spans=1998))


def test_what_programs_send_is_far_from_the_limits() -> None:
    attributes: dict[str, Any] = {f"key {i}": "some text\n" * 20 for i in range(30)}
    spans = [otlp_span(number, **attributes) for number in range(1, 600)]
    body = otlp_request(*spans).SerializeToString()
    few = RequestLimits(spans=600, values=20_000, resources=1)

    demand_few(body, few)
    assert count_parts(body, few).attributes == 30 * len(spans) + 1


@pytest.mark.parametrize("tag", [b"\x0a", b"\x12", b"\x4a", b"\x5a", b"\x6a"])
def test_a_long_body_of_empty_parts_is_counted_where_others_have_their_turn(tag: bytes) -> None:
    """The parser would see all of it before anybody else did anything."""
    assert is_dense(tag + bytes(1) + (tag + b"\x05" + bytes(5)) * 400_000)
    assert not is_dense(tag + b"\0" + bytes(100))  # a short one is parsed sooner than it is looked at


def test_what_programs_send_is_not_taken_for_empty_parts() -> None:
    recordings = sorted((PROJECT / "tests" / "recordings" / "instrumentations").glob("*.bin"))
    long = {path.name: path.read_bytes() * (3 * 1024 * 1024 // path.stat().st_size + 1) for path in recordings}
    assert long
    assert not [name for name, body in long.items() if is_dense(body)]


def test_braces_and_commas_in_texts_are_no_objects() -> None:
    body = json.dumps({"a": '{,[\\"' * 1_000_000}).encode()

    assert json_memory(body) < len(body)


HUGE = b"\xff" * 9 + b"\x01"  # 2^64 - 1


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a" + HUGE + b"\x0a\x00" * 9000,
        field(1, b"\x12" + HUGE + bytes(20_000)),
        field(1, field(2, b"\x12" + HUGE + b"\x12\x00" * 9000)),
        request(b"\x4a" + HUGE + b"\x12\x00" * 9000),
        request(field(9, b"\x0a" + HUGE + b"k" * 20_000)),
        request(b"\x5a" + HUGE + b"k" * 20_000),
        request(field(11, b"\x1a" + HUGE + b"k" * 20_000)),
        request(b"\xfa\x01" + HUGE + b"k" * 20_000),
        request(b"\xfa\x01" + b"\xf4" + b"\xff" * 8 + b"\x01" + b"k" * 20_000),
        request(b"\x8a\x18" + b"\xf4" + b"\xff" * 8 + b"\x01" + b"k" * 20_000),
        request(b"\x8a\x30" + b"\xf4" + b"\xff" * 8 + b"\x01" + b"k" * 20_000),
        request(b"\x8a\x80\x00" + HUGE + b"k" * 20_000),
        request(field(15, b"\x12" + HUGE) + field(5, b"k" * 20_000)),
        request(b"\x4a" + b"\x80\x80\x80\x80\xf8" + b"\xff" * 4 + b"\x01" + b"k" * 20_000),
    ],
    ids=str,
)
def test_a_length_of_nearly_2_to_the_64th_makes_no_parser_panic(body: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    try:
        decode_any(body, json=False, limits=LIMITS)
    except StudioError as error:
        assert isinstance(error, InvalidRequest | TooLarge)  # noqa: PT017 - some of these lose a span only
    assert capfd.readouterr().err == ""


def test_minus_one_is_a_good_value() -> None:
    spans = [otlp_span(number, top_k=-1, text="x" * 100) for number in range(1, 200)]
    body = otlp_request(*spans).SerializeToString()

    assert is_parseable(body)
    assert len(decode_any(body, json=False, limits=LIMITS).request.spans) == len(spans)


def test_values_in_values_are_followed_no_deeper_than_a_parser_would() -> None:
    nested = b""
    for _ in range(20_000):
        nested = field(5, field(1, nested))
    body = request(field(9, field(2, nested)))

    assert count_parts(body, LIMITS).items < 300
    assert not is_well_framed(body)


@given(st.binary(max_size=200), st.integers(0, 2**64 - 1))
def test_counting_says_nothing_of_malformed_bodies(noise: bytes, size: int) -> None:
    body = ExportTraceServiceRequest().SerializeToString() + noise + field(1, size.to_bytes(8)) + noise
    count_parts(body, LIMITS)
