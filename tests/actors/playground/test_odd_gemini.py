"""Answers of servers that nearly speak Gemini's wire: members missing, null or of another type."""

import json
from typing import Any

import pytest

from actors.playground.prompt import Usage
from tests.providers.heard import OSLO, PARIS, sse, streamed, whole

pytestmark = pytest.mark.integration

ONE, TWO = [("weather", OSLO)], [("weather", OSLO), ("weather", PARIS)]


def g(*parts: object, finish: object = None, **more: object) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}} | (
        {} if finish is None else {"finishReason": finish}
    )
    return {"candidates": [candidate], "responseId": "r1", "modelVersion": "gemini-x", **more}


@pytest.mark.parametrize(
    ("documents", "finish"),
    [
        pytest.param([g({"text": "Hello"}, finish="STOP")], "stop", id="control"),
        pytest.param([g({"text": "Hel"}), g({"text": "lo"}, finish="MAX_TOKENS")], "length", id="in pieces"),
        pytest.param([g({"text": "Hello"})], None, id="no finish"),
        pytest.param([g({"text": "Hello"}), {"usageMetadata": {}}], None, id="no candidates at the end"),
        pytest.param([g({"text": "Hello"}), {"candidates": [{"finishReason": "STOP"}]}], "stop", id="no content"),
        pytest.param([g({"text": "Hello"}, finish=["STOP"])], None, id="finish of another type"),
        pytest.param([g({"text": "Hello"}, finish="UNHEARD_OF")], "UNHEARD_OF", id="finish unheard of"),
        pytest.param([g(None, 5, "Hello", {}, {"text": None}, finish="STOP")], "stop", id="odd parts"),
        pytest.param(
            [{"candidates": {"content": {"parts": {"text": "Hello"}}, "finishReason": "STOP"}}], "stop", id="no lists"
        ),
        pytest.param([{"candidates": [{"content": "Hello", "finishReason": "STOP"}]}], "stop", id="content as text"),
        pytest.param([None, [], 5, g({"text": "Hello"}, finish="STOP"), {"candidates": 5}], "stop", id="odd events"),
        pytest.param(
            [
                g(
                    {"text": "Hello", "functionCall": None, "thought": None},
                    finish="STOP",
                    responseId=7,
                    modelVersion=None,
                )
            ],
            "stop",
            id="other types",
        ),
        pytest.param(
            [g({"text": "Hello"}, finish="STOP", promptFeedback=[], usageMetadata="none")], "stop", id="odd facts"
        ),
    ],
)
async def test_what_gemini_streams(documents: list[object], finish: str | None) -> None:
    found = await streamed("gemini", sse(*documents, done=False))
    assert (found.text, found.calls) == ("Hello", [])
    assert found.last.finish_reason == finish
    listed = await streamed("gemini", json.dumps(documents).encode(), "application/json")
    assert (listed.text, listed.last.finish_reason) == ("Hello", finish)
    completion = await whole("gemini", documents if len(documents) > 1 else documents[0])
    assert (completion.content, completion.finish_reason) == ("Hello", finish)


@pytest.mark.parametrize(
    ("document", "finish"),
    [
        ({"promptFeedback": {"blockReason": "SAFETY"}}, "content_filter"),
        ({"promptFeedback": {"blockReason": 5}, "candidates": None}, "content_filter"),
        ({"usageMetadata": {"promptTokenCount": 5}, "modelVersion": "m"}, None),
        ({"candidates": [], "promptFeedback": {}}, None),
    ],
)
async def test_gemini_without_candidates(document: object, finish: str | None) -> None:
    completion = await whole("gemini", document)
    assert (completion.content, completion.finish_reason) == ("", finish)
    found = await streamed("gemini", sse(document, done=False))
    assert (found.text, found.last.finish_reason) == ("", finish)


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (None, None),
        ([], None),
        ({"promptTokenCount": None, "candidatesTokenCount": -1}, None),
        ({"promptTokenCount": "5", "candidatesTokenCount": 2.0}, (5, 2)),
        ({"promptTokenCount": 5, "candidatesTokenCount": 10**30}, (5, 0)),
        ({"promptTokenCount": 5, "candidatesTokenCount": 2, "thoughtsTokenCount": float("inf")}, (5, 2)),
    ],
)
async def test_what_gemini_counts(usage: object, counts: tuple[int, int] | None) -> None:
    expected = None if counts is None else Usage(prompt_tokens=counts[0], completion_tokens=counts[1])
    document = g({"text": "Hello"}, finish="STOP", usageMetadata=usage)
    assert (await whole("gemini", document)).usage == expected
    assert (await streamed("gemini", sse(document, done=False))).last.usage == expected


@pytest.mark.parametrize(
    ("parts", "calls"),
    [
        ([{"functionCall": {"name": "weather", "args": {"city": "Oslo"}}}], ONE),
        ([{"functionCall": {"id": "x", "name": "weather", "args": OSLO}}], ONE),
        ([{"functionCall": {"name": "weather"}}], [("weather", "{}")]),
        ([{"functionCall": {"name": "weather", "args": json.loads(city)}} for city in (OSLO, PARIS)], TWO),
        (
            [{"functionCall": {"id": 5, "name": "weather", "args": {"n": 10**30}}}],
            [("weather", '{"n":' + str(10**30) + "}")],
        ),
    ],
)
async def test_geminis_tool_calls(parts: list[object], calls: list[tuple[str, str]]) -> None:
    found = await streamed("gemini", sse(*map(g, parts), g(finish="STOP"), done=False))
    assert (found.calls, found.last.finish_reason) == (calls, "tool_calls")
    completion = await whole("gemini", g(*parts, finish="STOP"))
    assert [(call.name, call.arguments) for call in completion.tool_calls] == calls
