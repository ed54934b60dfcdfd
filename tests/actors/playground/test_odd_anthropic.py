"""Answers of servers that nearly speak Anthropic's wire: members missing, null or of another type."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from actors.playground.prompt import Usage
from tests.providers.heard import OSLO, PARIS, named, sse, streamed, whole

pytestmark = pytest.mark.integration

ONE, TWO = [("weather", OSLO)], [("weather", OSLO), ("weather", PARIS)]
_HEAD, _TAIL = '{"city":', '"Oslo"}'
_MESSAGE = {"id": "m1", "type": "message", "role": "assistant", "model": "claude-x", "content": []}
START = {"type": "message_start", "message": _MESSAGE | {"usage": {"input_tokens": 5, "output_tokens": 1}}}
BEGIN = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
SAY = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}
CLOSE = {"type": "content_block_stop", "index": 0}
REASON = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}
END = {"type": "message_stop"}


def bare(event: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in names}


@pytest.mark.parametrize(
    ("raw", "finish"),
    [
        pytest.param(named(START, BEGIN, SAY, CLOSE, REASON, END), "stop", id="control"),
        pytest.param(sse(START, BEGIN, SAY, CLOSE, REASON, END), "stop", id="no names of events"),
        pytest.param(named(START, BEGIN, SAY, CLOSE, REASON), "stop", id="no end"),
        pytest.param(named(START, BEGIN, SAY), None, id="no reason"),
        pytest.param(named(BEGIN, SAY, CLOSE, REASON, END), "stop", id="no start"),
        pytest.param(named(START, SAY, REASON, END), "stop", id="no block"),
        pytest.param(
            named(*(bare(event, "index") for event in (START, BEGIN, SAY, CLOSE, REASON, END))), "stop", id="no index"
        ),
        pytest.param(
            named({"type": "message_start"}, BEGIN, SAY, {"type": "message_delta"}, END), None, id="bare types"
        ),
        pytest.param(
            named(START | {"message": {"usage": None}}, BEGIN, SAY, REASON | {"usage": None}, END),
            "stop",
            id="usage null",
        ),
        pytest.param(
            named(START | {"message": None}, BEGIN, SAY, REASON | {"usage": 5}, END), "stop", id="message null"
        ),
        pytest.param(
            named(START | {"message": {"id": 5, "model": None}}, BEGIN, SAY, REASON, END), "stop", id="other types"
        ),
        pytest.param(named(START, BEGIN | {"content_block": None}, SAY, CLOSE, REASON, END), "stop", id="block null"),
        pytest.param(
            named(START, BEGIN, SAY | {"delta": None}, SAY, SAY | {"delta": {"type": []}}, REASON, END),
            "stop",
            id="delta null",
        ),
        pytest.param(
            named(START, BEGIN, SAY, CLOSE, {"type": "unheard_of"}, CLOSE | {"index": 7}, REASON, END),
            "stop",
            id="unheard-of",
        ),
        pytest.param(
            named(
                START,
                BEGIN | {"content_block": {"type": "text", "text": "Hel"}},
                SAY | {"delta": {"type": "text_delta", "text": "lo"}},
                REASON,
            ),
            "stop",
            id="text at the start",
        ),
        pytest.param(
            b"event: message_start\ndata: {}\n\n"
            + named(SAY)
            + b"event: message_delta\ndata: "
            + json.dumps(bare(REASON, "type")).encode()
            + b"\n\n",
            "stop",
            id="types in names only",
        ),
        pytest.param(
            named(_MESSAGE | {"content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn"}),
            "stop",
            id="a whole message as an event",
        ),
    ],
)
async def test_what_anthropic_streams(raw: bytes, finish: str | None) -> None:
    found = await streamed("anthropic", raw)
    assert (found.text, found.calls) == ("Hello", [])
    assert found.last.finish_reason == finish


@pytest.mark.parametrize(
    ("document", "finish"),
    [
        (_MESSAGE | {"content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn"}, "stop"),
        ({"content": [{"type": "text", "text": "Hello"}]}, None),
        ({"content": [None, 5, {"text": "Hello"}, {"type": "redacted_thinking"}, {}], "stop_reason": None}, None),
        ({"type": "message", "content": "Hello", "usage": [], "id": {}, "model": []}, None),
        (_MESSAGE | {"content": [{"type": "text", "text": ["Hel", "lo"]}], "stop_reason": "max_tokens"}, "length"),
    ],
)
async def test_what_anthropic_answers(document: object, finish: str | None) -> None:
    completion = await whole("anthropic", document)
    assert (completion.content, completion.tool_calls, completion.finish_reason) == ("Hello", (), finish)
    found = await streamed("anthropic", json.dumps(document).encode(), "application/json")
    assert (found.text, found.last.finish_reason) == ("Hello", finish)


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (None, None),
        ({}, None),
        ("many", None),
        ({"input_tokens": None, "output_tokens": -2}, None),
        ({"input_tokens": "5", "output_tokens": 2.0}, (5, 2)),
        ({"input_tokens": 5}, (5, 0)),
        ({"input_tokens": 5, "output_tokens": 10**30, "cache_read_input_tokens": 1e308}, (5, 0)),
        ({"input_tokens": 5, "output_tokens": 2, "output_tokens_details": "none"}, (5, 2)),
    ],
)
async def test_what_anthropic_counts(usage: object, counts: tuple[int, int] | None) -> None:
    expected = None if counts is None else Usage(prompt_tokens=counts[0], completion_tokens=counts[1])
    document = {"content": [{"type": "text", "text": "Hello"}], "usage": usage}
    assert (await whole("anthropic", document)).usage == expected
    start = {"type": "message_start", "message": {"usage": usage}}
    assert (await streamed("anthropic", named(start, SAY, END))).last.usage == expected


def use(given: object = None, index: int = 0, **more: object) -> dict[str, Any]:
    block = {"type": "tool_use", "id": f"t{index}", "name": "weather", "input": given, **more}
    return {"type": "content_block_start", "index": index, "content_block": block}


def give(piece: object, index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": piece}}


@pytest.mark.parametrize(
    ("events", "calls"),
    [
        pytest.param([use({}), give(_HEAD), give(_TAIL), CLOSE], ONE, id="control"),
        pytest.param([use({"city": "Oslo"}), CLOSE], ONE, id="whole input at the start"),
        pytest.param([use(OSLO), CLOSE], ONE, id="whole input at the start, as text"),
        pytest.param(
            [use({"city": "Oslo"}), give(_HEAD), give(_TAIL), CLOSE], ONE, id="whole at the start, and in pieces"
        ),
        pytest.param([use({"city": "Oslo"})], ONE, id="no end of the block"),
        pytest.param([use(), give({"city": "Oslo"}), CLOSE], ONE, id="a piece as object"),
        pytest.param([use(), give(None), give(OSLO), CLOSE, CLOSE], ONE, id="closed twice"),
        pytest.param([use(id=None), give(OSLO), CLOSE], ONE, id="no id"),
        pytest.param([use({"city": "Oslo"}), use({"city": "Paris"}, id="b"), CLOSE], TWO, id="one index for two"),
        pytest.param(
            [use(), use(None, 1), give(_HEAD), give(PARIS, 1), give(_TAIL), CLOSE, CLOSE | {"index": 1}],
            TWO,
            id="interleaved",
        ),
        pytest.param([use(OSLO), CLOSE, use(PARIS, id="b"), CLOSE], TWO, id="one index for two, in turn"),
        pytest.param([use(), CLOSE], [("weather", "{}")], id="no arguments"),
    ],
)
async def test_borders_of_anthropics_tool_calls(events: list[dict[str, Any]], calls: list[tuple[str, str]]) -> None:
    found = await streamed("anthropic", named(START, *events, REASON | {"delta": {"stop_reason": "tool_use"}}, END))
    assert found.calls == calls
    assert found.last.finish_reason == "tool_calls"
