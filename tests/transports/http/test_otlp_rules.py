"""The rules of OTLP/HTTP (OTLP 1.11), each in both encodings; ``test_traces_in.py`` has our own rules."""

import gzip
from io import BytesIO
from typing import Any

import orjson
import pytest
from google.protobuf.json_format import Parse
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status as RpcStatus
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from actors.key_registry.actor import KeyRegistryActor
from actors.runtime.budget import Budget
from actors.span_store.actor import SpanStoreActor
from tests.http_studio import HttpStudio, Reply, http_config, running_http_studio
from tests.spans import otlp_request, otlp_span

pytestmark = pytest.mark.integration

PROTOBUF, JSON = "application/x-protobuf", "application/json"
in_both_encodings = pytest.mark.parametrize("encoding", [PROTOBUF, JSON])
_MOST_ANSWER_BYTES = 4 * 1024 * 1024  # OTLP 1.11, "Size limits"
_IDS = {"traceId": f"{1:032x}", "spanId": f"{1:016x}"}


def request_in(encoding: str, *, trace_id: int = 1, end: int | None = None) -> bytes:
    """A request with one span."""
    span = otlp_span(1, trace_id=trace_id)
    span.end_time_unix_nano = span.end_time_unix_nano if end is None else end
    if encoding == PROTOBUF:
        return otlp_request(span).SerializeToString()
    times = {"startTimeUnixNano": str(span.start_time_unix_nano), "endTimeUnixNano": str(span.end_time_unix_nano)}
    sent = {"traceId": span.trace_id.hex().upper(), "spanId": span.span_id.hex(), "name": span.name, "kind": 1, **times}
    return orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [sent]}]}]})


async def export(studio: HttpStudio, encoding: str, body: Any, *, key: str = "", **headers: str) -> Reply:
    """An answer has the content type of its request, whatever it is."""
    path = headers.pop("path", "/v1/traces")
    sent = {"Content-Type": encoding} | headers | ({"x-junjo-api-key": key} if key else {})
    reply = await studio.call("POST", path, data=body, headers=sent)
    assert reply.headers["Content-Type"] == encoding
    return reply


def read(reply: Reply, message: Message) -> Any:
    """The body as this message."""
    if reply.headers["Content-Type"] == JSON:
        return Parse(reply.body, message)
    message.ParseFromString(reply.body)
    return message


def refused(reply: Reply) -> tuple[int, int]:
    """HTTP status, and the code of the ``google.rpc.Status`` in the body."""
    status: RpcStatus = read(reply, RpcStatus())
    assert status.message
    return reply.status, status.code


def detail(reply: Reply, kind: Message) -> Any:
    """The only detail of a ``google.rpc.Status``."""
    (packed,) = read(reply, RpcStatus()).details
    assert packed.Unpack(kind)
    return kind


async def ready(studio: HttpStudio, *scopes: str) -> str:
    return await studio.make_key(await studio.set_up(), *scopes)


@in_both_encodings
async def test_success_leaves_partial_success_unset(studio: HttpStudio, encoding: str) -> None:
    reply = await export(studio, encoding, request_in(encoding), key=await ready(studio))
    assert (reply.status, reply.body) == (200, b"" if encoding == PROTOBUF else b"{}")


@in_both_encodings
async def test_an_empty_request_is_a_success(studio: HttpStudio, encoding: str) -> None:
    empty = b"" if encoding == PROTOBUF else b"{}"
    assert (await export(studio, encoding, empty, key=await ready(studio))).status == 200


@in_both_encodings
async def test_a_span_that_ends_before_it_starts_is_accepted(studio: HttpStudio, encoding: str) -> None:
    key = await ready(studio)
    reply = await export(studio, encoding, request_in(encoding, end=1), key=key)
    assert not read(reply, ExportTraceServiceResponse()).HasField("partial_success")
    path = f"/api/v1/observability/traces/{1:032x}/spans"
    (span,) = (await studio.call("GET", path, headers={"x-junjo-api-key": key})).json
    assert span["end_time"] < span["start_time"]


@in_both_encodings
async def test_single_bad_spans_are_a_partial_success(studio: HttpStudio, encoding: str) -> None:
    reply = await export(studio, encoding, request_in(encoding, trace_id=0), key=await ready(studio))
    partial = read(reply, ExportTraceServiceResponse()).partial_success
    assert (reply.status, partial.rejected_spans) == (200, 1)
    assert "trace_id" in partial.error_message


@in_both_encodings
async def test_bad_data_is_400_with_bad_request(studio: HttpStudio, encoding: str) -> None:
    reply = await export(studio, encoding, b"\xff{", key=await ready(studio))
    assert refused(reply) == (400, 3)
    assert detail(reply, BadRequest()).field_violations[0].description


@in_both_encodings
async def test_keys_are_401_and_403(studio: HttpStudio, encoding: str) -> None:
    reading = await ready(studio, "read")
    assert refused(await export(studio, encoding, b"")) == (401, 16)
    assert refused(await export(studio, encoding, b"", key="x" * 64)) == (401, 16)
    assert refused(await export(studio, encoding, b"", key=reading)) == (403, 7)


@in_both_encodings
async def test_too_large_is_413_before_and_after_inflation_and_not_retryable(tmp_path: Any, encoding: str) -> None:
    async with running_http_studio(tmp_path, http_config(max_request_bytes=1000)) as studio:
        key = await ready(studio)
        plain = await export(studio, encoding, b" " * 1001, key=key)
        bomb = gzip.compress(b" " * 1001)
        packed = await export(studio, encoding, bomb, key=key, **{"Content-Encoding": "gzip"})
    for reply in (plain, packed):
        assert refused(reply) == (413, 8)
        assert "Retry-After" not in reply.headers
        assert not read(reply, RpcStatus()).details


@in_both_encodings
async def test_an_unknown_content_encoding_is_415(studio: HttpStudio, encoding: str) -> None:
    key = await ready(studio)
    for name in ("br", "snappy", "lz4", "gzip, gzip"):
        reply = await export(studio, encoding, b"", key=key, **{"Content-Encoding": name})
        assert refused(reply) == (415, 12)
        assert "set compression to gzip, zstd, deflate or none" in read(reply, RpcStatus()).message


@in_both_encodings
async def test_too_much_at_once_is_429_with_the_time_to_wait(tmp_path: Any, encoding: str) -> None:
    budget = Budget(1000)
    async with running_http_studio(tmp_path, http_config(otlp_budget=budget)) as studio:
        key = await ready(studio)
        with budget.reserve() as others:
            others.grow(1000)
            reply = await export(studio, encoding, request_in(encoding), key=key)
    assert refused(reply) == (429, 8)
    delay = detail(reply, RetryInfo()).retry_delay.ToNanoseconds() / 1e9
    assert 0 < delay <= int(reply.headers["Retry-After"]) < delay + 1


@pytest.mark.error_recovery
@pytest.mark.parametrize("away", [KeyRegistryActor, SpanStoreActor])
@in_both_encodings
async def test_a_store_that_is_away_is_503_and_never_401(studio: HttpStudio, encoding: str, away: Any) -> None:
    key = await ready(studio)
    studio.bus.disconnect(away)
    reply = await export(studio, encoding, request_in(encoding), key=key)
    assert refused(reply) == (503, 14)
    assert int(reply.headers["Retry-After"]) >= 1
    assert detail(reply, RetryInfo()).retry_delay.ToSeconds() >= 1


@in_both_encodings
@pytest.mark.parametrize(
    ("path", "body", "response"),
    [("/v1/metrics", b"{}", ExportMetricsServiceResponse), ("/v1/logs", None, ExportLogsServiceResponse)],
)
async def test_the_other_signals_are_answered_in_their_own_words(
    studio: HttpStudio, encoding: str, path: str, body: bytes | None, response: type[Message]
) -> None:
    key = await ready(studio)
    empty = b"" if encoding == PROTOBUF else b"{}"
    reply = await export(studio, encoding, empty if body is None else body, key=key, path=path)
    assert (reply.status, read(reply, response())) == (200, response())
    assert refused(await export(studio, encoding, b"", path=path)) == (401, 16)


@in_both_encodings
async def test_an_unknown_signal_is_unimplemented(studio: HttpStudio, encoding: str) -> None:
    reply = await export(studio, encoding, b"", path="/v1development/profiles", key=await ready(studio))
    assert refused(reply) == (404, 12)


@in_both_encodings
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/traces//", 404),
        ("POST", "/v1/", 404),
        ("POST", "/v1/nope/", 404),
        ("POST", "/v1/users/", 404),
        ("POST", "/v1development/profiles/", 404),
        ("GET", "/v1/traces", 405),
        ("GET", "/v1/traces/", 405),
        ("PUT", "/v1/logs/", 405),
        ("DELETE", "/v1/metrics/", 405),
    ],
)
async def test_nothing_redirects_an_exporter(
    studio: HttpStudio, encoding: str, method: str, path: str, status: int
) -> None:
    """Exporters do not follow, and the one of Python takes a redirect for success."""
    reply = await studio.call(method, path, data=b"", headers={"Content-Type": encoding})
    assert (refused(reply), reply.headers["Content-Type"]) == ((status, 12), encoding)
    assert "Location" not in reply.headers


@in_both_encodings
async def test_a_slash_at_the_end_changes_nothing(studio: HttpStudio, encoding: str) -> None:
    key = await ready(studio)
    reply = await export(studio, encoding, request_in(encoding), key=key, path="/v1/traces/")
    assert (reply.status, read(reply, ExportTraceServiceResponse())) == (200, ExportTraceServiceResponse())
    for path in ("/v1/metrics/", "/v1/logs/"):
        empty = b"" if encoding == PROTOBUF else b"{}"
        assert (await export(studio, encoding, empty, key=key, path=path)).status == 200
    assert refused(await export(studio, encoding, b"", path="/v1/traces/")) == (401, 16)
    spans = await studio.call("GET", f"/api/v1/observability/traces/{1:032x}/spans", headers={"x-junjo-api-key": key})
    assert len(spans.json) == 1


async def test_an_answer_stays_small_whatever_was_wrong(studio: HttpStudio) -> None:
    bad: list[dict[str, Any]] = [{**_IDS, f"x{number}": 1, "kind": f"KIND_{number}"} for number in range(10_000)]
    bad += [{**_IDS, "attributes": [{"key": f"{n}", "value": {"intValue": f"{n}x"}}]} for n in range(10_000)]
    body = orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": bad}]}]})
    reply = await export(studio, JSON, BytesIO(body), key=await ready(studio))
    partial = read(reply, ExportTraceServiceResponse()).partial_success
    assert partial.rejected_spans == 20_000
    assert len(reply.body) < min(_MOST_ANSWER_BYTES, 1000)


async def test_json_is_read_as_the_specification_says(studio: HttpStudio) -> None:
    """Ids in either case, numbers as strings or numbers, integer enums, unknown members ignored."""
    key = await ready(studio)
    span = {
        "traceId": _IDS["traceId"],
        "spanId": "ABCDEF0123456789",
        "kind": 3,
        "startTimeUnixNano": 5,
        "endTimeUnixNano": "6",
        "attributes": [{"key": "i", "value": {"intValue": "9007199254740993"}}],
        "later": {"x": [1]},
    }
    body = orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span], "unknown": 1}]}], "more": None})
    assert (await export(studio, JSON, body, key=key)).body == b"{}"
    path = f"/api/v1/observability/traces/{1:032x}/spans/abcdef0123456789"
    shown = (await studio.call("GET", path, headers={"x-junjo-api-key": key})).json
    assert (shown["kind"], shown["attributes_json"]) == ("CLIENT", {"i": 9007199254740993})
