"""Server-sent events, cut anywhere, and other bodies in their place."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.playground.providers.event_stream import DONE, Event, events_in

pytestmark = pytest.mark.unit


class Pieces(httpx2.AsyncByteStream):
    """A body that arrives in pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.pieces:
            yield self.pieces.pop(0)


async def events(*pieces: bytes, content_type: str = "text/event-stream") -> list[Event]:
    response = httpx2.Response(200, headers={"content-type": content_type}, stream=Pieces(*pieces))
    return [event async for event in events_in(response)]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'data: {"a":1}\n\ndata: {"a":2}\n\n', [Event("", {"a": 1}), Event("", {"a": 2})]),
        (b'data:{"a":1}\r\n\r\ndata: {"a":2}\r\n\r\n', [Event("", {"a": 1}), Event("", {"a": 2})]),
        (b'data: {"a":1}\r\rdata: {"a":2}\r\r', [Event("", {"a": 1}), Event("", {"a": 2})]),
        (b': hello\n\nevent: x\nid: 7\ndata: {"a":\ndata: 1}\n\n', [Event("x", {"a": 1})]),
        (b'\xef\xbb\xbf\n\nevent: x\n\ndata: {"a":1}\n\n', [Event("", {"a": 1})]),
        (b'data: {"a":1}', [Event("", {"a": 1})]),
        (b'data: {"a":1}\n\ndata: {"a"', [Event("", {"a": 1}), Event("", '{"a"')]),
        (b"data: hello\n\ndata: [1]\n\n", [Event("", "hello"), Event("", [1])]),
        (b"data: [DONE]\n\ndata: 5\n\n", [Event("", DONE)]),
        (b"data\n\nretry: 5\n\n", [Event("", "")]),
        (b"", []),
        (b"\n \n", []),
        (b": nothing but comments\n\n", []),
    ],
)
async def test_events_of_a_stream(body: bytes, found: list[Event]) -> None:
    assert await events(body) == found
    assert await events(*(bytes([byte]) for byte in body)) == found


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream", ""])
async def test_one_document_in_place_of_a_stream(content_type: str) -> None:
    assert await events(b' {"a":', b"1}\n", content_type=content_type) == [Event("", {"a": 1})]
    assert await events(b'[{"a":1},', b" 5]", content_type=content_type) == [Event("", {"a": 1}), Event("", 5)]
    assert await events(b'{"a"', content_type=content_type) == [Event("", '{"a"')]


@pytest.mark.parametrize("body", [b"<html><title>502</title></html>", b"no upstream", b"datum: 5"])
async def test_text_in_place_of_a_stream(body: bytes) -> None:
    assert await events(body, content_type="text/html") == [Event("", body.decode())]


async def test_what_follows_the_end_is_read_so_that_the_connection_can_be_kept() -> None:
    pieces = Pieces(b"data: [DONE]\n\n", b"\n", b": bye\n\n")
    response = httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=pieces)
    assert [event async for event in events_in(response)] == [Event("", DONE)]
    assert pieces.pieces == []


_VALUES = st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=8) | st.integers(), min_size=1), max_size=5)


@given(_VALUES, st.sampled_from(("\n", "\r\n", "\r")), st.lists(st.integers(1, 40), max_size=30))
async def test_it_does_not_matter_where_a_stream_is_cut(
    values: list[dict[str, Any]], end: str, cuts: list[int]
) -> None:
    body = "".join(f"data: {json.dumps(value, ensure_ascii=False)}{end}{end}" for value in values).encode()
    pieces = []
    for cut in cuts:
        pieces.append(body[:cut])
        body = body[cut:]
    assert [event.data for event in await events(*pieces, body)] == values
