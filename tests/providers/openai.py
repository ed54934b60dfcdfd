"""OpenAI's wire: chat completions, plain and as server-sent events, and the list of models."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aiohttp import web

from tests.providers.server import ProviderServer, Script, event

CREATED = 1_700_000_000


class OpenAIServer(ProviderServer):
    """``models`` are ids."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__(script)
        self.models: tuple[str, ...] = ("gpt-4o", "o3-mini")

    @property
    def base_url(self) -> str:
        return f"{self.address}/v1"

    def routes(self) -> Iterable[web.RouteDef]:
        return (web.post("/v1/chat/completions", self._chat), web.get("/v1/models", self._models))

    def whole(self, script: Script, model: str) -> Mapping[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(script.text) or None, "refusal": None}
        if script.reasoning:
            message["reasoning_content"] = "".join(script.reasoning)
        if script.calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": "".join(call.arguments)},
                }
                for call in script.calls
            ]
        choice = {"index": 0, "message": message, "finish_reason": _finish(script), "logprobs": None}
        return {**_head(model, "chat.completion"), "choices": [choice], "usage": _usage(script)}

    def events(self, script: Script, model: str) -> tuple[Iterable[bytes], Iterable[bytes]]:
        return _deltas(script, model), _end(script, model)

    def failure(self, script: Script) -> Mapping[str, Any]:
        return {"error": {"message": script.error, "type": "some_error", "param": None, "code": None}}

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await self.note(request)
        return await self.answer(request, body["model"], streamed=body.get("stream", False))

    async def _models(self, request: web.Request) -> web.StreamResponse:
        await self.note(request)
        if self.script.status != web.HTTPOk.status_code:
            return await self.answer(request, "", streamed=False)
        if (instead := self.models_instead()) is not None:
            return instead
        models = [{"id": model, "object": "model", "created": CREATED, "owned_by": "openai"} for model in self.models]
        return web.json_response({"object": "list", "data": models})


def _deltas(script: Script, model: str) -> Iterator[bytes]:
    yield _chunk(model, {"role": "assistant", "content": "", "refusal": None})
    for reasoning in script.reasoning:
        yield _chunk(model, {"reasoning_content": reasoning})
    for text in script.text:
        yield _chunk(model, {"content": text})
    for index, call in enumerate(script.calls):
        function = {"name": call.name, "arguments": ""}
        yield _chunk(model, {"tool_calls": [{"index": index, "id": call.id, "type": "function", "function": function}]})
        for piece in call.arguments:
            yield _chunk(model, {"tool_calls": [{"index": index, "function": {"arguments": piece}}]})


def _end(script: Script, model: str) -> Iterator[bytes]:
    yield _chunk(model, {}, _finish(script))
    yield event({**_head(model, "chat.completion.chunk"), "choices": [], "usage": _usage(script)})
    yield b"data: [DONE]\n\n"


def _chunk(model: str, delta: Mapping[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return event({**_head(model, "chat.completion.chunk"), "choices": [choice], "usage": None})


def _head(model: str, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": CREATED, "model": model}


def _finish(script: Script) -> str:
    return script.finish or ("tool_calls" if script.calls else "stop")


def _usage(script: Script) -> Mapping[str, Any]:
    return {
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "total_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": script.cached},
        "completion_tokens_details": {"reasoning_tokens": script.reasoned},
    }
