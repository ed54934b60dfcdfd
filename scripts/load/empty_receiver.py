"""An empty receiver, the upper bound of the libraries: it parses each OTLP request and throws it away.

It uses the studio's libraries, aiohttp and grpclib, with the studio's windows, and parses with the official protobuf
classes, on the event loop. It runs in a process of its own, like the studio.
"""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from typing import Any, Self

import grpclib.server
from aiohttp import web
from grpclib.config import Configuration
from grpclib.const import Cardinality, Handler
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from scripts.load.own_studio import HOST
from scripts.load.senders import EXPORT
from transports.inflate import DEFAULT_LIMIT

_WINDOW = 16 * 1024 * 1024  # as the studio has it


class EmptyReceiver:
    """Receives requests for the length of a ``with`` block."""

    def __init__(self) -> None:
        self._pipe, self._its = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(target=_serve, args=(self._its,), daemon=True)
        self.http_port = 0
        self.otlp_port = 0

    def __enter__(self) -> Self:
        self._process.start()
        self._its.close()  # so that it is closed when the process has ended
        self.http_port, self.otlp_port = self._pipe.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.send(None)
        self._process.join()


def _serve(pipe: Connection) -> None:
    asyncio.run(_until_told(pipe))


async def _until_told(pipe: Connection) -> None:
    async with _http() as http_port, _grpc() as grpc_port:
        pipe.send((http_port, grpc_port))
        await asyncio.to_thread(pipe.recv)


@asynccontextmanager
async def _http() -> AsyncIterator[int]:
    async def take(request: web.Request) -> web.Response:
        ExportTraceServiceRequest.FromString(await request.read())
        return web.Response(body=b"", content_type="application/x-protobuf")

    app = web.Application(client_max_size=DEFAULT_LIMIT)
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


class _Take:
    """A service whose messages grpclib itself parses."""

    def __mapping__(self) -> Mapping[str, Handler]:
        return {
            EXPORT: Handler(self._take, Cardinality.UNARY_UNARY, ExportTraceServiceRequest, ExportTraceServiceResponse)
        }

    async def _take(self, stream: "grpclib.server.Stream[Any, Any]") -> None:
        await stream.recv_message()
        await stream.send_message(ExportTraceServiceResponse())


@asynccontextmanager
async def _grpc() -> AsyncIterator[int]:
    windows = Configuration(http2_connection_window_size=_WINDOW, http2_stream_window_size=_WINDOW)
    server = grpclib.server.Server([_Take()], config=windows)
    await server.start(HOST, 0)
    try:
        yield server._server.sockets[0].getsockname()[1]  # type: ignore[union-attr] # noqa: SLF001 - grpclib hides it
    finally:
        server.close()
        await server.wait_closed()
