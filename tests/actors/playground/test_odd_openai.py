"""Answers of servers that nearly speak OpenAI's wire: members missing, null or of another type."""

import json
from typing import Any

import pytest

from actors.playground.prompt import Usage
from tests.providers.heard import OSLO, PARIS, sse, streamed, whole

pytestmark = pytest.mark.integration


def c(delta: object = ..., finish: object = None, **more: object) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": finish} | ({} if delta is ... else {"delta": delta})
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m"} | {
        "choices": [choice],
        **more,
    }


def w(message: object, finish: object = "stop", **more: object) -> dict[str, Any]:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "m",
        "choices": [choice],
        **more,
    }


def part(name: str | None = "weather", args: object = OSLO, **more: object) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": args}, **more}


HELLO, STOP = c({"content": "Hello"}), c({}, "stop")
_AZURE: dict[str, Any] = {"id": "", "object": "", "created": 0, "model": "", "choices": []}


def without(name: str, *chunks: dict[str, Any]) -> bytes:
    return sse(*({key: value for key, value in chunk.items() if key != name} for chunk in chunks))


@pytest.mark.parametrize(
    ("raw", "finish"),
    [
        pytest.param(sse(HELLO, STOP), "stop", id="control"),
        pytest.param(sse(_AZURE, HELLO, STOP, _AZURE | {"choices": [{"index": 0}]}), "stop", id="no delta"),
        pytest.param(sse(HELLO, c(None, "stop")), "stop", id="delta null"),
        pytest.param(sse(c("Hello"), c([], "stop")), "stop", id="delta of another type"),
        pytest.param(without("id", HELLO, STOP), "stop", id="no id"),
        pytest.param(without("created", HELLO, STOP), "stop", id="no created"),
        pytest.param(without("model", HELLO, STOP), "stop", id="no model"),
        pytest.param(without("object", HELLO, STOP), "stop", id="no object"),
        pytest.param(sse(HELLO | dict.fromkeys(("id", "created", "model")), STOP), "stop", id="nulls"),
        pytest.param(sse(HELLO | {"id": 5, "created": "x", "model": {}}, STOP), "stop", id="other types"),
        pytest.param(sse(HELLO | {"created": 1e308, "id": [], "model": 7.5}, STOP), "stop", id="other numbers"),
        pytest.param(sse(None, 5, "x", [], HELLO, {"choices": 5}, {"choices": [None]}, STOP), "stop", id="odd events"),
        pytest.param(
            sse(HELLO, STOP)[:-14] + b"data: {oh no\n\ndata: [DONE]\n\n", "stop", id="an event that is no JSON"
        ),
        pytest.param(sse(HELLO, STOP, {"usage": {}}), "stop", id="usage without choices"),
        pytest.param(
            sse(c({"content": "Hel"}, ""), c({"content": "lo"}, ""), c({}, "length")), "length", id="finish ''"
        ),
        pytest.param(sse(c({"content": "Hel"}, "stop"), c({"content": "lo"}, "stop")), "stop", id="finish in each"),
        pytest.param(sse(HELLO, c({}, {"reason": "x"})), None, id="finish of another type"),
        pytest.param(sse(HELLO), None, id="no finish"),
        pytest.param(sse(HELLO, done=False), None, id="no finish, no end"),
        pytest.param(sse(w({"content": "Hello"})), "stop", id="a whole message as an event"),
        pytest.param(sse(HELLO, w({"content": "Hello"})), "stop", id="the whole message again at the end"),
        pytest.param(
            sse(c({"content": [{"type": "text", "text": "Hel"}]}), c({"content": ["lo"]}, "stop")), "stop", id="parts"
        ),
        pytest.param(
            sse({"choices": [{"text": "Hello", "finish_reason": "stop"}]}), "stop", id="text of old completions"
        ),
        pytest.param(
            sse({"choices": {"delta": {"content": "Hello"}, "finish_reason": "stop"}}), "stop", id="one choice"
        ),
        pytest.param(sse(c({"refusal": "Hello"}), STOP), "stop", id="refusal"),
    ],
)
async def test_what_openai_streams(raw: bytes, finish: str | None) -> None:
    found = await streamed("openai", raw)
    assert (found.text, found.reasoning, found.calls) == ("Hello", "", [])
    assert found.last.finish_reason == finish


@pytest.mark.parametrize(
    ("document", "finish"),
    [
        (w({"content": "Hello"}), "stop"),
        ({"choices": [{"message": {"content": "Hello"}}]}, None),
        (w({"content": "Hello"}, ""), None),
        (w({"content": ["Hel", {"type": "text", "text": "lo"}, None, {"type": "image"}]}), "stop"),
        (w("Hello"), "stop"),
        (w({"content": None, "refusal": "Hello"}), "stop"),
        (w({"content": "Hello", "tool_calls": [None, 5]}), "stop"),
        (w({"content": "Hello", "tool_calls": "none"}, usage="none", id=None, created=None, model=None), "stop"),
        ([w({"content": "Hello"})], "stop"),
    ],
)
async def test_what_openai_answers(document: object, finish: str | None) -> None:
    completion = await whole("openai", document)
    assert (completion.content, completion.tool_calls, completion.finish_reason) == ("Hello", (), finish)
    found = await streamed("openai", json.dumps(document).encode(), "application/json")
    assert (found.text, found.last.finish_reason) == ("Hello", finish)


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({}, None),
        (None, None),
        ("many", None),
        ([5], None),
        ({"prompt_tokens": None, "completion_tokens": None}, None),
        ({"prompt_tokens": -1, "completion_tokens": 1e308, "total_tokens": 10**30}, None),
        ({"prompt_tokens": 5, "completion_tokens": 2}, (5, 2)),
        ({"prompt_tokens": "5", "completion_tokens": 2.0}, (5, 2)),
        ({"prompt_tokens": 5, "total_tokens": 5}, (5, 0)),
        ({"prompt_tokens": 5, "total_tokens": 7}, (5, 2)),
        ({"completion_tokens": 2, "total_tokens": 7}, (5, 2)),
        ({"prompt_tokens": 5, "completion_tokens": float("nan")}, (5, 0)),
        ({"prompt_tokens": 5, "completion_tokens": True}, (5, 0)),
        (
            {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": [], "completion_tokens_details": 5},
            (5, 2),
        ),
        ({"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": "x"}}, (5, 2)),
    ],
)
async def test_what_openai_counts(usage: object, counts: tuple[int, int] | None) -> None:
    expected = None if counts is None else Usage(prompt_tokens=counts[0], completion_tokens=counts[1])
    assert (await whole("openai", w({"content": "Hello"}, usage=usage))).usage == expected
    assert (
        await streamed("openai", sse(HELLO, STOP | {"usage": usage}, {"choices": [], "usage": {}}))
    ).last.usage == expected


async def test_a_count_of_thousands_of_digits_is_none() -> None:
    digits = b'"usage":{"prompt_tokens":' + b"9" * 5000 + b',"completion_tokens":2}'
    raw = sse(HELLO, STOP)[:-14] + b'data: {"choices":[],' + digits + b"}\n\n"
    assert (await streamed("openai", raw)).last.usage == Usage(prompt_tokens=0, completion_tokens=2)


ONE, TWO = [("weather", OSLO)], [("weather", OSLO), ("weather", PARIS)]
_HEAD, _TAIL = '{"city":', '"Oslo"}'


@pytest.mark.parametrize(
    ("parts", "calls"),
    [
        pytest.param([[part(index=0, id="a")]], ONE, id="control"),
        pytest.param([[part(id="a")]], ONE, id="no index"),
        pytest.param([[part()]], ONE, id="no index and no id"),
        pytest.param([[part(index=None, id=None)]], ONE, id="nulls"),
        pytest.param([[part(index="0", id=7)], [part(None, "", index=0.0)]], ONE, id="other types"),
        pytest.param([[{"index": 0, "id": "a", "name": "weather", "arguments": OSLO}]], ONE, id="no wrapping"),
        pytest.param([part(index=0, id="a")], ONE, id="no list"),
        pytest.param([[None, 5, part(index=0, id="a"), {}]], ONE, id="odd neighbours"),
        pytest.param([[part(index=0, id="a", args={"city": "Oslo"})]], ONE, id="arguments as object"),
        pytest.param(
            [[part("weather", "", index=0, id="a")], [part(None, _HEAD, index=0)], [part(None, _TAIL, index=0)]],
            ONE,
            id="in pieces",
        ),
        pytest.param([[part("weather", _HEAD, id="a")], [part(None, _TAIL)]], ONE, id="in pieces, no index"),
        pytest.param(
            [[part("weather", _HEAD, index=0, id="a")], [part("weather", _TAIL, index=0, id="a")]],
            ONE,
            id="named in each piece",
        ),
        pytest.param(
            [[part("weather", _HEAD, index=0, id="a")], [part(None, _TAIL, index=0, id="b")]],
            ONE,
            id="an id for each piece",
        ),
        pytest.param(
            [[part("weather", _HEAD, index=0, id="a")], [part("", _TAIL, index=0, id="")]], ONE, id="empty texts behind"
        ),
        pytest.param([[part(index=0, id="a"), part(args=PARIS, index=1, id="b")]], TWO, id="two"),
        pytest.param(
            [[part(index=0, id="a")], [part(args=PARIS, index=0, id="b")]], TWO, id="one index for two, new id"
        ),
        pytest.param([[part(index=0), part(args=PARIS, index=0)]], TWO, id="one index for two, no id"),
        pytest.param([[part(id="a"), part(args=PARIS, id="b")]], TWO, id="two without index"),
        pytest.param([[part()], [part(args=PARIS)]], TWO, id="two without index and id"),
        pytest.param(
            [
                [part("weather", "", index=0, id="a"), part("weather", PARIS, index=1, id="b")],
                [part(None, OSLO, index=0)],
            ],
            TWO,
            id="interleaved by index",
        ),
        pytest.param(
            [[part("weather", _HEAD, id="a"), part("weather", PARIS, id="b")], [part(None, _TAIL, id="a")]],
            TWO,
            id="interleaved by id",
        ),
        pytest.param(
            [[part("time", "{}", index=0)], [part("weather", OSLO, index=0)]],
            [("time", "{}"), ("weather", OSLO)],
            id="one index for two, new name",
        ),
        pytest.param(
            [[part("now", "", index=0, id="a")], [part("weather", OSLO, index=0, id="b")]],
            [("now", "{}"), ("weather", OSLO)],
            id="the first without arguments",
        ),
    ],
)
@pytest.mark.parametrize("finish", ["tool_calls", "", "stop", None])
async def test_borders_of_openais_tool_calls(
    parts: list[object], calls: list[tuple[str, str]], finish: str | None
) -> None:
    found = await streamed("openai", sse(*(c({"tool_calls": some}, "") for some in parts), c({}, finish)))
    assert found.calls == calls


async def test_a_whole_call_of_openai_may_lack_what_it_likes() -> None:
    completion = await whole("openai", w({"tool_calls": [part(type=None), {"function": {"name": "now"}}, {}]}))
    assert [(call.name, call.arguments) for call in completion.tool_calls] == [("weather", OSLO), ("now", "{}")]


async def test_arguments_behind_the_finish_reason_belong_to_the_call() -> None:
    chunks = (
        c({"tool_calls": [part("weather", _HEAD, index=0, id="a")]}, "tool_calls"),
        c({"tool_calls": [part(None, _TAIL, index=0)]}),
    )
    assert (await streamed("openai", sse(*chunks))).calls == ONE


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "Hm."},
        {"reasoning": {"text": "Hm."}},
        {"reasoning_content": ["H", "m."], "reasoning": "Hm."},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]},
        {"content": [{"type": "reasoning", "text": "Hm."}]},
    ],
)
async def test_reasoning_of_openai_in_every_form(delta: dict[str, object]) -> None:
    found = await streamed("openai", sse(c(delta), HELLO, STOP))
    assert (found.text, found.reasoning) == ("Hello", "Hm.")
    assert (await whole("openai", w(delta))).reasoning == "Hm."


async def test_the_marker_of_the_end_alone_is_an_empty_answer() -> None:
    found = await streamed("openai", sse())
    assert (found.text, found.last.finish_reason, found.last.usage) == ("", None, None)
