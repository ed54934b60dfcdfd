"""Differences over HTTP: what is said of them, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.spans import any_value
from tests.transports.http.stage import Reader, call, made

pytestmark = pytest.mark.integration

RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
DIFFERENCES = "/api/v1/observability/differences"


async def differences(reader: Reader, query: str = "") -> Any:
    reply = await reader.studio.call("GET", f"{DIFFERENCES}?{query}", cookie=reader.cookie)
    assert reply.status == 200, reply.body
    return reply.json


async def test_each_field_has_its_score_and_its_values(reader: Reader) -> None:
    spans = [made(number, failed=number % 2 == 0) for number in range(1, 41)]
    for number, span in enumerate(spans, start=1):
        span.name = "work"
        span.attributes.add(key="region", value=any_value("west" if number % 2 == 0 else "east"))
    await reader.send(*spans)
    right = {
        "count": 20,
        "than_count": 20,
        "fields": [
            {
                "field": "attr.region",
                "score": 1.0,
                "values": [
                    {"value": "west", "share": 1.0, "than_share": 0.0},
                    {"value": "east", "share": 0.0, "than_share": 1.0},
                ],
            }
        ],
    }
    assert await differences(reader, "q=status:error") == right
    assert await differences(reader, "q=status:error&than=-status:error") == right
    assert await differences(reader, "q=status:error&to=2023-11-14T00:00:00Z") == {
        "count": 0,
        "than_count": 0,
        "fields": [],
    }


async def test_scores_are_replaced_on_both_sides(reader: Reader) -> None:
    await reader.send(made(1), made(2, trace_id=2), call(3, trace_id=3))
    headers = {"Content-Type": "application/json"}
    for trace in (2, 3):
        path = f"/api/v1/observability/traces/{trace:032x}/scores"
        body = json.dumps({"name": "good", "value": trace, "source": "human"}).encode()
        sent = await reader.studio.call("POST", path, cookie=reader.cookie, data=body, headers=headers)
        assert sent.status == 201, sent.body
    found = await differences(reader, "q=score.good:>2&than=score.good:2")
    assert (found["count"], found["than_count"]) == (1, 1)


async def test_what_failed_among_the_recorded_calls_is_told(reader: Reader) -> None:
    for path in sorted(RECORDINGS.glob("*.bin"))[:24]:
        if ".logs" not in path.name:
            await reader.send_bytes(path.read_bytes())
    found = await differences(reader, "q=type:llm+status:error&than=type:llm+-status:error")
    names = [each["field"] for each in found["fields"]]
    assert names[0] == "error_type", names
    assert {"status", "type"}.isdisjoint(names)
    assert sorted((each["score"] for each in found["fields"]), reverse=True) == [
        each["score"] for each in found["fields"]
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("than=cost:x", [("query_value", ["query", "than", 6])]),
        ("q=(", [("query_syntax", ["query", "q", 2])]),
        ("to=tomorrow", [("time_parsing", ["query", "to"])]),
        ("limit=3", [("extra_forbidden", ["query", "limit"])]),
    ],
)
async def test_what_cannot_be_asked_is_refused(reader: Reader, query: str, expected: list[Any]) -> None:
    reply = await reader.studio.call("GET", f"{DIFFERENCES}?{query}", cookie=reader.cookie)
    assert reply.status == 422, reply.body
    assert [(problem["type"], problem["loc"]) for problem in reply.json["detail"]] == expected
