"""Bodies that no exporter sends: each is refused, none costs a good one, and the studio goes on."""

import asyncio
import gzip
import random
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.budget import Budget
from tests.http_studio import HttpStudio, http_config, running_http_studio
from tests.spans import any_value, otlp_request, otlp_span

pytestmark = [pytest.mark.integration, pytest.mark.security]

_LIMIT = 200_000
_BUDGET = 1_000_000
_GOOD = otlp_request(otlp_span(1)).SerializeToString()


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[tuple[HttpStudio, str, Budget]]:
    """A studio that takes little, an API key for it, and its room for requests."""
    budget = Budget(_BUDGET)
    config = http_config(max_request_bytes=_LIMIT, otlp_budget=budget, body_seconds=1)
    async with running_http_studio(tmp_path, config) as studio:
        yield studio, await studio.make_key(await studio.set_up()), budget


async def goes_on(studio: HttpStudio, key: str, budget: Budget) -> None:
    """Good spans are taken, and all room has come back."""
    assert (await studio.send_spans(key, _GOOD)).body == b""
    with budget.reserve() as everything:
        everything.grow(_BUDGET)


async def test_random_bytes_are_refused_and_never_stored(small: tuple[HttpStudio, str, Budget]) -> None:
    studio, key, _ = small
    chance = random.Random(1)
    for size in (1, 2, 10, 100, 1000, 50_000):
        for headers in ({}, {"Content-Encoding": "gzip"}, {"Content-Type": "application/json"}):
            reply = await studio.send_spans(key, b"\x0f" + chance.randbytes(size), **headers)
            assert reply.status == 400
    services = await studio.call("GET", "/api/v1/observability/services", headers={"x-junjo-api-key": key})
    assert services.json == []
    await goes_on(*small)


async def test_a_request_cut_anywhere_is_refused(small: tuple[HttpStudio, str, Budget]) -> None:
    studio, key, _ = small
    for length in range(1, len(_GOOD)):
        assert (await studio.send_spans(key, _GOOD[:length])).status == 400
    await goes_on(*small)


async def test_an_endless_gzip_body_ends_at_the_limit(small: tuple[HttpStudio, str, Budget]) -> None:
    studio, key, _ = small
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        packer = zlib.compressobj(0, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        while sent < 100 * _LIMIT:
            sent += len(chunk := packer.compress(bytes(20_000)) + packer.flush(zlib.Z_SYNC_FLUSH))
            yield chunk

    reply = await studio.send_spans(key, endless(), **{"Content-Encoding": "gzip"})
    assert reply.status == 413
    assert sent < 100 * _LIMIT
    await goes_on(*small)


async def test_a_bomb_of_bombs_ends_at_the_limit(small: tuple[HttpStudio, str, Budget]) -> None:
    studio, key, _ = small
    for body in (gzip.compress(bytes(100_000_000)), gzip.compress(bytes(100_000)) * 100):
        reply = await studio.send_spans(key, body, **{"Content-Encoding": "gzip"})
        assert reply.status == 413
    await goes_on(*small)


@pytest.mark.parametrize("json", [False, True])
async def test_odd_text_is_kept_or_replaced_and_breaks_no_page(
    small: tuple[HttpStudio, str, Budget], *, json: bool
) -> None:
    """NUL bytes, and lone surrogates where JSON can escape them."""
    studio, key, _ = small
    if json:
        body = rb"""{"resourceSpans":[
            {"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"tests"}}]},
            "scopeSpans":[{"spans":[{"traceId":"00000000000000000000000000000001","spanId":"0000000000000001",
            "name":"a\ud800b\u0000","attributes":[{"key":"\udfff","value":{"stringValue":"\ud800"}}]}]}]}]}"""
    else:
        span = otlp_span(1)
        span.attributes.add(key="a\0b", value=any_value("c\0d"))
        span.name = "a?b\0"
        body = otlp_request(span).SerializeToString()
    content_type = "application/json" if json else "application/x-protobuf"
    assert (await studio.send_spans(key, body, **{"Content-Type": content_type})).status == 200
    path = "/api/v1/observability/services/tests/spans"
    (shown,) = (await studio.call("GET", path, headers={"x-junjo-api-key": key})).json
    assert shown["name"] == "a?b\0"
    assert shown["attributes_json"] == ({"?": "?"} if json else {"a\0b": "c\0d"})


@pytest.mark.parametrize("number", ["9" * 5000, '"' + "9" * 5000 + '"', "1e400", "1e308", str(10**30), "-1"])
async def test_a_number_that_does_not_fit_costs_one_span(small: tuple[HttpStudio, str, Budget], number: str) -> None:
    studio, key, _ = small
    body = b"""{"resourceSpans":[
        {"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"tests"}}],
        "entityRefs":[{"type":"host","later":NUMBER}]},
        "scopeSpans":[{"spans":[
        {"traceId":"00000000000000000000000000000001","spanId":"0000000000000001","name":"good"},
        {"traceId":"00000000000000000000000000000001","spanId":"0000000000000002","flags":NUMBER}]}]},
        {"resource":{"droppedAttributesCount":NUMBER},"scopeSpans":[{"spans":[
        {"traceId":"00000000000000000000000000000001","spanId":"0000000000000003"}]}]}]}"""
    sent = body.replace(b"NUMBER", number.encode())
    reply = await studio.send_spans(key, sent, **{"Content-Type": "application/json"})
    assert (reply.status, reply.json["partialSuccess"]["rejectedSpans"]) == (200, "2")
    path = "/api/v1/observability/services/tests/spans"
    (shown,) = (await studio.call("GET", path, headers={"x-junjo-api-key": key})).json
    assert shown["name"] == "good"


async def test_the_largest_numbers_of_protobuf_are_shown_and_exported(studio: HttpStudio) -> None:
    key = await studio.make_key(await studio.set_up(), "ingest", "read")
    largest, most = otlp_span(1, start=2**64 - 1001, count=2**63 - 1, least=-(2**63), double=1.7e308), 2**32 - 1
    largest.flags = largest.dropped_attributes_count = largest.dropped_events_count = most
    largest.dropped_links_count = most
    largest.status.code = 2**31 - 1  # type: ignore[assignment] # of no status that is known
    largest.kind = -(2**31)  # type: ignore[assignment] # nor of a kind
    largest.events.add(time_unix_nano=2**64 - 1, name="e", dropped_attributes_count=most)
    largest.links.add(trace_id=b"\1" * 16, span_id=b"\1" * 8, flags=most, dropped_attributes_count=most)
    least = otlp_span(2, start=0)
    least.end_time_unix_nano = 0
    for spans in ([largest, least], [largest, least] * 200):  # a large request is decoded in another way
        reply = await studio.send_spans(key, otlp_request(*spans).SerializeToString())
        assert (reply.status, reply.body) == (200, b"")
    for path in ("services/tests/spans", "services/tests/spans/root", f"traces/{1:032x}/spans"):
        shown = await studio.call("GET", f"/api/v1/observability/{path}", headers={"x-junjo-api-key": key})
        assert (shown.status, len(shown.json)) == (200, 2)
    for form in ("parquet", "csv", "jsonl"):
        path = f"/api/v1/observability/export?format={form}"
        assert (await studio.call("GET", path, headers={"x-junjo-api-key": key})).status == 200


async def test_text_of_megabytes_comes_back_whole(studio: HttpStudio) -> None:
    key = await studio.make_key(await studio.set_up())
    span = otlp_span(1)
    span.attributes.add(key="k" * 2_000_000, value=any_value("v" * 2_000_000))
    span.name = "n" * 2_000_000

    async def in_pieces() -> AsyncIterator[bytes]:
        body = otlp_request(span, service="s" * 1_000_000).SerializeToString()
        for start in range(0, len(body), 500_000):
            yield body[start : start + 500_000]

    assert (await studio.send_spans(key, in_pieces())).status == 200
    path = f"/api/v1/observability/traces/{1:032x}/spans"
    (shown,) = (await studio.call("GET", path, headers={"x-junjo-api-key": key})).json
    assert shown["attributes_json"] == {"k" * 2_000_000: "v" * 2_000_000}
    assert (len(shown["name"]), len(shown["service_name"])) == (2_000_000, 1_000_000)


async def test_slow_and_half_open_connections_hold_nobody_up(small: tuple[HttpStudio, str, Budget]) -> None:
    studio, key, _ = small
    typed = "Content-Type: application/x-protobuf"
    head = f"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nx-junjo-api-key: {key}\r\n{typed}\r\n"
    beginnings: list[Any] = [
        b"",  # says nothing
        b"POST /v1/tra",  # half a line
        head.encode(),  # headers without end
        f"{head}Content-Length: 1000\r\n\r\nab".encode(),
        f"{head}Transfer-Encoding: chunked\r\n\r\n5\r\nab".encode(),
    ]
    connections = [await asyncio.open_connection("127.0.0.1", studio.port) for _ in range(20) for _ in beginnings]
    for index, (_, writer) in enumerate(connections):
        writer.write(beginnings[index % len(beginnings)])
    assert (await studio.send_spans(key, _GOOD)).status == 200
    for _, writer in connections:
        writer.transport.abort()
