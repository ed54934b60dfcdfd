"""Large answers: cut, or sent while they are made, and never many of them in memory."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from actors.runtime.budget import Budget
from actors.span_store.messages import MOST_LOG_BYTES
from tests.http_studio import HttpStudio, Reply, http_config, running_http_studio
from tests.spans import START, any_value, logs_request, otlp_log, otlp_request, otlp_span
from transports.http.api.span_answers import SMALL
from transports.http.config import TOO_MANY_ANSWERS

pytestmark = [pytest.mark.integration, pytest.mark.security]

_API = "/api/v1/observability"
_TRACE = f"{_API}/traces/{1:032x}/spans"
_LARGE_SPAN = f"{_TRACE}/{1:016x}"
_PLAIN = {"Accept-Encoding": "identity"}
MEGABYTE = 1024 * 1024


async def send(studio: HttpStudio, key: str, *spans: OtlpSpan) -> None:
    assert (await studio.send_spans(key, otlp_request(*spans).SerializeToString())).status == 200


def large(number: int, size: int, **attributes: Any) -> OtlpSpan:
    return otlp_span(number, start=START + number, text="needle " + "x" * size, **attributes)


def with_attributes(span: OtlpSpan, attributes: dict[str, str], parent: int) -> OtlpSpan:
    for key, value in attributes.items():
        span.attributes.add(key=key, value=any_value(value))
    span.parent_span_id = parent.to_bytes(8, "big")
    return span


def subflow(span: OtlpSpan) -> OtlpSpan:
    attributes = {
        "junjo.span_type": "subflow",
        "junjo.executable_definition_id": "the definition",
        "junjo.executable_runtime_id": "the run",
    }
    return with_attributes(span, attributes, parent=99_999)


def child(span: OtlpSpan, parent: int) -> OtlpSpan:
    return with_attributes(span, {"junjo.parent_executable_runtime_id": "the run"}, parent)


async def pages(studio: HttpStudio, path: str, cookie: str) -> list[list[str]]:
    """Names of the spans of all pages, reached through the Link header."""
    found = []
    following: str | None = path
    while following:
        reply = await studio.call("GET", following, cookie=cookie)
        assert reply.status == 200
        found.append([span["name"] for span in reply.json])
        link = reply.headers.get("Link")
        following = link.removeprefix("<").removesuffix('>; rel="next"') if link else None
    return found


async def fill_trace(studio: HttpStudio, key: str) -> int:
    """A subflow, thousands of other spans, and last a child of the subflow; how many."""
    count = 9000
    await send(studio, key, subflow(large(1, 10)), child(large(count, 10), parent=1))
    for first in range(2, count, 1000):
        await send(studio, key, *(large(number, 900) for number in range(first, min(first + 1000, count))))
    return count


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_large_trace_is_one_array_sent_while_it_is_made(studio: HttpStudio, encoding: str) -> None:
    cookie = await studio.set_up()
    count = await fill_trace(studio, await studio.make_key(cookie))
    reply = await studio.call("GET", _TRACE, cookie=cookie, headers={"Accept-Encoding": encoding})
    assert len(reply.body) > SMALL
    assert (reply.status, reply.headers["Transfer-Encoding"]) == (200, "chunked")
    assert reply.headers.get("Content-Encoding", "identity") == encoding
    spans = reply.json
    assert [span["name"] for span in spans] == [f"span {number}" for number in range(count, 0, -1)]
    listed = await studio.call("GET", f"{_API}/services/tests/spans?limit=10000", cookie=cookie)
    assert listed.json == spans
    assert (spans[-1]["junjo_id"], spans[0]["junjo_parent_id"]) == ("the definition", "the definition")


async def test_small_answers_are_in_one_piece_as_ever(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    await send(studio, await studio.make_key(cookie), *(large(number, 900) for number in range(1, 500)))
    for path in (_TRACE, f"{_API}/services/tests/spans", _LARGE_SPAN):
        reply = await studio.call("GET", path, cookie=cookie, headers=_PLAIN)
        assert int(reply.headers["Content-Length"]) == len(reply.body)


async def test_pages_of_a_list_are_cut_by_bytes_and_join(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    key = await studio.make_key(cookie)
    for number in range(1, 6):
        await send(studio, key, large(number, 12 * MEGABYTE))
    found = await pages(studio, f"{_API}/services/tests/spans?limit=10000", cookie)
    assert [name for page in found for name in page] == [f"span {number}" for number in range(5, 0, -1)]
    assert len(found) > 1


async def test_pages_of_a_search_are_cut_by_bytes_and_join(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    key = await studio.make_key(cookie)
    for number, size in enumerate([3, 1, 9, 2, 1], 1):
        await send(studio, key, large(number, size * MEGABYTE))
    found = await pages(studio, f"{_API}/search?text=needle", cookie)
    assert [name for page in found for name in page] == [f"span {number}" for number in range(5, 0, -1)]
    assert len(found) > 2


async def test_a_large_span_in_a_subflow_whose_span_is_large_too(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    key = await studio.make_key(cookie)
    await send(studio, key, subflow(large(1, 6 * MEGABYTE)))
    await send(studio, key, child(large(2, 5 * MEGABYTE), parent=1))
    reply = await studio.call("GET", f"{_TRACE}/{2:016x}", cookie=cookie)
    assert (reply.status, reply.json["junjo_parent_id"]) == (200, "the definition")


async def test_large_answers_wait_for_a_turn_and_are_then_told_to_come_back(tmp_path: Path) -> None:
    budget = Budget(100, refusal=TOO_MANY_ANSWERS)
    async with running_http_studio(tmp_path, http_config(answers=budget, answer_seconds=0.0)) as studio:
        cookie = await studio.set_up()
        key = await studio.make_key(cookie)
        await send(studio, key, large(1, 5 * MEGABYTE), large(2, 10))
        search = f"{_API}/search?text=needle&before=1"
        replay = f"/llm/replay/{1:032x}/{1:016x}"
        with budget.reserve() as other:
            other.grow(1)
            for path in (_LARGE_SPAN, _TRACE, f"{_API}/services/tests/spans", search, replay):
                refusal = await studio.call("GET", path, cookie=cookie)
                assert (refusal.status, "Retry-After" in refusal.headers) == (503, True)
                assert refusal.json == {"detail": TOO_MANY_ANSWERS}
            assert (await studio.call("GET", f"{_TRACE}/{2:016x}", cookie=cookie)).status == 200
        for path in (_LARGE_SPAN, _TRACE, f"{_API}/services/tests/spans", search):
            assert (await studio.call("GET", path, cookie=cookie)).status == 200
        no_prompt = await studio.call("GET", replay, cookie=cookie)
        assert (no_prompt.status, no_prompt.json) == (400, {"detail": "This span holds no prompt"})


async def test_no_trace_waits_for_room_for_the_previews_of_large_spans(tmp_path: Path) -> None:
    budget = Budget(100, refusal=TOO_MANY_ANSWERS)
    said = {"gen_ai.operation.name": "chat", "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "hello"}
    async with running_http_studio(tmp_path, http_config(answers=budget, answer_seconds=0.0)) as studio:
        cookie = await studio.set_up()
        key = await studio.make_key(cookie)
        for number, size in enumerate((10, 5 * MEGABYTE, 10, 6 * MEGABYTE, 10), 1):
            await send(studio, key, with_attributes(large(number, size), said, parent=99))
        with budget.reserve() as other:
            other.grow(1)
            reply = await studio.call("GET", f"{_API}/traces/{1:032x}", cookie=cookie)
        assert reply.status == 200
        assert [span["input_preview"] for span in reply.json["spans"]] == ["hello", None, "hello", None, "hello"]


async def test_any_number_of_log_records_of_a_span_takes_a_bounded_number_of_bytes(studio: HttpStudio) -> None:
    """A span that lives as long as its program may have millions."""
    cookie = await studio.set_up()
    key = await studio.make_key(cookie)
    await send(studio, key, large(1, 10))
    headers = {"Content-Type": "application/x-protobuf", "x-junjo-api-key": key}
    for number in range(5):
        body = logs_request(otlp_log(number, body="x" * 4 * MEGABYTE)).SerializeToString()
        assert (await studio.call("POST", "/v1/logs", data=body, headers=headers)).status == 200
    detail = await studio.call("GET", f"{_API}/traces/{1:032x}/spans/{1:016x}/detail", cookie=cookie)
    assert (detail.status, detail.json["logs"]) == (200, [])
    assert {"in": "logs", "key": "", "bytes": MOST_LOG_BYTES} in detail.json["truncated"]
    replay = await studio.call("GET", f"/llm/replay/{1:032x}/{1:016x}", cookie=cookie)
    assert (replay.status, replay.json["detail"]) == (
        400,
        "The span has too many log records to look for a prompt in them",
    )


async def test_many_who_read_a_large_span_at_once_have_it_one_after_the_other(tmp_path: Path) -> None:
    budget = Watched(100)
    async with running_http_studio(tmp_path, http_config(answers=budget, answer_seconds=300.0)) as studio:
        cookie = await studio.set_up()
        await send(studio, await studio.make_key(cookie), large(1, 5 * MEGABYTE))
        replies = await asyncio.gather(*(call_plainly(studio, cookie) for _ in range(8)))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.body for reply in replies}) == 1
    assert budget.most_holders == 1


async def call_plainly(studio: HttpStudio, cookie: str) -> Reply:
    return await studio.call("GET", _LARGE_SPAN, cookie=cookie)


class Watched(Budget):
    """Counts who holds something at once."""

    holders = most_holders = 0

    async def wait(self, size: int, seconds: float) -> None:
        await super().wait(size, seconds)
        self.holders += 1
        self.most_holders = max(self.holders, self.most_holders)

    def give_back_after(self, size: int, since: float, most: int) -> None:
        self.holders -= 1
        super().give_back_after(size, since, most)


@pytest.mark.parametrize("path", [_LARGE_SPAN, _TRACE])
async def test_who_does_not_read_gives_its_turn_up(tmp_path: Path, path: str) -> None:
    config = http_config(
        answers=Budget(100), otlp_budget=Budget(1000 * MEGABYTE), answer_seconds=300.0, stall_seconds=1.0
    )
    async with running_http_studio(tmp_path, config) as studio:
        cookie = await studio.set_up()
        key = await studio.make_key(cookie)
        await send(studio, key, large(1, 20 * MEGABYTE))
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", studio.port))
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: session={cookie}\r\n\r\n".encode())
            await asyncio.to_thread(client.recv, 1)  # its answer has begun
            assert (await studio.call("GET", path, cookie=cookie)).status == 200
