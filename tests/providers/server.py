"""Base of the local servers of the three providers: they answer by a script and record requests."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from enum import Enum
from types import TracebackType
from typing import Any, Self

import attrs
import orjson
from aiohttp import web

_FULL = 64 * 1024 - 4096  # of the buffer before the system's own: about where writing begins to wait


class Trouble(Enum):
    """A fault in an answer; in a streamed one, after the deltas of the script."""

    NONE = "none"
    HANG = "hang"  # nothing more is sent, and the connection stays open
    CUT = "cut"  # the connection is closed
    GARBAGE = "garbage"  # an event that is not JSON
    UNFINISHED = "unfinished"  # the body ends, but not the answer


@attrs.frozen(kw_only=True)
class ScriptedCall:
    """A tool call that the model makes. ``arguments`` arrive in these pieces."""

    id: str
    name: str
    arguments: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Script:
    """The provider's answer, in pieces that a streamed answer sends one by one."""

    text: tuple[str, ...] = ("hello ", "from ", "the provider")
    reasoning: tuple[str, ...] = ()
    calls: tuple[ScriptedCall, ...] = ()
    finish: str | None = None  # the provider's word; the usual one when None
    cached: int = 0  # of the 3 prompt tokens
    reasoned: int = 0  # of the 4 completion tokens
    trouble: Trouble = Trouble.NONE
    status: int = 200
    error: str = "the provider's own words"
    headers: Mapping[str, str] = {}
    body: bytes | None = None  # of a plain answer, in place of the proper one
    raw: bytes | None = None  # of a streamed answer, in place of all its events
    stream_type: str = "text/event-stream"
    failure: bytes | None = None  # the body of an error, in place of the proper one
    models: bytes | None = None  # the body of every page of the list, in place of the proper one


@attrs.frozen(kw_only=True)
class Seen:
    """A request as it came."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


class ProviderServer(ABC):
    """Serves on a free port of the loopback while its block lasts.

    ``begun`` is set when the deltas of an answer are out, ``disconnected`` when a client leaves before its answer ends,
    and ``stalled`` when a client does not take what is sent.
    """

    def __init__(self, script: Script | None = None) -> None:
        self.begun = asyncio.Event()
        self.disconnected = asyncio.Event()
        self.stalled = asyncio.Event()
        self.play(script or Script())
        self.seen: list[Seen] = []
        self.connections: set[int] = set()  # the client's ports
        self._runner: web.AppRunner | None = None
        self._address = ""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self._address = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def play(self, script: Script) -> None:
        """Answer so from now on."""
        self.script = script
        self.begun.clear()
        self.disconnected.clear()
        self.stalled.clear()

    @property
    def address(self) -> str:
        return self._address

    @property
    @abstractmethod
    def base_url(self) -> str:
        """The base URL for an SDK."""

    @abstractmethod
    def routes(self) -> Iterable[web.RouteDef]:
        """The provider's paths."""

    @abstractmethod
    def whole(self, script: Script, model: str) -> Mapping[str, Any]:
        """The body of a plain answer."""

    @abstractmethod
    def events(self, script: Script, model: str) -> tuple[Iterable[bytes], Iterable[bytes]]:
        """A streamed answer: up to the last delta, and what ends it."""

    @abstractmethod
    def failure(self, script: Script) -> Mapping[str, Any]:
        """The body of an error."""

    async def note(self, request: web.Request) -> Any:
        """Remember a request and answer its body."""
        raw = await request.read()
        body = orjson.loads(raw) if raw else None
        self.seen.append(Seen(path=request.path, query=dict(request.query), headers=dict(request.headers), body=body))
        if request.transport is not None:
            self.connections.add(request.transport.get_extra_info("peername")[1])
        return body

    def models_instead(self) -> web.Response | None:
        """A list of models that the script tells to send in place of the proper one."""
        body = self.script.models
        return None if body is None else web.Response(body=body, content_type="application/json")

    async def answer(self, request: web.Request, model: str, *, streamed: bool) -> web.StreamResponse:
        """Do what the script says."""
        script = self.script
        try:
            if script.status != web.HTTPOk.status_code:
                if script.failure is not None:
                    return web.Response(body=script.failure, status=script.status, headers=script.headers)
                return _json(self.failure(script), script.status, script.headers)
            if streamed:
                return await self._stream(request, script, model)
            return await self._plain(request, script, model)
        except asyncio.CancelledError:
            self.disconnected.set()
            raise

    async def _plain(self, request: web.Request, script: Script, model: str) -> web.StreamResponse:
        self.begun.set()
        await self._trouble(request, script.trouble)
        if script.trouble is Trouble.GARBAGE:
            return web.Response(body=b'{"this is not', content_type="application/json")
        if script.body is not None:
            return web.Response(body=script.body, content_type="application/json")
        return _json(self.whole(script, model), 200, script.headers)

    async def _stream(self, request: web.Request, script: Script, model: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": script.stream_type, **script.headers})
        await response.prepare(request)
        deltas, end = self.events(script, model) if script.raw is None else ([script.raw], [])
        for event in deltas:
            await self._write(request, response, event)
        self.begun.set()
        await self._trouble(request, script.trouble)
        if script.trouble is Trouble.CUT:
            return response
        if script.trouble is Trouble.GARBAGE:
            await response.write(b'event: content_block_delta\ndata: {"this is not\n\n')
        elif script.trouble is not Trouble.UNFINISHED:
            for event in end:
                await response.write(event)
        await response.write_eof()
        return response

    async def _write(self, request: web.Request, response: web.StreamResponse, event: bytes) -> None:
        transport = request.transport
        if transport is not None and transport.get_write_buffer_size() > _FULL:
            self.stalled.set()
        await response.write(event)

    async def _trouble(self, request: web.Request, trouble: Trouble) -> None:
        if trouble is Trouble.HANG:
            await asyncio.Event().wait()
        if trouble is Trouble.CUT and request.transport is not None:
            request.transport.close()


def event(data: Mapping[str, Any], name: str | None = None) -> bytes:
    """A server-sent event."""
    head = b"" if name is None else b"event: " + name.encode() + b"\n"
    return head + b"data: " + orjson.dumps(data) + b"\n\n"


def _json(body: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, headers=headers, content_type="application/json")
