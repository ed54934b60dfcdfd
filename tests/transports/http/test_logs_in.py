"""Log records in over HTTP, with OpenTelemetry's own exporter and by hand."""

import asyncio
import gzip
import logging
from typing import Any

import orjson
import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from actors.span_store.columns.logs import StoredLog
from actors.span_store.messages import GetSpanLogs
from tests.http_studio import HttpStudio
from tests.spans import logs_request, otlp_log

pytestmark = pytest.mark.integration

PROTOBUF = "application/x-protobuf"
ANSWER: list[Any] = [{"role": "assistant", "parts": [{"type": "text", "content": "42"}]}]


def log_with_sdk(exporter: OTLPLogExporter, records: int) -> tuple[str, str]:
    """Write log records inside and outside of a span, as programs do; the ids of the span. Blocks."""
    provider = LoggerProvider(resource=Resource.create({"service.name": "sdk"}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = provider.get_logger("tests", "1", attributes={"a": 1})
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("tests")
    logger.emit(LogRecord(body="outside"))
    with tracer.start_as_current_span("call") as span:
        for number in range(records):
            logger.emit(
                LogRecord(
                    timestamp=1 + number,
                    severity_number=SeverityNumber.INFO,
                    severity_text="INFO",
                    event_name="gen_ai.client.inference.operation.details",
                    body={"messages": ANSWER},
                    attributes={"number": number},
                )
            )
    provider.shutdown()
    context = span.get_span_context()
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


async def logs_of(studio: HttpStudio, trace_id: str, span_id: str) -> tuple[StoredLog, ...]:
    return await studio.bus.ask(GetSpanLogs(trace_id=trace_id, span_id=span_id))


async def ready(studio: HttpStudio, *scopes: str) -> str:
    return await studio.make_key(await studio.set_up(), *scopes)


async def post(studio: HttpStudio, body: Any, *, media: str = PROTOBUF, **headers: str) -> Any:
    return await studio.call("POST", "/v1/logs", data=body, headers={"Content-Type": media} | headers)


@pytest.mark.parametrize("compression", list(Compression))
async def test_the_sdk_delivers_the_logs_of_a_span(
    studio: HttpStudio, compression: Compression, caplog: pytest.LogCaptureFixture
) -> None:
    key = await ready(studio)
    exporter = OTLPLogExporter(
        endpoint=f"http://127.0.0.1:{studio.port}/v1/logs",
        headers={"x-junjo-api-key": key},
        compression=compression,
        timeout=60,
    )
    with caplog.at_level(logging.WARNING):
        ids = await asyncio.to_thread(log_with_sdk, exporter, 700)
    found = await logs_of(studio, *ids)
    assert [each.time_unix_nano for each in found] == list(range(1, 701))
    first = found[0]
    assert first.event_name == "gen_ai.client.inference.operation.details"
    assert (first.service_name, first.severity_number, first.severity_text) == ("sdk", 9, "INFO")
    assert first.body_json is not None
    assert orjson.loads(first.body_json) == {"messages": ANSWER}
    assert orjson.loads(first.attributes_json) == {"number": 0}
    assert orjson.loads(first.scope_json)["attributes"] == {"a": 1}
    assert first.observed_time_unix_nano > 10**18


@pytest.mark.parametrize("media", [PROTOBUF, "application/json"])
async def test_a_record_outside_of_spans_is_rejected_with_a_sentence(studio: HttpStudio, media: str) -> None:
    key = await ready(studio)
    ids = {"traceId": f"{1:032x}", "spanId": f"{1:016x}"}
    stray = otlp_log(2)
    stray.ClearField("trace_id")
    stray.ClearField("span_id")
    body = logs_request(otlp_log(1), stray).SerializeToString()
    if media != PROTOBUF:
        body = orjson.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [ids, {"body": {"stringValue": "x"}}]}]}]})
    reply = await post(studio, gzip.compress(body), media=media, **{"x-junjo-api-key": key, "Content-Encoding": "gzip"})
    assert (reply.status, reply.headers["Content-Type"]) == (200, media)
    if media == PROTOBUF:
        partial = ExportLogsServiceResponse.FromString(reply.body).partial_success
        rejected, message = partial.rejected_log_records, partial.error_message
    else:
        rejected, message = (
            int(reply.json["partialSuccess"]["rejectedLogRecords"]),
            reply.json["partialSuccess"]["errorMessage"],
        )
    assert rejected == 1
    assert (
        message
        == "1 log record(s) rejected: only log records of a span are stored, which have its trace_id and span_id"
    )
    assert len(await logs_of(studio, f"{1:032x}", f"{1:016x}")) == 1


async def test_a_request_that_is_sent_again_stores_nothing_twice(studio: HttpStudio) -> None:
    key = await ready(studio)
    body = logs_request(otlp_log(1), otlp_log(2)).SerializeToString()
    for _ in range(3):
        assert (await post(studio, body, **{"x-junjo-api-key": key})).body == b""
    assert [each.event_name for each in await logs_of(studio, f"{1:032x}", f"{1:016x}")] == ["log 1", "log 2"]


@pytest.mark.security
async def test_logs_need_a_key_that_may_send(studio: HttpStudio) -> None:
    key = await ready(studio, "read")
    body = logs_request(otlp_log(1)).SerializeToString()
    assert (await post(studio, body)).status == 401
    assert (await post(studio, body, **{"x-junjo-api-key": key})).status == 403
    assert await logs_of(studio, f"{1:032x}", f"{1:016x}") == ()


async def test_what_is_no_logs_request_is_a_bad_one(studio: HttpStudio) -> None:
    key = await ready(studio)
    assert (await post(studio, b"\xff" * 100, **{"x-junjo-api-key": key})).status == 400
    assert (await post(studio, b"[", media="application/json", **{"x-junjo-api-key": key})).status == 400
    assert (await post(studio, b"x", media="text/plain", **{"x-junjo-api-key": key})).status == 415
