"""Exporters whose requests HTTP refuses because of their settings: the log says what to set."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.http_studio import HttpStudio, http_config, running_http_studio
from tests.spans import otlp_request, otlp_span
from transports import misdirected_exporters as faults
from transports.first_bytes import PREFACE
from transports.misdirected_exporters import Fault

pytestmark = pytest.mark.integration

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
BODY = otlp_request(otlp_span(1)).SerializeToString()
PROTOBUF = "application/x-protobuf"


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


def told(logged: list[Any]) -> list[tuple[str, str]]:
    """Sender and fault of each warning."""
    return [(line["sender"], line["fault"]) for line in logged if line["log_level"] == "warning"]


async def post(studio: HttpStudio, path: str, content_type: str = PROTOBUF, **headers: str) -> tuple[int, bytes]:
    """The status and the body, also of paths that the document does not have."""
    sent = {"Content-Type": content_type} | headers
    async with studio.client.post(path, data=BODY, headers=sent, allow_redirects=False) as answer:
        return answer.status, await answer.read()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 405),
        ("/health", 405),
        ("/v1/trace", 404),
        ("/api/v1/traces", 404),
        ("/otlp/v1/traces", 404),
        ("/v1/traces/v1/traces", 404),
        ("/V1/TRACES", 404),
        ("/v1/spans", 404),
        ("/otlp", 404),
    ],
)
async def test_a_wrong_path_is_told_and_answered_as_ever(
    studio: HttpStudio, logged: list[Any], path: str, status: int
) -> None:
    for _ in range(3):
        answered, body = await post(studio, path)
        assert answered == status
        assert (b"spans go to /v1/traces" in body) == path.startswith("/v1/")
    assert told(logged) == [("127.0.0.1", faults.WRONG_PATH.name)]
    assert [line["path"] for line in logged if line["log_level"] == "warning"] == [path]


@pytest.mark.parametrize(
    ("path", "content_type", "fault"),
    [
        ("/api/v2/spans", "application/json", faults.OTHER_FORMAT),
        ("/api/v1/spans", "application/x-thrift", faults.OTHER_FORMAT),
        ("/api/traces", "application/vnd.apache.thrift.binary", faults.OTHER_FORMAT),
        ("/anything", "application/x-thrift", faults.OTHER_FORMAT),
        (EXPORT, "application/grpc", faults.GRPC_AT_HTTP),
        (EXPORT, "application/grpc-web+proto", faults.GRPC_AT_HTTP),
        ("/v1/traces", "application/x-thrift", faults.UNREADABLE),
        ("/v1/traces", "text/plain", faults.UNREADABLE),
    ],
)
async def test_another_format_is_told(
    studio: HttpStudio, logged: list[Any], path: str, content_type: str, fault: Fault
) -> None:
    key = await studio.make_key(await studio.set_up(), "ingest")
    status, _ = await post(studio, path, content_type, **{"x-junjo-api-key": key})
    assert status in (404, 415)
    assert told(logged) == [("127.0.0.1", fault.name)]


@pytest.mark.security
async def test_a_key_that_will_not_do_is_told_and_not_shown(studio: HttpStudio, logged: list[Any]) -> None:
    reader = await studio.make_key(await studio.set_up(), "read")
    for headers in ({}, {"x-junjo-api-key": reader}, {"Authorization": "Bearer wrong-key-4711"}):
        for path in ("/v1/traces", "/v1/metrics", "/v1/logs"):
            status, _ = await post(studio, path, **headers)
            assert status in (401, 403)
    assert told(logged) == [
        ("127.0.0.1", faults.NO_KEY.name),
        ("127.0.0.1", faults.BAD_KEY.name),
    ]
    assert "wrong-key-4711" not in str(logged)
    assert reader not in str(logged)


async def test_what_people_and_front_ends_do_is_no_exporters(studio: HttpStudio, logged: list[Any]) -> None:
    for method, path in (("GET", "/v1/traces"), ("GET", "/nowhere"), ("POST", "/nowhere"), ("POST", "/users")):
        async with studio.client.request(method, path, json={}) as answer:
            assert answer.status >= 400
    assert (await studio.call("GET", "/api/v1/observability/services", cookie="dead")).status == 401
    assert told(logged) == []


@pytest.mark.parametrize(
    ("begin", "fault"),
    [
        (PREFACE + b"\0\0\0\4\0\0\0\0\0", faults.GRPC_AT_HTTP),
        (b"\x16\x03\x01\x02\x00\x01\x00", faults.TLS),
    ],
)
async def test_another_protocol_is_told_and_answered_in_http(
    studio: HttpStudio, logged: list[Any], begin: bytes, fault: Fault
) -> None:
    """With an answer in HTTP/1 clients of gRPC say that there is such a server."""
    reader, writer = await asyncio.open_connection("127.0.0.1", studio.port)
    writer.write(begin)
    assert (await reader.readline()).startswith(b"HTTP/1.0 400 " if begin[:1] != b"P" else b"HTTP/1.")
    writer.close()
    await writer.wait_closed()
    assert told(logged) == [("127.0.0.1", fault.name)]


async def test_a_client_with_tls_is_told(studio: HttpStudio, logged: list[Any]) -> None:
    with pytest.raises(ssl.SSLError):
        await asyncio.open_connection("127.0.0.1", studio.port, ssl=ssl.create_default_context())
    assert told(logged) == [("127.0.0.1", faults.TLS.name)]


async def test_a_request_that_begins_like_http2_is_served(studio: HttpStudio) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", studio.port)
    for piece in b"P", b"R", b"O", b"PFIND /health HTTP/1.1\r\n", b"Host: a\r\n\r\n":
        writer.write(piece)
        await writer.drain()
    assert await reader.readline() == b"HTTP/1.1 405 Method Not Allowed\r\n"
    writer.close()
    await writer.wait_closed()


@pytest.mark.concurrency
async def test_a_stop_does_not_wait_for_those_who_say_nothing(tmp_path: Path) -> None:
    async with running_http_studio(tmp_path, http_config()) as studio:
        connections = [await asyncio.open_connection("127.0.0.1", studio.port) for _ in range(2)]
        connections[1][1].write(PREFACE[:10])
        assert (await studio.call("GET", "/ping")).status == 200  # by now they are known
    for reader, writer in connections:
        with suppress(ConnectionError):  # cut is ended too
            assert await reader.read() == b""
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
