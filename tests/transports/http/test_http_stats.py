"""Sums over HTTP: what they say, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from actors.scores import store
from tests.spans import any_value, otlp_span
from tests.transports.http.stage import Reader, call, made

pytestmark = pytest.mark.integration

RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
TRUTH: dict[str, list[dict[str, Any]]] = json.loads((RECORDINGS / "truth.json").read_text())
STATS = "/api/v1/observability/stats"


async def stats(reader: Reader, query: str = "") -> Any:
    reply = await reader.studio.call("GET", f"{STATS}?{query}", cookie=reader.cookie)
    assert reply.status == 200, reply.body
    return reply.json


async def refusal(reader: Reader, query: str) -> list[Any]:
    reply = await reader.studio.call("GET", f"{STATS}?{query}", cookie=reader.cookie)
    assert reply.status == 422, reply.body
    return [(problem["type"], problem["loc"]) for problem in reply.json["detail"]]


async def test_every_point_has_all_members(reader: Reader) -> None:
    first, second = call(1), call(2, failed=True)
    for span, sent in ((first, 100), (second, 50)):
        span.attributes.add(key="gen_ai.usage.input_tokens", value=any_value(sent))
        span.attributes.add(key="gen_ai.usage.output_tokens", value=any_value(10))
        span.end_time_unix_nano = span.start_time_unix_nano + 2_000_000_000
    await reader.send(first, second)
    query = "group_by=model,service&interval=1m&from=2023-11-14T22:13:00Z&to=2023-11-14T22:14:30Z&tz=Europe/Berlin"
    found = await stats(reader, query)
    assert {name: found[name] for name in ("of", "from", "to", "interval", "tz", "other")} == {
        "of": "calls",
        "from": "2023-11-14T22:13:00.000000000Z",
        "to": "2023-11-14T22:14:30.000000000Z",
        "interval": "1m",
        "tz": "Europe/Berlin",
        "other": None,
    }
    [group] = found["groups"]
    assert group["key"] == {"model": "gpt-4o", "service": "tests"}
    durations = dict.fromkeys(("p50", "p90", "p95", "p99"), 2_000_000_000)
    full = {
        "count": 2,
        "errors": 1,
        "tokens": {"input": 150, "output": 20, "cache_read": None, "cache_write": None, "reasoning": None},
        "cost_usd": pytest.approx(150 * 2.5e-6 + 20 * 1e-5),
        "unpriced": 0,
        "duration_ns": durations,
        "time_to_first_token_ns": None,
        "tokens_per_second": {"p50": 5.0},
    }
    assert group["total"] == {"time": None, "partial": False} | full
    begin, cut = group["points"]
    assert begin == {"time": "2023-11-14T22:13:00.000000000Z", "partial": False} | full
    nothing = dict.fromkeys(("tokens", "cost_usd", "duration_ns", "time_to_first_token_ns", "tokens_per_second"))
    assert (
        cut
        == {"time": "2023-11-14T22:14:00.000000000Z", "partial": True, "count": 0, "errors": 0, "unpriced": 0} | nothing
    )


async def test_of_all_recordings_calls_are_those_of_the_truth(reader: Reader) -> None:
    for file in TRUTH:
        await reader.send_bytes((RECORDINGS / file).read_bytes())
    by_type = {group["key"]["type"]: group["total"] for group in (await stats(reader, "group_by=type"))["groups"]}
    own = [each for calls in TRUTH.values() for each in calls if not each["duplicate_of_sdk_span"]]
    assert by_type["llm"]["count"] == len(own)
    traces = {span["trace_id"] for span in await all_spans(reader)}
    assert (await stats(reader, "of=traces"))["groups"][0]["total"]["count"] == len(traces)


async def all_spans(reader: Reader) -> list[Any]:
    found = []
    for service in (await reader.studio.call("GET", "/api/v1/observability/services", cookie=reader.cookie)).json:
        path = f"/api/v1/observability/services/{service}/spans?limit=10000"
        async with reader.studio.client.get(path, headers={"Cookie": f"session={reader.cookie}"}) as response:
            found += await response.json()
    return found


async def test_without_a_time_the_answer_is_about_everything(reader: Reader) -> None:
    nothing = await stats(reader, "interval=1d")
    assert (nothing["from"], nothing["groups"][0]["total"]["count"]) == (None, 0)
    await reader.send(made(1), call(2, 1))
    found = await stats(reader, "of=spans&interval=1d")
    assert found["from"] == "2023-11-14T22:13:20.000000001Z"
    [group] = found["groups"]
    points = group["points"]
    assert (group["key"], group["total"]["count"], points[0]["count"]) == ({}, 2, 2)
    assert [point["partial"] for point in (points[0], points[1], points[-1])] == [False, False, True]
    assert len(points) > 1000


async def test_what_is_asked_for_is_narrowed_down(reader: Reader) -> None:
    await reader.send(call(1), made(2))
    await reader.send(call(3, trace_id=3), service="other")
    assert (await stats(reader, "q=service:other"))["groups"][0]["total"]["count"] == 1
    assert (await stats(reader, "of=traces&q=service:tests"))["groups"][0]["total"]["count"] == 1
    by_service = await stats(reader, "of=spans&group_by=service&limit=1")
    assert [group["key"] for group in by_service["groups"]] == [{"service": "tests"}]
    assert (by_service["other"]["groups"], by_service["other"]["total"]["count"]) == (1, 1)
    assert by_service["other"]["points"] == []


async def test_scores_are_those_of_the_traces_that_are_meant(reader: Reader) -> None:
    await reader.send(call(1), call(2), call(3, trace_id=2), made(4, trace_id=3))
    for trace, value in ((1, 0.5), (1, 1), (2, 0), (3, 7), (1, "word")):
        path = f"/api/v1/observability/traces/{trace:032x}/scores"
        score = {"name": "good", "value": value, "source": "human"}
        assert (await reader.studio.call("POST", path, body=score, cookie=reader.cookie)).status == 201
    [group] = (await stats(reader, "score=good&group_by=model&interval=1m&to=2023-11-14T22:14:00Z"))["groups"]
    assert (group["total"]["count"], group["total"]["score"]) == (3, {"count": 3, "mean": 0.5})
    assert [point["score"] for point in group["points"]] == [{"count": 3, "mean": 0.5}]
    traces = await stats(reader, "score=good&of=traces&group_by=model&q=trace:0")
    assert [(each["key"]["model"], each["total"]["score"]) for each in traces["groups"]] == [
        ("gpt-4o", {"count": 3, "mean": 0.5}),
        (None, {"count": 1, "mean": 7}),
    ]
    assert (await stats(reader, "score=bad"))["groups"][0]["total"]["score"] is None
    assert "score" not in (await stats(reader))["groups"][0]["total"]


async def test_scores_of_too_many_traces_are_refused(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    await reader.send(made(1), made(2, trace_id=2))
    for trace in (1, 2):
        path = f"/api/v1/observability/traces/{trace:032x}/scores"
        score = {"name": "good", "value": 1, "source": "human"}
        assert (await reader.studio.call("POST", path, body=score, cookie=reader.cookie)).status == 201
    monkeypatch.setattr(store, "MOST_SUMMED", 1)
    assert await refusal(reader, "score=good") == [("value_error", ["query", "score"])]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("of=errors", [("enum", ["query", "of"])]),
        ("interval=2m", [("enum", ["query", "interval"])]),
        ("limit=0", [("greater_than_equal", ["query", "limit"])]),
        ("limit=201", [("less_than_equal", ["query", "limit"])]),
        ("score=", [("string_too_short", ["query", "score"])]),
        ("tz=Mars/Olympus", [("zoneinfo_str", ["query", "tz"])]),
        ("tz=America", [("zoneinfo_str", ["query", "tz"])]),
        ("tz=../../etc/passwd", [("string_pattern_mismatch", ["query", "tz"])]),
        ("group_by=colour", [("query_field", ["query", "group_by"])]),
        ("group_by=attr.", [("query_field", ["query", "group_by"])]),
        ("group_by=event.name", [("query_field", ["query", "group_by"])]),
        ("group_by=trace_id,attr.a,attr.b,resource.c", [("query_field", ["query", "group_by"])]),
        ("group_by=", [("query_field", ["query", "group_by"])]),
        ("group_by=model,service,agent,tool", [("query_field", ["query", "group_by"])]),
        ("from=yesterday", [("time_parsing", ["query", "from"])]),
        ("interval=1m&from=now-7d", [("too_many_buckets", ["query", "interval"])]),
        ("groupby=model", [("extra_forbidden", ["query", "groupby"])]),
    ],
)
async def test_what_cannot_be_asked_is_refused(reader: Reader, query: str, expected: list[Any]) -> None:
    assert await refusal(reader, query) == expected


async def test_a_name_counts_once_and_by_any_of_its_names(reader: Reader) -> None:
    await reader.send(call(1))
    found = await stats(reader, "group_by=session,session_id,model,session&from=now-20000d")
    assert [group["key"] for group in found["groups"]] == [{"session_id": None, "model": "gpt-4o"}]


async def test_attributes_are_grouped_by_their_values(reader: Reader) -> None:
    await reader.send(made(1, plan="pro"), made(2, plan=7), made(3, plan=True), made(4), made(5, plan="pro"))
    tool: dict[str, Any] = {"openinference.span.kind": "TOOL", "input.value": '{"plan": "pro"}'}
    await reader.send(otlp_span(6, trace_id=6, **tool))
    found = await stats(reader, "of=spans&group_by=attr.plan,resource.service.name&limit=4")
    assert [(each["key"], each["total"]["count"]) for each in found["groups"]] == [
        ({"attr.plan": "pro", "resource.service.name": "tests"}, 3),
        ({"attr.plan": "7", "resource.service.name": "tests"}, 1),
        ({"attr.plan": "true", "resource.service.name": "tests"}, 1),
        ({"attr.plan": None, "resource.service.name": "tests"}, 1),
    ]
    assert found["other"] is None


async def test_answers_have_a_tag(reader: Reader) -> None:
    query = "from=2023-11-14T00:00:00Z&to=2023-11-15T00:00:00Z"
    first = await reader.studio.call("GET", f"{STATS}?{query}", cookie=reader.cookie)
    known = {"If-None-Match": first.headers["ETag"]}
    again = await reader.studio.call("GET", f"{STATS}?{query}", cookie=reader.cookie, headers=known)
    assert again.status == 304
