"""The fast decoder gives the same spans as the careful one, or leaves the request to it."""

from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa
import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.span_store.spans import Span, SpanColumns, span_columns
from tests.spans import any_value, many_spans, otlp_request, otlp_span
from transports.otlp import decode_trace_request
from transports.otlp_columns import decode_columns

pytestmark = pytest.mark.unit

RECORDINGS = Path(__file__).parents[1] / "recordings"


def as_lists(columns: SpanColumns) -> dict[str, list[Any]]:
    return {
        name: column.to_pylist() if isinstance(column, pa.Array) else list(column)
        for name, column in attrs.asdict(columns, recurse=False).items()
    }


def normal(value: Any) -> Any:
    """Lists for tuples, and NaN as text, so that equal things compare equal."""
    if isinstance(value, tuple | list):
        return [normal(item) for item in value]
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items()}
    return repr(value) if isinstance(value, float) else value


def check_same(body: bytes) -> None:
    fast = decode_columns(body)
    assert fast is not None
    assert normal(as_lists(fast)) == normal(as_lists(span_columns(decode_trace_request(body).spans)))


@pytest.mark.parametrize("name", ["crafted_main", "junjo_0.62.0", "junjo_0.69.0"])
def test_recorded_requests(name: str) -> None:
    check_same((RECORDINGS / f"{name}.bin").read_bytes())


def test_many_spans_of_several_resources_and_scopes() -> None:
    body = many_spans(30, seed=1, service="a") + many_spans(5, seed=2, service="b") + otlp_request().SerializeToString()
    check_same(body)


def test_an_empty_request() -> None:
    check_same(b"")


TEXT = st.text(max_size=4)
PLAIN = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | TEXT | st.binary(max_size=4) | st.none()
VALUES = PLAIN | st.lists(PLAIN | st.lists(PLAIN, max_size=2), max_size=2) | st.dictionaries(TEXT, PLAIN, max_size=2)
ATTRIBUTES = st.lists(st.tuples(TEXT, VALUES), max_size=3)
UINT32 = st.integers(0, 2**32 - 1)
UINT64 = st.integers(0, 2**64 - 1)
IDS = st.integers(1, 2**64 - 1)


def fill(message: Any, attributes: list[tuple[str, Any]]) -> None:
    for key, value in attributes:
        message.attributes.add(key=key, value=any_value(value))


@st.composite
def spans(draw: st.DrawFn) -> Message:
    span = otlp_span(draw(IDS), trace_id=draw(IDS))
    span.parent_span_id = draw(st.sampled_from([b"", bytes(8), b"\1" * 8, b"\1" * 3]))
    span.trace_state, span.name = draw(TEXT), draw(TEXT)
    span.flags, span.kind = draw(UINT32), draw(st.integers(-3, 9))  # type: ignore[assignment] # unknown kinds too
    span.start_time_unix_nano, span.end_time_unix_nano = draw(UINT64), draw(UINT64)
    span.dropped_attributes_count, span.dropped_events_count = draw(UINT32), draw(UINT32)
    span.dropped_links_count = draw(UINT32)
    fill(span, draw(ATTRIBUTES))
    for _ in range(draw(st.integers(0, 2))):
        fill(span.events.add(time_unix_nano=draw(UINT64), name=draw(TEXT)), draw(ATTRIBUTES))
        fill(span.links.add(trace_id=draw(st.binary(max_size=16)), flags=draw(UINT32)), draw(ATTRIBUTES))
    if draw(st.booleans()):
        span.status.message = draw(TEXT)
    return span


@settings(deadline=None)
@given(st.lists(st.lists(spans(), max_size=2), max_size=2))
def test_any_request(services: list[list[Any]]) -> None:
    check_same(b"".join(otlp_request(*each, service=str(n)).SerializeToString() for n, each in enumerate(services)))


def request_with(name: str, service: str) -> bytes:
    span = otlp_span(1)
    span.name = name
    return otlp_request(span, service=service).SerializeToString()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xff", id="no protobuf"),
        pytest.param(many_spans(3, seed=1)[:-5], id="truncated"),
        pytest.param(request_with("NAME", "s").replace(b"NAME", b"\xff" * 4), id="a name that is not UTF-8"),
        pytest.param(request_with("n", "NAME").replace(b"NAME", b"\xff" * 4), id="a resource that is not UTF-8"),
    ],
)
def test_what_needs_care_is_left(body: bytes) -> None:
    assert decode_columns(body) is None


def test_a_span_without_identity_needs_care() -> None:
    bad = otlp_span(2)
    bad.trace_id = bytes(16)
    assert decode_columns(otlp_request(otlp_span(1), bad).SerializeToString()) is None


def test_columns_of_spans_have_the_fields_of_a_span() -> None:
    assert tuple(attrs.fields_dict(SpanColumns)) == Span._fields
