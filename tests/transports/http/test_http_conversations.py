"""Sessions over HTTP: those of recordings of real libraries, and those that programs make up."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.http_studio import Reply
from tests.spans import any_value
from tests.transports.http.stage import TRACE, Reader, call, made

pytestmark = pytest.mark.integration

RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
FILES = sorted(path.name for path in RECORDINGS.glob("*.bin") if ".logs" not in path.name)
SESSIONS = "/api/v1/observability/sessions"


async def get(reader: Reader, path: str = "", **headers: str) -> Reply:
    return await reader.studio.call("GET", f"{SESSIONS}{path}", cookie=reader.cookie, headers=headers)


async def json(reader: Reader, path: str = "") -> Any:
    reply = await get(reader, path)
    assert reply.status == 200, reply.body
    return reply.json


def of_session(span: Any, session: str = "a") -> Any:
    span.attributes.add(key="session.id", value=any_value(session))
    return span


def sums(tokens: Sequence[Any]) -> Any:
    """What all calls together took; null where none said it."""
    found = {name: [each[name] for each in tokens if each[name] is not None] for each in tokens for name in each}
    return {name: sum(values) if values else None for name, values in found.items()} or None


async def test_of_recordings_sessions_are_what_their_traces_are(reader: Reader) -> None:
    for file in FILES:
        await reader.send_bytes((RECORDINGS / file).read_bytes())
    listed = (await json(reader, "?limit=1000"))["sessions"]
    assert len(listed) > 5
    for session in listed:
        found = await json(reader, f"/{quote(session['session_id'], safe='')}?limit=1000")
        assert found["session"] == session
        traces = [turn["trace"] for turn in found["turns"]]
        assert len(traces) == session["traces"] == session["turns"]
        for trace in traces:
            assert trace == (await reader.get_unchecked(trace["trace_id"])).json["trace"]
            assert trace["session_id"] == session["session_id"]
        assert session["start_time"] == traces[0]["start_time"]
        assert session["end_time"] == max(trace["end_time"] for trace in traces)
        assert session["error_count"] == sum(trace["error_count"] for trace in traces)
        assert session["services"] == sorted({name for trace in traces for name in trace["services"]})[:20]
        assert session["unpriced"] == sum(trace["unpriced"] for trace in traces)
        assert session["tokens"] == sums([trace["tokens"] for trace in traces if trace["tokens"]])
        assert session["preview"] == traces[0]["input_preview"]
        assert [(turn["input"], turn["output"]) for turn in found["turns"]] == [
            (trace["input_preview"], trace["output_preview"]) for trace in traces
        ]


async def test_a_session_with_any_name_is_found_page_by_page(reader: Reader) -> None:
    name = "a/b c%2F?#🙂"
    for number in (1, 2, 3):
        await reader.send(of_session(made(number, trace_id=number), name))
    [session] = (await json(reader))["sessions"]
    assert (session["session_id"], session["turns"]) == (name, 3)
    path, found, after = f"/{quote(name, safe='')}?limit=2", list[str](), ""
    while True:
        page = await json(reader, path + after)
        found += [turn["trace"]["trace_id"] for turn in page["turns"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert found == [f"{number:032x}" for number in (1, 2, 3)]


async def test_the_list_is_chosen_by_service_and_time(reader: Reader) -> None:
    await reader.send(of_session(made(1, trace_id=1), "a"), service="shop")
    await reader.send(of_session(made(2, trace_id=2), "b"))
    for question, names in {
        "": ["b", "a"],
        "?service=shop": ["a"],
        "?service=none": [],
        "?to=2023-11-14T22:13:20.000000002Z": ["a"],
        "?from=2023-11-14T22:13:20.000000002Z": ["b"],
        "?service=shop&from=now-1h": [],
        "?q=name:%22span%201%22": ["a"],
        "?q=service:shop%20name:%22span%202%22": [],
    }.items():
        assert [each["session_id"] for each in (await json(reader, question))["sessions"]] == names
    first = await json(reader, "?limit=1&to=now")
    second = await json(reader, f"?limit=1&to=now&after={first['next']}")
    assert [page["sessions"][0]["session_id"] for page in (first, second)] == ["b", "a"]
    assert second["next"] is None


async def test_what_has_not_changed_is_not_sent_again(reader: Reader) -> None:
    await reader.send(of_session(call(1)))
    for path in ("", "/a"):
        tag = (await get(reader, path)).headers["ETag"]
        assert (await get(reader, path, **{"If-None-Match": tag})).status == 304
        await reader.send(call(len(path) + 2, 1))
        assert (await get(reader, path, **{"If-None-Match": tag})).status == 200
    assert (await json(reader, "/a"))["turns"][0]["trace"]["trace_id"] == TRACE


@pytest.mark.security
@pytest.mark.parametrize(
    ("question", "location", "kind"),
    [
        ("?limit=0", ["query", "limit"], "greater_than_equal"),
        ("?limit=1001", ["query", "limit"], "less_than_equal"),
        ("?from=soon", ["query", "from"], "time_parsing"),
        ("?q=%28", ["query", "q", 2], "query_syntax"),
        ("?after=x", ["query", "after"], "cursor_invalid"),
        ("?sort=start", ["query", "sort"], "extra_forbidden"),
        ("/a?after=x", ["query", "after"], "cursor_invalid"),
        ("/a?from=now", ["query", "from"], "extra_forbidden"),
    ],
)
async def test_hostile_questions_are_unprocessable(
    reader: Reader, question: str, location: list[str | int], kind: str
) -> None:
    await reader.send(of_session(made(1)))
    reply = await get(reader, question)
    assert reply.status == 422
    assert [(fault["loc"], fault["type"]) for fault in reply.json["detail"]] == [(location, kind)]


@pytest.mark.parametrize("name", ["none", "x" * 5000, "%00", "%27%3B%20DROP"])
async def test_a_session_that_nobody_said_is_not_found(reader: Reader, name: str) -> None:
    reply = await get(reader, f"/{name}")
    assert (reply.status, reply.json) == (404, {"detail": "Session not found"})
