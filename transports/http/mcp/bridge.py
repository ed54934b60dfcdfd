"""A request of aiohttp, answered by an ASGI application: what the official package is, behind one route.

The body has been read, and the answer is one that is whole: nothing is streamed either way.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import attrs
from aiohttp import web
from aiohttp.hdrs import CONTENT_LENGTH
from multidict import CIMultiDict

_Message: TypeAlias = MutableMapping[str, Any]
Application: TypeAlias = Callable[
    [_Message, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]], Awaitable[None]
]


async def answered(request: web.Request, body: bytes, application: Application) -> web.Response:
    """The answer of the application to this request."""
    exchange = _Exchange(body=body)
    await application(_scope(request), exchange.receive, exchange.send)
    return exchange.response()


def _scope(request: web.Request) -> _Message:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": request.path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower(), value) for name, value in request.raw_headers],
        "client": None,
        "server": None,
    }


@attrs.define(eq=False)
class _Exchange:
    """A body that is handed over once, and the answer as it comes."""

    _body: bytes | None
    _status: int = 500
    _headers: CIMultiDict[str] = attrs.field(factory=CIMultiDict)
    _parts: list[bytes] = attrs.field(factory=list)

    async def receive(self) -> _Message:
        """The body; afterwards nothing more comes, for as long as somebody waits."""
        body, self._body = self._body, None
        if body is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: _Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            named = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.get("headers", ())]
            self._headers = CIMultiDict(named)
        else:
            self._parts.append(message.get("body", b""))

    def response(self) -> web.Response:
        self._headers.popall(CONTENT_LENGTH, None)
        return web.Response(status=self._status, headers=self._headers, body=b"".join(self._parts))
