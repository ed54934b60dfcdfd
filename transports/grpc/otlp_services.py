"""The OTLP services: spans and their log records are stored, metrics are counted and discarded.

The package opentelemetry-proto has no grpclib stubs, so the mappings are here. A request type of ``bytes`` gives the
handlers the serialised request, which ``transports.otlp.decode`` decodes off the event loop.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

from google.protobuf.message import Message
from grpclib.const import Cardinality, Handler
from grpclib.server import Stream
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from actors.key_registry.messages import ApiKey
from actors.principal import Scope
from actors.runtime.bus import Bus
from transports.api_key import require_key
from transports.grpc.config import GrpcConfig
from transports.grpc.message_reader import trust
from transports.grpc.metadata import headers_of
from transports.grpc.misdirected import note_rejected
from transports.otlp.decode import receive_traces
from transports.otlp.decode_logs import receive_logs
from transports.otlp.discarded import METRICS, Signal, discard
from transports.otlp.request import Receive

OTLP = "/opentelemetry.proto.collector."
EXPORTS = tuple(
    f"{OTLP}{name}/Export" for name in ("trace.v1.TraceService", "metrics.v1.MetricsService", "logs.v1.LogsService")
)

Export: TypeAlias = Callable[[Stream[bytes, Any]], Coroutine[Any, Any, None]]


class OtlpService:
    """One of OTLP's collector services, each of which has the single method ``Export``."""

    def __init__(self, name: str, export: Export, response: type[Message]) -> None:
        self._path = f"{OTLP}{name}/Export"
        self._handler = Handler(export, Cardinality.UNARY_UNARY, bytes, response)

    def __mapping__(self) -> Mapping[str, Handler]:
        return {self._path: self._handler}


def trace_service(bus: Bus, config: GrpcConfig) -> OtlpService:
    """The service that stores spans; it answers after they are durable."""
    export = _storing(bus, config, receive_traces)
    return OtlpService("trace.v1.TraceService", export, ExportTraceServiceResponse)


def logs_service(bus: Bus, config: GrpcConfig) -> OtlpService:
    """The service that stores log records of spans, and rejects all others; it answers after they are durable."""
    export = _storing(bus, config, receive_logs)
    return OtlpService("logs.v1.LogsService", export, ExportLogsServiceResponse)


def metrics_service(bus: Bus, config: GrpcConfig) -> OtlpService:
    """The service that counts and discards metrics, which older Junjo SDKs send along."""
    return _discarding(bus, "metrics.v1.MetricsService", METRICS, config)


async def _admit(bus: Bus, stream: Stream[bytes, Any]) -> ApiKey:
    """Require a key with scope ``ingest``, and take large messages on its connection from then on."""
    key = await require_key(bus, headers_of(stream), Scope.INGEST)
    trust(stream)
    return key


def _storing(bus: Bus, config: GrpcConfig, receive: Receive) -> Export:
    async def export(stream: Stream[bytes, Any]) -> None:
        key = await _admit(bus, stream)
        count = None if config.key_rate is None else config.key_rate.admit(key.id)  # before anything is read
        body = await stream.recv_message()
        response = await receive(bus, body or b"", decoder=config.decoder, count=count)
        note_rejected(config.misdirected, stream, response)
        await stream.send_message(response)

    return export


def _discarding(bus: Bus, name: str, signal: Signal, config: GrpcConfig) -> OtlpService:
    async def export(stream: Stream[bytes, Any]) -> None:
        await _admit(bus, stream)
        body = await stream.recv_message()
        response = await discard(signal, body or b"", json=False, decoder=config.decoder)
        note_rejected(config.misdirected, stream, response)
        await stream.send_message(response)

    return OtlpService(name, export, signal.response)
