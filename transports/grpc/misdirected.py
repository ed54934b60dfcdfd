"""Misdirected clients of the gRPC ports: other protocols, and spans at the port for key checks."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.server import Stream

from actors.errors import Forbidden, StudioError, Unauthenticated, UnsupportedMedia
from transports.api_key import key_in
from transports.first_bytes import Refusal, is_http1, is_tls, sender_of
from transports.grpc.metadata import headers_of
from transports.misdirected_exporters import (
    BAD_KEY,
    HTTP_AT_GRPC,
    NO_KEY,
    SPANS_AT_KEY_CHECK,
    TLS,
    UNREADABLE,
    MisdirectedExporters,
)

_TEXT = "This port speaks gRPC. OTLP over HTTP goes to port {port}, path /v1/traces.\n"
_ANSWER = (
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: {length}\r\n"
    "Connection: close\r\n"
    "\r\n"
)


def refused(misdirected: MisdirectedExporters, begin: bytes, transport: asyncio.Transport) -> asyncio.Protocol:
    """Make the protocol for a client that does not speak HTTP/2: HTTP/1 gets an answer that it can read."""
    if is_tls(begin):
        misdirected.report(sender_of(transport), TLS)
    if not is_http1(begin):
        return Refusal()
    misdirected.report(sender_of(transport), HTTP_AT_GRPC)
    text = _TEXT.format(port=misdirected.http_port)
    return Refusal((_ANSWER.format(length=len(text)) + text).encode())


def note_refusal(misdirected: MisdirectedExporters, stream: Stream[Any, Any], error: StudioError) -> None:
    """Warn of an exporter whose spans are refused because of its settings."""
    if isinstance(error, Unauthenticated | Forbidden):
        misdirected.report(_sender(stream), BAD_KEY if key_in(headers_of(stream)) else NO_KEY)
    elif isinstance(error, UnsupportedMedia):
        misdirected.report(_sender(stream), UNREADABLE)


def note_rejected(misdirected: MisdirectedExporters, stream: Stream[Any, Any], response: Message) -> None:
    """Keep what was not stored of an export."""
    misdirected.report_rejected(_sender(stream), response)


class SpansAtKeyCheck:
    """OTLP's methods on the port for key checks: an exporter learns which port serves them."""

    def __init__(self, paths: Iterable[str], misdirected: MisdirectedExporters) -> None:
        self._paths = paths
        self._misdirected = misdirected

    def __mapping__(self) -> Mapping[str, Handler]:
        return {path: Handler(self._refuse, Cardinality.UNARY_UNARY, bytes, Empty) for path in self._paths}

    async def _refuse(self, stream: Stream[Any, Any]) -> None:
        self._misdirected.report(_sender(stream), SPANS_AT_KEY_CHECK)
        raise GRPCError(
            Status.UNIMPLEMENTED, f"This port checks API keys. Spans go to port {self._misdirected.grpc_port}"
        )


def _sender(stream: Stream[Any, Any]) -> str:
    address = stream.peer.addr()
    return str(address[0]) if address else "unknown"
