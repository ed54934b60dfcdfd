"""The fast decoder gives the same spans as the careful one, or leaves the request to it."""

from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa
import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.span_store.columns.rows import rows_of
from actors.span_store.columns.spans import Span, SpanColumns, span_columns
from tests.spans import any_value, many_spans, otlp_request, otlp_span
from transports.otlp.decode import decode_trace_request
from transports.otlp.decode_columns import decode_columns

pytestmark = pytest.mark.unit

RECORDINGS = Path(__file__).parents[1] / "recordings"


def check_same(body: bytes) -> None:
    fast = decode_columns(body)
    assert fast is not None
    assert stored(fast) == stored(span_columns(decode_trace_request(body).spans))


def stored(spans: SpanColumns) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = rows_of(spans).to_pylist()
    return rows


@pytest.mark.parametrize("name", ["junjo_0.62.0", "junjo_0.69.0"])
def test_recorded_requests(name: str) -> None:
    check_same((RECORDINGS / f"{name}.bin").read_bytes())


def test_many_spans_of_several_resources_and_scopes() -> None:
    body = many_spans(30, seed=1, service="a") + many_spans(5, seed=2, service="b") + otlp_request().SerializeToString()
    check_same(body)


def test_an_empty_request() -> None:
    check_same(b"")


def test_little_stays_of_large_requests_of_many_sizes() -> None:
    one = otlp_request(otlp_span(1))
    spans = one.resource_spans[0].scope_spans[0].spans
    for key in ("llm.model_name", "session.id"):
        spans[0].attributes.add(key=key, value=any_value("x"))
    spans.extend([spans[0]] * 20_000)
    large = one.SerializeToString()
    before = pa.total_allocated_bytes()
    for more in range(20):
        check_length(large + many_spans(more, seed=1), 20_001 + more)
    assert pa.total_allocated_bytes() - before < 2_000_000


def check_length(body: bytes, length: int) -> None:
    fast = decode_columns(body)
    assert fast is not None
    assert rows_of(fast).num_rows == length


TEXT = st.text(max_size=4)
PLAIN = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | TEXT | st.binary(max_size=4) | st.none()
VALUES = PLAIN | st.lists(PLAIN | st.lists(PLAIN, max_size=2), max_size=2) | st.dictionaries(TEXT, PLAIN, max_size=2)
ATTRIBUTES = st.lists(st.tuples(TEXT, VALUES), max_size=3)  # of events and links; of spans they may need care
FINITE = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
USUAL_VALUES = FINITE | st.lists(FINITE, max_size=2) | st.dictionaries(TEXT, FINITE, max_size=2)
USUAL = st.dictionaries(TEXT, USUAL_VALUES, max_size=3).map(lambda attributes: list(attributes.items()))
UINT32 = st.integers(0, 2**32 - 1)
UINT64 = st.integers(0, 2**64 - 1)
IDS = st.integers(1, 2**64 - 1)


def fill(message: Any, attributes: list[tuple[str, Any]]) -> None:
    for key, value in attributes:
        message.attributes.add(key=key, value=any_value(value))


@st.composite
def spans(draw: st.DrawFn, attributes: st.SearchStrategy[list[tuple[str, Any]]]) -> Message:
    span = otlp_span(draw(IDS), trace_id=draw(IDS))
    span.parent_span_id = draw(st.sampled_from([b"", bytes(8), b"\1" * 8, b"\1" * 3]))
    span.trace_state, span.name = draw(TEXT), draw(TEXT)
    span.flags, span.kind = draw(UINT32), draw(st.integers(-3, 9))  # type: ignore[assignment] # unknown kinds too
    span.start_time_unix_nano, span.end_time_unix_nano = draw(UINT64), draw(UINT64)
    span.dropped_attributes_count, span.dropped_events_count = draw(UINT32), draw(UINT32)
    span.dropped_links_count = draw(UINT32)
    fill(span, draw(attributes))
    for _ in range(draw(st.integers(0, 2))):
        fill(span.events.add(time_unix_nano=draw(UINT64), name=draw(TEXT)), draw(ATTRIBUTES))
        fill(span.links.add(trace_id=draw(st.binary(max_size=16)), flags=draw(UINT32)), draw(ATTRIBUTES))
    if draw(st.booleans()):
        span.status.message = draw(TEXT)
    return span


def request_of(services: list[list[Any]]) -> bytes:
    return b"".join(otlp_request(*each, service=str(n)).SerializeToString() for n, each in enumerate(services))


@settings(deadline=None)
@given(st.lists(st.lists(spans(attributes=USUAL), max_size=2), max_size=2))
def test_any_usual_request(services: list[list[Any]]) -> None:
    check_same(request_of(services))


@settings(deadline=None)
@given(st.lists(st.lists(spans(attributes=ATTRIBUTES), max_size=2), max_size=2))
def test_any_request_is_the_same_or_left_to_the_careful_decoder(services: list[list[Any]]) -> None:
    body = request_of(services)
    if decode_columns(body) is not None:
        check_same(body)


def request_with(name: str, service: str) -> bytes:
    span = otlp_span(1)
    span.name = name
    return otlp_request(span, service=service).SerializeToString()


def request_of_one(*attributes: tuple[str, Any]) -> bytes:
    span = otlp_span(1)
    fill(span, list(attributes))
    return otlp_request(span).SerializeToString()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xff", id="no protobuf"),
        pytest.param((RECORDINGS / "crafted_main.bin").read_bytes(), id="values of all kinds"),
        pytest.param(many_spans(3, seed=1)[:-5], id="truncated"),
        pytest.param(request_with("NAME", "s").replace(b"NAME", b"\xff" * 4), id="a name that is not UTF-8"),
        pytest.param(request_with("n", "NAME").replace(b"NAME", b"\xff" * 4), id="a resource that is not UTF-8"),
        pytest.param(request_of_one(("k", b"bytes")), id="bytes"),
        pytest.param(request_of_one(("k", [float("nan")])), id="a list with NaN"),
        pytest.param(request_of_one(("k", float("inf"))), id="infinity"),
        pytest.param(request_of_one(("k", None)), id="an attribute without value"),
        pytest.param(request_of_one(("k", 1), ("k", "2")), id="two attributes of one key"),
    ],
)
def test_what_needs_care_is_left(body: bytes) -> None:
    assert decode_columns(body) is None


@pytest.mark.parametrize(
    ("trace_ids", "span_ids"),
    [
        pytest.param([b"\1" * 16, bytes(16)], [b"\1" * 8, b"\2" * 8], id="a trace of zeros"),
        pytest.param([b"\1" * 16, b"\1" * 16], [b"\1" * 8, bytes(8)], id="a span of zeros"),
        pytest.param([b"\1" * 16, b""], [b"\1" * 8, b"\2" * 8], id="no trace"),
        pytest.param([b"\1" * 16, b"\1" * 16], [b"\1" * 9, b"\2" * 7], id="one byte too many here and too few there"),
    ],
)
def test_a_span_without_identity_needs_care(trace_ids: list[bytes], span_ids: list[bytes]) -> None:
    assert decode_columns(request_with_ids(trace_ids, span_ids)) is None


def test_zeros_that_belong_to_two_ids_are_nothing_special() -> None:
    trace_ids = [b"\1" + bytes(15), bytes(15) + b"\1"]
    check_same(request_with_ids(trace_ids, [b"\1" + bytes(7), bytes(7) + b"\1"]))


def request_with_ids(trace_ids: list[bytes], span_ids: list[bytes]) -> bytes:
    spans = [otlp_span(1) for _ in trace_ids]
    for span, trace_id, span_id in zip(spans, trace_ids, span_ids, strict=True):
        span.trace_id, span.span_id = trace_id, span_id
    return otlp_request(*spans).SerializeToString()


def test_a_resource_that_json_cannot_say_is_kept_exactly_for_its_spans() -> None:
    resources = [otlp_request(otlp_span(1), otlp_span(2), service=name) for name in ("plain", "odd", "also plain")]
    resources[1].resource_spans[0].resource.attributes.add(key="k", value=any_value(b"bytes"))
    body = b"".join(each.SerializeToString() for each in resources)
    check_same(body)
    fast = decode_columns(body)
    assert fast is not None
    assert [row["exact_json"] is not None for row in stored(fast)] == [False, False, True, True, False, False]


def test_columns_of_spans_have_the_fields_of_a_span() -> None:
    assert tuple(attrs.fields_dict(SpanColumns)) == Span._fields
