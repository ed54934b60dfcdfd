"""Warnings about misdirected exporters: wrong port, path, format or key. The log says what to set."""

import time
from collections.abc import Callable
from typing import Any

import attrs
import structlog
from google.protobuf.message import Message

from transports.refused_exports import RefusedExports

log = structlog.get_logger(__name__)

_SECONDS = 60.0
_MOST = 256  # pairs of sender and fault in that time


@attrs.frozen
class Fault:
    """A mistake of an exporter and its cure; ``{http}`` and ``{grpc}`` are the studio's ports."""

    name: str
    cure: str


HTTP_AT_GRPC = Fault(
    "HTTP came to a port for gRPC",
    "send OTLP/HTTP to port {http}, path /v1/traces (OTEL_EXPORTER_OTLP_ENDPOINT=http://HOST:{http}), or speak gRPC to "
    "port {grpc} (OTEL_EXPORTER_OTLP_PROTOCOL=grpc)",
)
GRPC_AT_HTTP = Fault(
    "gRPC came to the port for HTTP",
    "send OTLP/gRPC to port {grpc} (OTEL_EXPORTER_OTLP_ENDPOINT=http://HOST:{grpc}), or speak HTTP to port {http} "
    "(OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf)",
)
SPANS_AT_KEY_CHECK = Fault("spans came to the port for key checks", "send OTLP/gRPC to port {grpc}")
TLS = Fault(
    "TLS came to a port without it",
    "write http:// and not https:// in the exporter's endpoint, and set insecure=True where it is asked for",
)
WRONG_PATH = Fault(
    "spans came to a path that takes none",
    "set OTEL_EXPORTER_OTLP_ENDPOINT=http://HOST:{http}, to which the SDK adds /v1/traces, or "
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://HOST:{http}/v1/traces, which it takes as it is",
)
OTHER_FORMAT = Fault(
    "spans came in the format of Zipkin or Jaeger",
    "export OTLP instead (OTEL_TRACES_EXPORTER=otlp), to http://HOST:{http}/v1/traces, or through an OpenTelemetry "
    "Collector that receives the other format",
)
UNREADABLE = Fault(
    "spans came in a content type or encoding that is not taken",
    "set OTEL_EXPORTER_OTLP_PROTOCOL=grpc or http/protobuf, and OTEL_EXPORTER_OTLP_COMPRESSION=gzip",
)
NO_KEY = Fault(
    "spans came without an API key",
    "set OTEL_EXPORTER_OTLP_HEADERS=x-junjo-api-key=KEY; POST /api_keys makes a key",
)
BAD_KEY = Fault(
    "spans came with an API key that will not do: unknown, ended, or without the scope ingest",
    "make a new key with POST /api_keys, and set OTEL_EXPORTER_OTLP_HEADERS=x-junjo-api-key=KEY",
)

# By the members of ``partial_success`` that count them.
_REJECTED = {"rejected_spans": "spans", "rejected_log_records": "log records", "rejected_data_points": "metrics"}


class MisdirectedExporters:
    """Warns once a minute of each fault of each sender.

    It remembers 256 such pairs in a minute and warns of no more, so that a flood fills neither memory nor the log.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Start with a clock in seconds. The ports are set once they are open."""
        self.http_port = 0
        self.grpc_port = 0
        self.refused = RefusedExports()  # all of them, for whoever asks
        self._now = now
        self._told: dict[tuple[str, str], float] = {}  # when, the longest ago first

    def report(self, sender: str, fault: Fault, **more: Any) -> None:  # noqa: ANN401 - fields of the line
        """Report a mistake of the exporter at this address. ``more`` must hold no secret."""
        cure = fault.cure.format(http=self.http_port, grpc=self.grpc_port)
        self.refused.note(sender, fault.name, cure, more.get("path"))
        now = self._now()
        self._forget_before(now - _SECONDS)
        if (sender, fault.name) in self._told or len(self._told) >= _MOST:
            return
        self._told[sender, fault.name] = now
        log.warning("an exporter needs other settings", sender=sender, fault=fault.name, cure=cure, **more)

    def report_rejected(self, sender: str, response: Message) -> None:
        """Keep what an answer says was not taken (``partial_success``). The log does not: the sender is told."""
        if not response.HasField("partial_success"):
            return
        partial = response.partial_success  # type: ignore[attr-defined]  # every response to an export has one
        for member, what in _REJECTED.items():
            if getattr(partial, member, 0):
                self.refused.note(sender, f"{what} were not stored", partial.error_message)

    def _forget_before(self, time: float) -> None:
        while self._told:
            pair, told = next(iter(self._told.items()))
            if told > time:
                return
            del self._told[pair]
