"""Gemini's wire: generateContent, streamGenerateContent as server-sent events, and the list of models in pages."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from aiohttp import web

from tests.providers.server import ProviderServer, Script, event


class GeminiServer(ProviderServer):
    """``models`` are listed ``page`` at a time, whatever the client would like."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__(script)
        self.models: tuple[Mapping[str, Any], ...] = (model("gemini-2.5-flash", "Gemini 2.5 Flash"),)
        self.page = 2

    @property
    def base_url(self) -> str:
        return self.address

    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.post(r"/v1beta/models/{model}:generateContent", self._whole),
            web.post(r"/v1beta/models/{model}:streamGenerateContent", self._streamed),
            web.get("/v1beta/models", self._models),
        )

    def whole(self, script: Script, model: str) -> Mapping[str, Any]:
        return {**_response(_parts(script), model), **_last(script, model)}

    def events(self, script: Script, model: str) -> tuple[Iterable[bytes], Iterable[bytes]]:
        return (event(_response([part], model)) for part in _pieces(script)), [event(_ending(script, model))]

    def failure(self, script: Script) -> Mapping[str, Any]:
        return {"error": {"code": script.status, "message": script.error, "status": "SOME_ERROR"}}

    async def _whole(self, request: web.Request) -> web.StreamResponse:
        await self.note(request)
        return await self.answer(request, request.match_info["model"], streamed=False)

    async def _streamed(self, request: web.Request) -> web.StreamResponse:
        await self.note(request)
        if request.query.get("alt") != "sse":
            raise web.HTTPBadRequest(text="this server streams events only")
        return await self.answer(request, request.match_info["model"], streamed=True)

    async def _models(self, request: web.Request) -> web.StreamResponse:
        await self.note(request)
        if self.script.status != web.HTTPOk.status_code:
            return await self.answer(request, "", streamed=False)
        if (instead := self.models_instead()) is not None:
            return instead
        first = int(request.query.get("pageToken", "0"))
        body: dict[str, Any] = {"models": self.models[first : first + self.page]}
        if first + self.page < len(self.models):
            body["nextPageToken"] = str(first + self.page)
        return web.json_response(body)


def model(name: str, display_name: str, *, methods: tuple[str, ...] = ("generateContent",)) -> Mapping[str, Any]:
    """An entry of the list."""
    return {
        "name": f"models/{name}",
        "displayName": display_name,
        "supportedGenerationMethods": methods,
        "inputTokenLimit": 1_048_576,
        "thinking": True,
    }


def _parts(script: Script) -> list[Mapping[str, Any]]:
    parts: list[Mapping[str, Any]] = []
    if script.reasoning:
        parts.append({"text": "".join(script.reasoning), "thought": True})
    if script.text:
        parts.append({"text": "".join(script.text)})
    return [*parts, *_calls(script)]


def _pieces(script: Script) -> Iterator[Mapping[str, Any]]:
    for reasoning in script.reasoning:
        yield {"text": reasoning, "thought": True}
    for text in script.text:
        yield {"text": text}
    yield from _calls(script)


def _calls(script: Script) -> Iterator[Mapping[str, Any]]:
    for call in script.calls:
        yield {"functionCall": {"id": call.id, "name": call.name, "args": orjson.loads("".join(call.arguments))}}


def _response(parts: list[Mapping[str, Any]], model: str) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
    return {"candidates": [candidate], "modelVersion": model, "responseId": "resp_1"}


def _last(script: Script, model: str) -> Mapping[str, Any]:
    candidate = _response(_parts(script), model)["candidates"][0]
    return {"candidates": [{**candidate, "finishReason": script.finish or "STOP"}], "usageMetadata": _usage(script)}


def _ending(script: Script, model: str) -> Mapping[str, Any]:
    last = _response([{"text": ""}], model)
    last["candidates"][0]["finishReason"] = script.finish or "STOP"
    return {**last, "usageMetadata": _usage(script)}


def _usage(script: Script) -> Mapping[str, Any]:
    return {
        "promptTokenCount": 3,
        "candidatesTokenCount": 4 - script.reasoned,
        "thoughtsTokenCount": script.reasoned,
        "cachedContentTokenCount": script.cached,
        "totalTokenCount": 7,
    }
