"""OpenTelemetry's own exporters with every compression that they have."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from scripts.load.own_studio import HOST, OwnStudio

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]

_SERVICE = "packed"
_MANY = 2000  # spans of a request that is inflated by a thread


class Ended(SpanProcessor):
    """Keeps the spans that have ended."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


def spans_made(count: int) -> list[ReadableSpan]:
    ended = Ended()
    provider = TracerProvider(resource=Resource({"service.name": _SERVICE}), shutdown_on_exit=False)
    provider.add_span_processor(ended)
    tracer = provider.get_tracer("tests")
    for number in range(count):
        tracer.start_span(f"span {number}", attributes={"text": f"{number} " * 50}).end()
    return ended.spans


def over_http(compression: Compression) -> Callable[[OwnStudio, str], SpanExporter]:
    return lambda studio, key: HttpExporter(
        f"http://{HOST}:{studio.http_port}/v1/traces", headers={"x-junjo-api-key": key}, compression=compression
    )


def over_grpc(compression: grpc.Compression) -> Callable[[OwnStudio, str], SpanExporter]:
    return lambda studio, key: GrpcExporter(
        f"http://{HOST}:{studio.otlp_port}", insecure=True, headers={"x-junjo-api-key": key}, compression=compression
    )


EXPORTERS = [*map(over_http, Compression), *map(over_grpc, grpc.Compression)]


async def test_exporters_may_compress_as_they_can(data_dir: Path) -> None:
    assert {"Gzip", "Deflate"} <= {each.name for each in Compression} & {each.name for each in grpc.Compression}
    with await asyncio.to_thread(OwnStudio, data_dir) as studio:
        key = await asyncio.to_thread(studio.sign_up)
        sent = 0
        for make_exporter in EXPORTERS:
            exporter = make_exporter(studio, key)
            for count in (1, _MANY):
                outcome = await asyncio.to_thread(exporter.export, spans_made(count))
                assert outcome is SpanExportResult.SUCCESS
                sent += count
            exporter.shutdown()
        assert len(set(await asyncio.to_thread(studio.stored, _SERVICE))) == sent
