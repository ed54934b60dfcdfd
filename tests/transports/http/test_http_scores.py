"""Scores over HTTP: made, listed, dropped, and gone with their trace."""

import json
import re
from typing import Any

import pytest

from actors.scores import replacing
from tests.http_studio import Reply
from tests.spans import any_value, otlp_span
from tests.transports.http.stage import API, TRACE, Reader, made
from transports.http.app import ROUTES
from transports.http.framework.score_filters import has_filter

pytestmark = pytest.mark.integration

NEW = {"name": "helpful", "value": 0.8, "source": "human"}


async def post(reader: Reader, trace_id: str = TRACE, **members: Any) -> Reply:
    return await reader.studio.call("POST", f"{API}/{trace_id}/scores", body=NEW | members, cookie=reader.cookie)


async def scored(reader: Reader, **members: Any) -> dict[str, Any]:
    reply = await post(reader, **members)
    assert reply.status == 201, reply.body
    score: dict[str, Any] = reply.json
    return score


async def listed(reader: Reader, trace_id: str = TRACE) -> list[Any]:
    scores: list[Any] = (await reader.json(f"{trace_id}/scores"))["scores"]
    return scores


async def delete(reader: Reader, path: str) -> int:
    return (await reader.studio.call("DELETE", f"/api/v1/{path}", cookie=reader.cookie)).status


async def test_a_score_is_made_listed_and_dropped(reader: Reader) -> None:
    await reader.send(made(1))
    score = await scored(reader, span_id=f"{1:016X}", comment="Found the order")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", score["created_at"])
    assert score == {
        "id": score["id"],
        "trace_id": TRACE,
        "span_id": f"{1:016x}",
        "name": "helpful",
        "value": 0.8,
        "comment": "Found the order",
        "source": "human",
        "created_at": score["created_at"],
        "by": {"id": score["by"]["id"], "email": "admin@example.com", "key_id": None},
    }
    word = await scored(reader, value="polite", source="model")
    assert await listed(reader) == [score, word]
    assert await delete(reader, f"scores/{score['id']}") == 204
    assert await delete(reader, f"scores/{score['id']}") == 404
    assert await listed(reader) == [word]


async def test_what_is_sent_again_under_its_id_changes_nothing(reader: Reader) -> None:
    await reader.send(made(1), otlp_span(2, trace_id=2))
    first = await scored(reader, id="run 7/1")
    again = await post(reader, id="run 7/1", value=0.1, name="other")
    assert (again.status, again.json) == (200, first)
    assert await listed(reader) == [first]
    other = await post(reader, f"{2:032x}", id="run 7/1")
    assert (other.status, other.json) == (409, {"detail": "A score of another trace has this id"})
    assert await delete(reader, "scores/run%207%2F1") == 204
    assert await listed(reader) == []


async def test_a_trace_that_is_not_stored_has_no_scores(reader: Reader) -> None:
    for reply in (await post(reader), await reader.get(f"{TRACE}/scores")):
        assert (reply.status, reply.json) == (404, {"detail": "Trace not found"})
    for reply in (await post(reader, "x"), await reader.get("x/scores")):
        assert [(fault["type"], fault["loc"]) for fault in reply.json["detail"]] == [
            ("id_pattern", ["path", "trace_id"])
        ]


async def test_scores_of_a_key_name_the_key(reader: Reader) -> None:
    await reader.send(made(1))
    key = await reader.studio.make_key(reader.cookie, "score")
    reply = await reader.studio.call("POST", f"{API}/{TRACE}/scores", body=NEW, headers={"x-junjo-api-key": key})
    by = reply.json["by"]
    assert (by["email"], by["id"]) == ("admin@example.com", f"api_key:{by['key_id']}")
    refused = await reader.studio.call("GET", f"{API}/{TRACE}/scores", headers={"x-junjo-api-key": key})
    assert refused.status == 403


@pytest.mark.security
@pytest.mark.parametrize(
    ("members", "location", "kind"),
    [
        ({"name": ""}, "name", "string_too_short"),
        ({"name": "x" * 101}, "name", "string_too_long"),
        ({"value": True}, "value", "score_value"),
        ({"value": None}, "value", "score_value"),
        ({"value": []}, "value", "score_value"),
        ({"value": " "}, "value", "string_too_short"),
        ({"value": "x" * 1001}, "value", "string_too_long"),
        ({"value": 10**400}, "value", "finite_number"),
        ({"value": 1.7e308}, "value", "finite_number"),
        ({"comment": "x" * 4001}, "comment", "string_too_long"),
        ({"span_id": "1"}, "span_id", "id_pattern"),
        ({"source": "nobody"}, "source", "enum"),
        ({"id": ""}, "id", "string_too_short"),
        ({"id": "x" * 101}, "id", "string_too_long"),
    ],
    ids=str,
)
async def test_hostile_scores_are_unprocessable(
    reader: Reader, members: dict[str, Any], location: str, kind: str
) -> None:
    await reader.send(made(1))
    reply = await post(reader, **members)
    assert reply.status == 422
    assert [(fault["loc"], fault["type"]) for fault in reply.json["detail"]] == [(["body", location], kind)]
    assert await listed(reader) == []


@pytest.mark.security
@pytest.mark.parametrize("value", [b"NaN", b"-Infinity", b"1e999", rb'"\ud800"'])
async def test_what_is_no_value_of_json_is_refused(reader: Reader, value: bytes) -> None:
    await reader.send(made(1))
    body = json.dumps(NEW).encode().replace(b"0.8", value)
    headers = {"Content-Type": "application/json"}
    path = f"{API}/{TRACE}/scores"
    reply = await reader.studio.call("POST", path, data=body, cookie=reader.cookie, headers=headers)
    assert reply.status == 422
    assert await listed(reader) == []


@pytest.mark.parametrize("path", [f"traces/{TRACE}", "services/tests"])
async def test_scores_go_with_their_trace_before_that_is_answered(reader: Reader, path: str) -> None:
    await reader.send(made(1))
    await reader.send(otlp_span(2, trace_id=2), service="kept")
    await scored(reader)
    kept = await post(reader, f"{2:032x}")
    assert await delete(reader, f"observability/{path}") == 200
    assert (await reader.get(f"{TRACE}/scores")).status == 404
    await reader.send(made(1))
    assert await listed(reader) == []
    assert await listed(reader, f"{2:032x}") == [kept.json]


async def test_filters_ask_for_scores(reader: Reader) -> None:
    for number, value in ((1, 0.2), (2, 0.9), (3, "good")):
        span = made(number, trace_id=number)
        span.attributes.add(key="session.id", value=any_value(str(number)))
        await reader.send(span)
        assert (await post(reader, f"{number:032x}", value=value)).status == 201
    for question, found in {
        "score.helpful:<0.5": ["1"],
        "score.helpful:good": ["3"],
        "score.helpful:g*d": ["3"],
        "-score.helpful:[0 TO 1]": ["3"],
        "score.helpful:>0.5 OR name:%22span 1%22": ["2", "1"],
        "has:score.none": [],
    }.items():
        path = f"/api/v1/observability/sessions?q={question}"
        reply = await reader.studio.call("GET", path.replace(" ", "%20"), cookie=reader.cookie)
        assert reply.status == 200, reply.body
        assert [session["session_id"] for session in reply.json["sessions"]] == found, question


async def test_every_route_that_takes_a_filter_takes_scores(reader: Reader) -> None:
    for number, value in ((1, 0.2), (2, 0.9)):
        await reader.send(made(number, trace_id=number))
        assert (await post(reader, f"{number:032x}", value=value)).status == 201
    paths = [route.path for route in ROUTES if route.query is not None and has_filter(route.query)]
    assert len(paths) > 5
    needed = {"search": "&text=span", "values": "&field=name", "export": "&format=jsonl"}
    for path in paths:
        asked = f"{path}?q=score.helpful:%3C0.5{needed.get(path.rpartition('/')[2], '')}"
        async with reader.studio.client.get(asked, headers={"Cookie": f"session={reader.cookie}"}) as reply:
            found = await reply.text()
            assert reply.status == 200, (path, found)
            assert "span 2" not in found, path


async def test_a_filter_whose_scores_find_too_much_is_refused(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replacing, "MOST_TRACES", 1)
    for number in (1, 2):
        await reader.send(made(number, trace_id=number))
        assert (await post(reader, f"{number:032x}")).status == 201
    path = "/api/v1/observability/sessions?q=has:user%20score.helpful:%3E0"
    reply = await reader.studio.call("GET", path, cookie=reader.cookie)
    [fault] = reply.json["detail"]
    assert (reply.status, fault["type"], fault["loc"]) == (422, "query_value", ["query", "q", 10])
    assert fault["msg"] == "Column 10: more than 1 traces have such scores: ask for fewer"


async def test_an_unknown_parameter_is_named(reader: Reader) -> None:
    reply = await reader.get(f"{TRACE}/scores?limit=1")
    assert reply.json["detail"][0]["type"] == "extra_forbidden"


async def test_a_trace_says_its_scores_and_has_another_tag_with_each(reader: Reader) -> None:
    await reader.send(made(1))
    for path in (TRACE, f"{TRACE}/outline"):
        assert (await reader.json(path))["trace"]["scores"] == []
    await reader.send(made(2, trace_id=2))
    tag = (await reader.get(TRACE)).headers["ETag"]
    assert (await reader.get(TRACE, **{"If-None-Match": tag})).status == 304
    await scored(reader, value=1)
    await scored(reader, value=0.5)
    await scored(reader, name="tone", value="polite")
    expected = [{"name": "helpful", "value": 0.75, "count": 2}, {"name": "tone", "value": "polite", "count": 1}]
    again = await reader.get(TRACE, **{"If-None-Match": tag})
    assert (again.status, again.json["trace"]["scores"]) == (200, expected)
    assert (await reader.json(f"{TRACE}/outline"))["trace"]["scores"] == expected
    listed_traces = (await reader.studio.call("GET", API, cookie=reader.cookie)).json["traces"]
    assert [trace["scores"] for trace in listed_traces] == [[], expected]
