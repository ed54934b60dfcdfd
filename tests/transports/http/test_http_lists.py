"""Lists of traces and of spans over HTTP."""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from tests.spans import otlp_span
from tests.transports.http.stage import Reader, call, made

pytestmark = pytest.mark.integration

RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
FILES = sorted(path.name for path in RECORDINGS.glob("*.bin") if ".logs" not in path.name)


async def pages(reader: Reader, path: str, **query: Any) -> list[Any]:
    """All entries of a list, a page at a time."""
    found: list[Any] = []
    while True:
        page = await listed(reader, path, **query)
        found += page[path]
        if page["next"] is None:
            return found
        query["after"] = page["next"]


async def listed(reader: Reader, path: str, **query: Any) -> Any:
    address = f"/api/v1/observability/{path}?{urlencode(query)}"
    reply = await reader.studio.call("GET", address, cookie=reader.cookie)
    assert reply.status == 200, reply.body
    return reply.json


async def test_each_recorded_trace_is_listed_as_its_own_answer_has_it(reader: Reader) -> None:
    for file in FILES:
        await reader.send_bytes((RECORDINGS / file).read_bytes())
    found = await pages(reader, "traces", limit=7)
    starts = [trace["start_time"] for trace in found]
    assert len(found) > 20
    assert starts == sorted(starts, reverse=True)
    for trace in found:
        whole = (await reader.get_unchecked(trace["trace_id"])).json
        assert trace == whole["trace"]


async def test_a_span_is_in_the_lists_as_soon_as_it_is_acknowledged(reader: Reader) -> None:
    for number in range(1, 6):
        await reader.send(made(number, trace_id=number))
        assert [trace["trace_id"] for trace in (await listed(reader, "traces", limit=1))["traces"]] == [
            f"{number:032x}"
        ]
        assert [span["span_id"] for span in (await listed(reader, "spans", limit=1))["spans"]] == [f"{number:016x}"]


async def test_pages_go_on_for_every_order(reader: Reader) -> None:
    for number in range(1, 8):
        await reader.send(made(1, trace_id=number, failed=number % 2 == 0), call(2, 1, trace_id=number))
    for sort in ("-start", "start", "-duration", "-cost", "-tokens", "-errors"):
        traces = await pages(reader, "traces", sort=sort, limit=3)
        assert sorted(trace["trace_id"] for trace in traces) == [f"{number:032x}" for number in range(1, 8)]
        assert len(await pages(reader, "spans", sort=sort, limit=3)) == 14


async def test_a_filter_a_service_and_times_choose(reader: Reader) -> None:
    await reader.send(made(1, trace_id=1, failed=True), call(2, 1, trace_id=1))
    await reader.send(made(3, trace_id=2), service="other")
    assert [trace["trace_id"] for trace in await pages(reader, "traces", service="other")] == [f"{2:032x}"]
    assert [span["span_id"] for span in await pages(reader, "spans", q="type:llm")] == [f"{2:016x}"]
    assert [trace["trace_id"] for trace in await pages(reader, "traces", q="type:llm")] == [f"{1:032x}"]
    assert await pages(reader, "traces", q="type:llm", service="other") == []
    assert len(await pages(reader, "traces", to="2023-11-14T22:13:20.000000003Z")) == 1
    assert await pages(reader, "traces", **{"from": "now-1h"}) == []


async def test_a_cursor_keeps_the_times_of_the_first_page(reader: Reader) -> None:
    """``now`` is that of the first page, and a cursor belongs to its question."""
    now = time.time_ns() - 3_600_000_000_000 + 400_000_000
    await reader.send(*(otlp_span(number, trace_id=number, start=now + number) for number in range(1, 4)))
    page = await listed(reader, "traces", limit=1, **{"from": "now-1h"})
    other = await refused(reader, "traces", limit=1, after=page["next"])
    assert (other["type"], other["loc"]) == ("cursor_invalid", ["query", "after"])
    found = page["traces"] + await pages(reader, "traces", **{"from": "now-1h", "after": page["next"]})
    assert [trace["trace_id"] for trace in found] == [f"{number:032x}" for number in (3, 2, 1)]


@pytest.mark.parametrize(
    ("query", "fault", "place"),
    [
        ({"limit": 0}, "greater_than_equal", ["query", "limit"]),
        ({"limit": 1001}, "less_than_equal", ["query", "limit"]),
        ({"sort": "cost"}, "enum", ["query", "sort"]),
        ({"form": "now"}, "extra_forbidden", ["query", "form"]),
        ({"from": "yesterday"}, "time_parsing", ["query", "from"]),
        ({"after": "x"}, "cursor_invalid", ["query", "after"]),
        ({"q": "(name:b"}, "query_syntax", None),
        ({"q": "nosuch:1"}, "query_field", ["query", "q", 1]),
    ],
)
async def test_what_is_no_question_is_refused(reader: Reader, query: Any, fault: str, place: list[Any] | None) -> None:
    for path in ("traces", "spans"):
        found = await refused(reader, path, **query)
        assert found["type"] == fault
        assert place is None or found["loc"] == place


async def refused(reader: Reader, path: str, **query: Any) -> Any:
    address = f"/api/v1/observability/{path}?{urlencode(query)}"
    reply = await reader.studio.call("GET", address, cookie=reader.cookie)
    assert reply.status == 422, reply.body
    [fault] = reply.json["detail"]
    return fault


async def test_a_made_up_place_is_one(reader: Reader) -> None:
    await reader.send(made(1), made(2, trace_id=2))
    page = await listed(reader, "traces", limit=1)
    question = orjson.loads(urlsafe_b64decode(page["next"] + "=="))[0]
    for value in ("-1", str(2**64), "9" * 38, None):
        cursor = urlsafe_b64encode(orjson.dumps([question, value, "x", "", None, None])).rstrip(b"=").decode()
        await listed(reader, "traces", limit=1, after=cursor)
    for wrong in ("1.5", "9" * 39, "", 1):
        cursor = urlsafe_b64encode(orjson.dumps([question, wrong, "x", "", None, None])).rstrip(b"=").decode()
        assert (await refused(reader, "traces", after=cursor))["type"] == "cursor_invalid"


async def test_a_large_page_is_answered_within_the_budget(reader: Reader) -> None:
    long: dict[str, Any] = {"gen_ai.request.model": "m" * 6000}
    for first in range(1, 1001, 250):
        await reader.send(*(made(number, trace_id=number, **long) for number in range(first, first + 250)))
    reply = await reader.studio.call("GET", "/api/v1/observability/spans?limit=1000", cookie=reader.cookie)
    assert reply.status == 200
    assert 0 < len(reply.json["spans"]) < 1000
    assert len(await pages(reader, "traces", limit=1000)) == 1000
