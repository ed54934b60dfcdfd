"""Recorded requests of the reference to the providers, and its answers (contract, section 7)."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from actors.errors import Refused
from actors.playground.prompt import ChatMessage, Completion, Prompt
from tests.providers.pairs import PAIRS, Pair
from tests.providers.server import Script, Seen

pytestmark = pytest.mark.integration

_FILE = Path(__file__).parents[2] / "recordings" / "golden.jsonl"
_RECORDINGS = [
    recording
    for recording in map(json.loads, _FILE.read_text().splitlines())
    if recording["name"].startswith("llm generate ok")
]
_PAIRS = {pair.name: pair for pair in PAIRS}


def prompt_of(body: dict[str, Any]) -> Prompt:
    provider, _, model = body.pop("model").partition("/")
    messages = tuple(ChatMessage(**message) for message in body.pop("messages"))
    stop = body.pop("stop", None)
    return Prompt(provider=provider, model=model, messages=messages, stop=stop and tuple(stop), **body)


def script_of(recording: Mapping[str, Any]) -> Script:
    """The provider of the recordings always said the same, and thought aloud unless it was OpenAI."""
    if recording["status"] != 200:
        return Script()
    body = recording["body"]
    reasoning = body["reasoning_content"]
    return Script(text=(body["choices"][0]["message"]["content"],), reasoning=(reasoning,) if reasoning else ())


def meaning(value: Any) -> Any:
    """A request in one spelling: protobuf's JSON reads both cases of names, and its enums here are written in both."""
    if isinstance(value, Mapping):
        return {
            re.sub(r"(?<=[a-z])[A-Z]", lambda upper: f"_{upper[0].lower()}", name): (
                item.lower() if name == "type" and isinstance(item, str) else meaning(item)
            )
            for name, item in value.items()
            if item != {}
        }
    return [meaning(item) for item in value] if isinstance(value, list) else value


def assert_asked(pair: Pair, seen: Seen, recorded: Mapping[str, Any]) -> None:
    assert seen.path.endswith(recorded["path"])
    assert meaning(seen.body) == meaning(recorded["body"])
    headers = {name.lower(): value for name, value in seen.headers.items()}
    for name, value in recorded["headers"].items():
        if pair.name == "gemini":  # a bearer token then, the provider's own header now
            assert "x-goog-api-key" in headers
        else:
            assert headers[name] == value.replace(value.split()[-1], headers[name].split()[-1])
            assert name != "anthropic-version" or headers[name] == value


def assert_answered(completion: Completion, body: Mapping[str, Any]) -> None:
    (choice,) = body["choices"]
    assert completion.model == body["model"]
    assert completion.content == choice["message"]["content"]
    assert completion.finish_reason == choice["finish_reason"]
    assert completion.reasoning == body["reasoning_content"]
    assert completion.usage is not None
    counts = completion.usage.prompt_tokens, completion.usage.completion_tokens, completion.usage.total_tokens
    assert counts == tuple(body["usage"].values())


def test_there_are_recordings() -> None:
    assert len(_RECORDINGS) == 14


@pytest.mark.parametrize("recording", _RECORDINGS, ids=[recording["name"] for recording in _RECORDINGS])
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
async def test_requests_and_answers_are_as_recorded(recording: Mapping[str, Any], streamed: bool) -> None:
    prompt = prompt_of(dict(recording["request_body"]))
    pair = _PAIRS[prompt.provider]
    async with pair.open(script_of(recording)) as (server, provider):
        if not recording["provider_requests"]:
            with pytest.raises(Refused, match=r"o3-mini does not support temperature=0\.5"):
                await provider.generate(prompt)
            assert server.seen == []
            return
        completion = await provider.generate(prompt)
        if streamed:
            *_, completion = [chunk async for chunk in provider.stream(prompt)]  # type: ignore[assignment] # the last
            server.seen[-1].body.pop("stream", None)
            server.seen[-1].body.pop("stream_options", None)
            recorded = dict(recording["provider_requests"][0])
            recorded["path"] = recorded["path"].replace(":generateContent", ":streamGenerateContent")
        else:
            recorded = recording["provider_requests"][0]
    assert_asked(pair, server.seen[-1], recorded)
    assert_answered(completion, recording["body"])
