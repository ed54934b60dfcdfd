"""Log records in over gRPC, with OpenTelemetry's own exporter and by hand."""

import asyncio

import grpc
import grpc.aio
import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from actors.span_store.messages import GetSpanLogs
from tests.spans import logs_request, otlp_log
from tests.transports.grpc.conftest import Server, method

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]

PATH = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


def log_with_sdk(server: Server, records: int, compression: grpc.Compression) -> tuple[str, str]:
    """Write log records inside a span, as programs do; the ids of the span. Blocks."""
    headers = {"x-junjo-api-key": server.backend.key}
    exporter = OTLPLogExporter(
        f"http://{server.target}", insecure=True, timeout=20, headers=headers, compression=compression
    )
    provider = LoggerProvider(resource=Resource({"service.name": "sdk"}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = provider.get_logger("tests")
    with TracerProvider(shutdown_on_exit=False).get_tracer("tests").start_as_current_span("call") as span:
        for number in range(records):
            logger.emit(LogRecord(timestamp=1 + number, body="said " * 100, event_name="gen_ai.choice"))
    provider.shutdown()
    context = span.get_span_context()
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


@pytest.mark.parametrize("compression", list(grpc.Compression))
async def test_the_sdk_delivers_the_logs_of_a_span(otlp: Server, compression: grpc.Compression) -> None:
    trace_id, span_id = await asyncio.to_thread(log_with_sdk, otlp, 1000, compression)
    found = await otlp.backend.bus.ask(GetSpanLogs(trace_id=trace_id, span_id=span_id))
    assert [each.time_unix_nano for each in found] == list(range(1, 1001))
    assert {(each.event_name, each.service_name) for each in found} == {("gen_ai.choice", "sdk")}


async def test_a_record_outside_of_spans_is_rejected_and_the_others_are_kept(otlp: Server) -> None:
    stray = otlp_log(2)
    stray.ClearField("span_id")
    call, key = method(otlp.channel, PATH), (("x-junjo-api-key", otlp.backend.key),)
    answer = await call(logs_request(otlp_log(1), stray).SerializeToString(), metadata=key)
    partial = ExportLogsServiceResponse.FromString(answer).partial_success
    assert (partial.rejected_log_records, "span_id" in partial.error_message) == (1, True)
    assert len(await otlp.backend.bus.ask(GetSpanLogs(trace_id=f"{1:032x}", span_id=f"{1:016x}"))) == 1
    assert await call(b"", metadata=key) == b""


@pytest.mark.security
async def test_logs_need_a_key(otlp: Server) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await method(otlp.channel, PATH)(logs_request(otlp_log(1)).SerializeToString())
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_malformed_request_of_logs_is_a_bad_request(otlp: Server) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await method(otlp.channel, PATH)(b"\xff" * 100, metadata=(("x-junjo-api-key", otlp.backend.key),))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
