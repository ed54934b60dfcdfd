"""Filters over REST: in searches and exports, what is said of wrong ones, and which fields there are."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.http_studio import HttpStudio
from tests.spans import START, otlp_request, otlp_span

pytestmark = pytest.mark.integration

_SEARCH, _EXPORT = "/api/v1/observability/search", "/api/v1/observability/export"


async def signed_in(studio: HttpStudio) -> str:
    """With a span for each of two services in turn; each is called with an amount of its number."""
    cookie = await studio.set_up()
    key = await studio.make_key(cookie)
    for number in range(1, 7):
        attributes: dict[str, Any] = {
            "openinference.span.kind": "TOOL" if number % 3 else "LLM",
            "input.value": json.dumps({"amount": number}),
        }
        span = otlp_span(number, trace_id=number, start=START + number * 10**9, **attributes)
        service = "shop" if number % 2 else "kitchen"
        await studio.send_spans(key, otlp_request(span, service=service).SerializeToString())
    return cookie


async def names(studio: HttpStudio, cookie: str, q: str) -> tuple[list[str], list[str]]:
    """What a search finds, and what an export has."""
    found = await studio.call("GET", f"{_SEARCH}?text=amount&q={quote(q)}", cookie=cookie)
    exported = await studio.call("GET", f"{_EXPORT}?format=jsonl&q={quote(q)}", cookie=cookie)
    assert (found.status, exported.status) == (200, 200), (found.body, exported.body)
    lines = [json.loads(line) for line in exported.body.splitlines()]
    spans = [line["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"] for line in lines]
    return [span["name"] for span in found.json], spans


@pytest.mark.parametrize(
    ("q", "numbers"),
    [
        ("", [1, 2, 3, 4, 5, 6]),
        ("service:shop", [1, 3, 5]),
        ("attr.amount:>2", [4, 5]),
        ("service:shop -attr.amount:5", [1, 3]),
        ("type:llm OR attr.amount:1", [1, 3, 6]),
        ("service:nobody", []),
    ],
)
async def test_a_search_and_an_export_take_a_filter(studio: HttpStudio, q: str, numbers: list[int]) -> None:
    searched, exported = await names(studio, await signed_in(studio), q)
    assert exported == [f"span {number}" for number in numbers]
    assert searched == exported[::-1]


@pytest.mark.parametrize("path", [f"{_SEARCH}?text=a&", f"{_EXPORT}?"])
@pytest.mark.parametrize(
    ("q", "type_", "column"),
    [
        ("service:shop (", "query_syntax", 15),
        ("service:shop colour:red", "query_field", 14),
        ("duration:>2", "query_value", 11),
    ],
)
async def test_a_wrong_filter_is_told_with_its_column(
    studio: HttpStudio, path: str, q: str, type_: str, column: int
) -> None:
    reply = await studio.call("GET", f"{path}q={quote(q)}", cookie=await studio.set_up())
    assert reply.status == 422
    [fault] = reply.json["detail"]
    assert (fault["type"], fault["loc"]) == (type_, ["query", "q", column])
    assert fault["msg"].startswith(f"Column {column}: ")


async def test_values_and_keys_are_listed(studio: HttpStudio) -> None:
    cookie = await signed_in(studio)

    async def listed(query: str) -> Any:
        reply = await studio.call("GET", f"/api/v1/observability/values?{query}", cookie=cookie)
        assert reply.status == 200
        return reply.json

    assert await listed("field=service&q=attr.amount:>2") == {
        "field": "service",
        "values": [{"value": "kitchen", "count": 1}, {"value": "shop", "count": 1}],
        "more": False,
    }
    assert (await listed("field=type&prefix=l"))["values"] == [{"value": "llm", "count": 2}]
    assert (await listed("field=attr.amount&q=attr.amount:<3"))["values"] == [
        {"value": 1, "count": 1},
        {"value": 2, "count": 1},
    ]
    assert (await listed("field=attr&limit=1"))["more"]


@pytest.mark.parametrize("field", ["colour", "trace", "duration", "attr.", "score.a", ""])
async def test_what_has_no_list_of_values_is_told(studio: HttpStudio, field: str) -> None:
    reply = await studio.call("GET", f"/api/v1/observability/values?field={field}", cookie=await studio.set_up())
    assert reply.status == 422
    assert (reply.json["detail"][0]["type"], reply.json["detail"][0]["loc"]) == ("query_field", ["query", "field"])


async def test_a_filter_says_nothing_of_log_records(studio: HttpStudio) -> None:
    reply = await studio.call("GET", f"{_EXPORT}?what=logs&q=a", cookie=await studio.set_up())
    assert reply.status == 422
    assert reply.json["detail"][0]["loc"] == ["query", "what"]


async def test_the_fields_are_told(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    reply = await studio.call("GET", "/api/v1/observability/fields", cookie=cookie)
    assert reply.status == 200
    assert reply.json["prefixes"] == ["attr", "resource", "event", "score"]
    fields = {field["name"]: field for field in reply.json["fields"]}
    assert fields["status"] == {
        "name": "status",
        "aliases": [],
        "kind": "text",
        "operators": [":"],
        "values": ["unset", "ok", "error"],
        "description": "Status of the span",
    }
    assert fields["cost_usd"]["aliases"] == ["cost"]
    for name in fields:
        searched = await studio.call("GET", f"{_SEARCH}?text=a&q=has:{name}", cookie=cookie)
        assert searched.status == 200
