import asyncio
import gzip
import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status as RpcStatus
from multidict import CIMultiDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from actors.runtime.budget import Budget
from tests.http_studio import HttpStudio, Reply, http_config, running_http_studio
from tests.spans import request_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.integration

_GZIP = {"Content-Encoding": "gzip"}
_PROTOBUF = "application/x-protobuf"


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


OTHERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("x-gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("zstd", zstd.compress),
]


def status_of(reply: Reply) -> RpcStatus:
    assert reply.headers["Content-Type"] == _PROTOBUF
    return RpcStatus.FromString(reply.body)


async def stored(studio: HttpStudio, key: str) -> int:
    path = "/api/v1/observability/services/tests/spans?limit=10000"
    return len((await studio.call("GET", path, headers={"x-junjo-api-key": key})).json)


async def ready(studio: HttpStudio) -> str:
    return await studio.make_key(await studio.set_up())


async def test_spans_are_durable_when_the_answer_comes(studio: HttpStudio) -> None:
    key = await ready(studio)
    reply = await studio.send_spans(key, request_of("tests", 200))
    assert (reply.status, reply.headers["Content-Type"]) == (200, _PROTOBUF)
    assert ExportTraceServiceResponse.FromString(reply.body) == ExportTraceServiceResponse()
    assert await stored(studio, key) == 200


async def test_an_empty_request_is_a_success(studio: HttpStudio) -> None:
    assert (await studio.send_spans(await ready(studio), b"")).status == 200


async def test_bearer_works_too(studio: HttpStudio) -> None:
    key = await ready(studio)
    headers = {"Authorization": f"bearer {key}", "Content-Type": _PROTOBUF}
    assert (await studio.call("POST", "/v1/traces", data=b"", headers=headers)).status == 200


async def test_a_bad_span_is_rejected_alone(studio: HttpStudio) -> None:
    key = await ready(studio)
    body = request_of("tests", 2).replace((2).to_bytes(8, "big"), bytes(8))
    reply = await studio.send_spans(key, body)
    assert ExportTraceServiceResponse.FromString(reply.body).partial_success.rejected_spans == 1
    assert await stored(studio, key) == 1


async def test_json_is_answered_in_json(studio: HttpStudio) -> None:
    key = await ready(studio)
    span = {"traceId": "0AF7651916CD43DD8448EB211C80319C", "spanId": "00F067AA0BA902B7", "name": "json", "kind": 1,
            "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000000000001"}  # fmt: skip
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "tests"}}]}
    document = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    reply = await studio.call("POST", "/v1/traces", body=document, headers={"x-junjo-api-key": key})
    assert (reply.status, reply.json) == (200, {})
    assert await stored(studio, key) == 1
    headers = {"x-junjo-api-key": key, "Content-Type": "application/json; charset=utf-8"}
    broken = await studio.call("POST", "/v1/traces", data=b"{", headers=headers)
    assert (broken.status, broken.json["code"]) == (400, 3)


async def test_bytes_that_are_no_request(studio: HttpStudio) -> None:
    reply = await studio.send_spans(await ready(studio), b"\xff\xff\xff")
    assert (reply.status, status_of(reply).code) == (400, 3)
    details = BadRequest()
    assert status_of(reply).details[0].Unpack(details)
    assert details.field_violations


@pytest.mark.security
async def test_without_a_good_key_nothing_is_read(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    reading = await studio.make_key(cookie, "read")
    body = request_of("tests", 1)
    headers = {"Content-Type": _PROTOBUF}
    missing = await studio.call("POST", "/v1/traces", data=body, headers=headers)
    assert (missing.status, status_of(missing).code) == (401, 16)
    wrong = await studio.send_spans("x" * 64, BytesIO(b"\xff" * 5_000_000), **_GZIP)
    assert (wrong.status, status_of(wrong).message) == (401, "Unauthorized: This API key is unknown")
    forbidden = await studio.send_spans(reading, body)
    assert (forbidden.status, status_of(forbidden).code) == (403, 7)
    assert status_of(forbidden).message == "This key lacks the scope ingest"
    with_cookie = await studio.call("POST", "/v1/traces", data=body, headers=headers, cookie=cookie)
    assert with_cookie.status == 401
    assert await stored(studio, reading) == 0


async def test_other_media_are_unsupported(studio: HttpStudio) -> None:
    key = await ready(studio)
    text = await studio.send_spans(key, b"", **{"Content-Type": "text/plain"})
    deflated = await studio.send_spans(key, b"", **{"Content-Encoding": "br"})
    for reply in (text, deflated):
        assert (reply.status, status_of(reply).code) == (415, 12)


@pytest.mark.security
@pytest.mark.parametrize("fault", ["truncated", "corrupt", "trailing", "empty"])
async def test_a_gzip_body_is_whole_or_refused(studio: HttpStudio, fault: str) -> None:
    key = await ready(studio)
    whole = gzip.compress(request_of("tests", 500))
    bodies = {
        "truncated": whole[:-9],
        "corrupt": whole[:40] + b"\0" * 9 + whole[49:],
        "trailing": whole + b"x",
        "empty": b"",
    }
    reply = await studio.send_spans(key, bodies[fault], **_GZIP)
    assert (reply.status, status_of(reply).code) == (400, 3)
    assert await stored(studio, key) == 0
    assert (await studio.send_spans(key, whole, **_GZIP)).status == 200
    assert await stored(studio, key) == 500


@pytest.mark.parametrize(("encoding", "pack"), OTHERS)
async def test_other_encodings_are_taken_whole_or_refused(
    studio: HttpStudio, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    key = await ready(studio)
    body = request_of("tests", 500)
    whole, header = pack(body), {"Content-Encoding": encoding}
    for fault in (whole[:-9], whole + b"x", b"", gzip.compress(body)[:-1]):
        reply = await studio.send_spans(key, fault, **header)
        assert (reply.status, status_of(reply).code) == (400, 3)
    assert await stored(studio, key) == 0
    assert (await studio.send_spans(key, whole, **header)).status == 200
    assert await stored(studio, key) == 500


async def test_one_header_may_name_the_encoding_and_not_two(studio: HttpStudio) -> None:
    key = await ready(studio)
    headers = CIMultiDict({"x-junjo-api-key": key, "Content-Type": _PROTOBUF})
    headers.extend([("Content-Encoding", "gzip"), ("Content-Encoding", "gzip")])
    body = gzip.compress(gzip.compress(request_of("tests", 1)))
    async with studio.client.post("/v1/traces", data=body, headers=headers) as answer:
        refusal = RpcStatus.FromString(await answer.read())
    assert (answer.status, refusal.code) == (415, 12)
    assert "More than one encoding ('gzip, gzip')" in refusal.message


@pytest.mark.security
async def test_a_bomb_of_any_encoding_ends_at_the_limit(tmp_path: Path) -> None:
    budget = Budget(1_000_000)
    async with running_http_studio(tmp_path, http_config(max_request_bytes=10_000, otlp_budget=budget)) as studio:
        key = await ready(studio)
        for encoding, pack in OTHERS:
            for bomb in (pack(bytes(10_001)), pack(bytes(8_000_000))):
                reply = await studio.send_spans(key, bomb, **{"Content-Encoding": encoding})
                assert (reply.status, status_of(reply).code) == (413, 8)
            assert (await studio.send_spans(key, pack(b"\n\0" * 5_000), **{"Content-Encoding": encoding})).status == 200
        with budget.reserve() as everything:
            everything.grow(1_000_000)  # all was given back


@pytest.mark.security
async def test_size_limits_before_and_after_inflation(tmp_path: Path) -> None:
    budget = Budget(1_000_000)
    async with running_http_studio(tmp_path, http_config(max_request_bytes=10_000, otlp_budget=budget)) as studio:
        key = await ready(studio)

        async def in_chunks() -> Any:
            for _ in range(11):
                yield b"\n\0" * 500

        declared = await studio.send_spans(key, b"\n\0" * 5_001)
        chunked = await studio.send_spans(key, in_chunks())
        bomb = await studio.send_spans(key, gzip.compress(b"\n\0" * 5_001), **_GZIP)
        for reply in (declared, chunked, bomb):
            assert (reply.status, status_of(reply).code) == (413, 8)
            assert "Retry-After" not in reply.headers
            assert not status_of(reply).details
        assert (await studio.send_spans(key, b"\n\0" * 5_000)).status == 200
        with budget.reserve() as everything:
            everything.grow(1_000_000)  # all was given back


async def test_too_many_bytes_at_once_may_be_sent_again(tmp_path: Path) -> None:
    budget = Budget(100_000)
    async with running_http_studio(tmp_path, http_config(otlp_budget=budget)) as studio:
        key = await ready(studio)
        with budget.reserve() as others:
            others.grow(99_990)
            reply = await studio.send_spans(key, request_of("tests", 1))
        assert (reply.status, reply.headers["Retry-After"], status_of(reply).code) == (429, "1", 8)
        delay = RetryInfo()
        assert status_of(reply).details[0].Unpack(delay)
        assert delay.retry_delay.seconds == 1
        assert (await studio.send_spans(key, request_of("tests", 1))).status == 200


@pytest.mark.error_recovery
async def test_while_the_studio_stops_exporters_are_told_to_come_back(studio: HttpStudio) -> None:
    key = await ready(studio)
    await studio.supervisor.stop()
    reply = await studio.send_spans(key, request_of("tests", 1))
    assert (reply.status, status_of(reply).code) == (503, 14)
    assert int(reply.headers["Retry-After"]) >= 1


@pytest.mark.error_recovery
async def test_a_client_that_leaves_in_the_middle_gives_its_bytes_back(tmp_path: Path) -> None:
    budget = Budget(100_000)
    async with running_http_studio(tmp_path, http_config(otlp_budget=budget, body_seconds=5)) as studio:
        key = await ready(studio)
        _, writer = await asyncio.open_connection("127.0.0.1", studio.port)
        head = f"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nx-junjo-api-key: {key}\r\nContent-Type: {_PROTOBUF}\r\n"
        writer.write(f"{head}Content-Length: 90000\r\n\r\n".encode() + bytes(50_000))
        await writer.drain()
        writer.transport.abort()
        while (await studio.send_spans(key, request_of("tests", 1500))).status != 200:
            pass  # until the server has noticed: the request needs more than the other left over
        with budget.reserve() as everything:
            everything.grow(100_000)


async def test_a_body_that_does_not_come_is_a_timeout(tmp_path: Path) -> None:
    async with running_http_studio(tmp_path, http_config(body_seconds=0.05)) as studio:
        key = await ready(studio)
        reader, writer = await asyncio.open_connection("127.0.0.1", studio.port)
        head = f"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nx-junjo-api-key: {key}\r\nContent-Type: {_PROTOBUF}\r\n"
        writer.write(f"{head}Content-Length: 9\r\n\r\nab".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("media", [_PROTOBUF, "application/json"])
async def test_metrics_are_dropped_with_success(studio: HttpStudio, media: str) -> None:
    path, response = "/v1/metrics", ExportMetricsServiceResponse
    key = await ready(studio)
    headers = {"x-junjo-api-key": key, "Content-Type": media}
    reply = await studio.call("POST", path, data=b"{}", headers=headers)
    assert (reply.status, reply.headers["Content-Type"]) == (200, media)
    assert reply.body == (response().SerializeToString() if media == _PROTOBUF else b"{}")
    reply = await studio.call("POST", path, data=b"", headers={"Content-Type": media})
    assert reply.status == 401
