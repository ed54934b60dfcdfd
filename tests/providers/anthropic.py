"""Anthropic's wire: messages, plain and as an event stream, and the list of models in pages."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from aiohttp import web

from tests.providers.server import ProviderServer, Script, event


class AnthropicServer(ProviderServer):
    """``models`` are listed ``page`` at a time, whatever the client would like."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__(script)
        self.models: tuple[Mapping[str, Any], ...] = (model("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5"),)
        self.page = 2

    @property
    def base_url(self) -> str:
        return self.address

    def routes(self) -> Iterable[web.RouteDef]:
        return (web.post("/v1/messages", self._messages), web.get("/v1/models", self._models))

    def whole(self, script: Script, model: str) -> Mapping[str, Any]:
        content = [_whole_block(kind, pieces, extra) for kind, pieces, extra in _blocks(script)]
        return {**_head(model), "content": content, "stop_reason": _finish(script), "usage": _usage(script)}

    def events(self, script: Script, model: str) -> tuple[Iterable[bytes], Iterable[bytes]]:
        return _deltas(script, model), _end(script)

    def failure(self, script: Script) -> Mapping[str, Any]:
        return {"type": "error", "error": {"type": "some_error", "message": script.error}, "request_id": "req_1"}

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        body = await self.note(request)
        return await self.answer(request, body["model"], streamed=body.get("stream", False))

    async def _models(self, request: web.Request) -> web.StreamResponse:
        await self.note(request)
        if self.script.status != web.HTTPOk.status_code:
            return await self.answer(request, "", streamed=False)
        if (instead := self.models_instead()) is not None:
            return instead
        ids = [known["id"] for known in self.models]
        first = ids.index(request.query["after_id"]) + 1 if "after_id" in request.query else 0
        page = self.models[first : first + self.page]
        return web.json_response(
            {
                "data": page,
                "has_more": first + self.page < len(ids),
                "first_id": page[0]["id"] if page else None,
                "last_id": page[-1]["id"] if page else None,
            }
        )


def model(identity: str, display_name: str, **more: Any) -> Mapping[str, Any]:
    """An entry of the list."""
    head = {"type": "model", "id": identity, "display_name": display_name, "created_at": "2025-09-29T00:00:00Z"}
    return {**head, "lifecycle": "active", **more}


def _blocks(script: Script) -> Iterator[tuple[str, tuple[str, ...], Mapping[str, Any]]]:
    if script.reasoning:
        yield "thinking", script.reasoning, {"signature": "c2lnbmVk"}
    if script.text:
        yield "text", script.text, {}
    for call in script.calls:
        yield "tool_use", call.arguments, {"id": call.id, "name": call.name}


_FIELDS = {"thinking": "thinking", "text": "text", "tool_use": "partial_json"}
_DELTAS = {"thinking": "thinking_delta", "text": "text_delta", "tool_use": "input_json_delta"}


def _whole_block(kind: str, pieces: tuple[str, ...], extra: Mapping[str, Any]) -> Mapping[str, Any]:
    said = "".join(pieces)
    body = {"input": orjson.loads(said or "{}")} if kind == "tool_use" else {kind: said}
    return {"type": kind, **body, **extra}


def _deltas(script: Script, model: str) -> Iterator[bytes]:
    start = {**_head(model), "content": [], "stop_reason": None, "usage": {**_usage(script), "output_tokens": 1}}
    yield event({"type": "message_start", "message": start}, "message_start")
    yield event({"type": "ping"}, "ping")
    for index, (kind, pieces, extra) in enumerate(_blocks(script)):
        empty: dict[str, Any] = {"input": {}} if kind == "tool_use" else {kind: ""}
        begun = {"type": kind, **empty, **extra}
        yield event({"type": "content_block_start", "index": index, "content_block": begun}, "content_block_start")
        for piece in pieces:
            delta = {"type": _DELTAS[kind], _FIELDS[kind]: piece}
            yield event({"type": "content_block_delta", "index": index, "delta": delta}, "content_block_delta")
        yield event({"type": "content_block_stop", "index": index}, "content_block_stop")


def _end(script: Script) -> Iterator[bytes]:
    delta = {"stop_reason": _finish(script), "stop_sequence": None}
    counts = {"output_tokens": 4, "output_tokens_details": {"thinking_tokens": script.reasoned}}
    yield event({"type": "message_delta", "delta": delta, "usage": counts}, "message_delta")
    yield event({"type": "message_stop"}, "message_stop")


def _head(model: str) -> dict[str, Any]:
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "stop_sequence": None}


def _finish(script: Script) -> str:
    return script.finish or ("tool_use" if script.calls else "end_turn")


def _usage(script: Script) -> dict[str, Any]:
    return {
        "input_tokens": 3 - script.cached,
        "cache_read_input_tokens": script.cached,
        "cache_creation_input_tokens": 0,
        "output_tokens": 4,
        "output_tokens_details": {"thinking_tokens": script.reasoned},
    }
