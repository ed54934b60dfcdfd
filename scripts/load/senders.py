"""Clients that send prepared OTLP requests at little cost, so that the studio is what is measured."""

from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from typing import Protocol

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from scripts.load.own_studio import HOST

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_SECONDS = 120.0  # no answer for so long is a failure
# OTLP 1.11: after these an exporter sends the same request again.
_RETRYABLE_HTTP = frozenset((429, 502, 503, 504))
_RETRYABLE_GRPC = frozenset(("UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "CANCELLED", "ABORTED"))


class Receiver(Protocol):
    """A receiver of OTLP."""

    @property
    def http_port(self) -> int: ...

    @property
    def otlp_port(self) -> int:
        """The port of OTLP over gRPC."""


class NotAcknowledged(Exception):
    """The request was refused, or its outcome is unknown. ``retryable`` is OTLP's rule for such an answer.

    ``retry_after`` is the wait in seconds that the refusal asked for, if any.
    """

    def __init__(self, reason: str, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retryable = retryable
        self.retry_after = retry_after


class Sender(Protocol):
    """One client with one connection, used by one thread at a time. For a ``closing`` block."""

    def send(self, body: bytes) -> None:
        """Send, and return when the studio has acknowledged every span. Raises ``NotAcknowledged``."""

    def close(self) -> None: ...


class HttpSender:
    """OTLP/HTTP in protobuf over a connection that stays open."""

    def __init__(self, receiver: Receiver, key: str) -> None:
        self._connection = HTTPConnection(HOST, receiver.http_port, timeout=_SECONDS)
        self._headers = {"Content-Type": "application/x-protobuf", "x-junjo-api-key": key}

    def send(self, body: bytes) -> None:
        try:
            self._connection.request("POST", "/v1/traces", body, self._headers)
            response = self._connection.getresponse()
            answer = response.read()
        except (OSError, HTTPException) as fault:
            self._connection.close()  # the next request opens a new one
            raise NotAcknowledged(f"connection lost: {fault!r}", retryable=True) from fault
        if response.status != 200:
            raise NotAcknowledged(
                f"HTTP {response.status}",
                retryable=response.status in _RETRYABLE_HTTP,
                retry_after=_seconds(response.headers["Retry-After"]),
            )
        _demand_all(answer)

    def close(self) -> None:
        self._connection.close()


class GrpcSender:
    """OTLP/gRPC on a channel of its own; the messages are bytes on both sides."""

    def __init__(self, receiver: Receiver, key: str) -> None:
        # Channels to one address share a connection unless told otherwise.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        self._channel = grpc.insecure_channel(f"{HOST}:{receiver.otlp_port}", options)
        self._export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(EXPORT)
        self._metadata = (("x-junjo-api-key", key),)

    def send(self, body: bytes) -> None:
        try:
            answer = self._export(body, timeout=_SECONDS, metadata=self._metadata)
        except grpc.RpcError as fault:
            name = fault.code().name
            raise NotAcknowledged(
                f"{name}: {fault.details()}", retryable=name in _RETRYABLE_GRPC, retry_after=_retry_info(fault)
            ) from fault
        _demand_all(answer)

    def close(self) -> None:
        self._channel.close()


SENDERS: dict[str, Callable[[Receiver, str], Sender]] = {"http": HttpSender, "grpc": GrpcSender}


def _seconds(header: str | None) -> float | None:
    """The seconds of a ``Retry-After``; the studio sends no dates."""
    return None if header is None else float(header)


def _retry_info(fault: grpc.RpcError) -> float | None:
    """The delay in the status details of a refusal (OTLP 1.11, "OTLP/gRPC Throttling")."""
    for header in fault.trailing_metadata() or ():
        for detail in Status.FromString(header.value).details if header.key == "grpc-status-details-bin" else ():
            info = RetryInfo()
            if detail.Unpack(info):
                return float(info.retry_delay.ToNanoseconds()) / 1e9
    return None


def _demand_all(answer: bytes) -> None:
    """Raise ``NotAcknowledged`` when a successful answer rejects spans."""
    partial = ExportTraceServiceResponse.FromString(answer).partial_success
    if partial.rejected_spans:
        raise NotAcknowledged(f"{partial.rejected_spans} rejected: {partial.error_message}", retryable=False)
