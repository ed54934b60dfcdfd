"""The exporter that programs really use, against the real route."""

import asyncio

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

from tests.http_studio import HttpStudio

pytestmark = pytest.mark.integration


def exporter_for(
    studio: HttpStudio, key: str, compression: Compression = Compression.Gzip, path: str = "/v1/traces"
) -> OTLPSpanExporter:
    return OTLPSpanExporter(
        endpoint=f"http://127.0.0.1:{studio.port}{path}",
        headers={"x-junjo-api-key": key},
        compression=compression,
        timeout=60,
    )


def send(exporter: OTLPSpanExporter, spans: int) -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": "exporter"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    for i in range(spans):
        with tracer.start_as_current_span(f"span {i}", attributes={"text": "x" * 1000}):
            pass
    provider.shutdown()


@pytest.mark.parametrize("compression", list(Compression))
async def test_every_span_of_the_exporter_arrives(studio: HttpStudio, compression: Compression) -> None:
    key = await studio.make_key(await studio.set_up())
    await asyncio.to_thread(send, exporter_for(studio, key, compression), 700)
    path = "/api/v1/observability/services/exporter/spans?limit=10000"
    spans = (await studio.call("GET", path, headers={"x-junjo-api-key": key})).json
    assert {span["name"] for span in spans} == {f"span {i}" for i in range(700)}
    assert len(spans) == 700


async def test_an_endpoint_with_a_slash_at_the_end_loses_nothing(studio: HttpStudio) -> None:
    key = await studio.make_key(await studio.set_up())
    await asyncio.to_thread(send, exporter_for(studio, key, path="/v1/traces/"), 3)
    path = "/api/v1/observability/services/exporter/spans"
    assert len((await studio.call("GET", path, headers={"x-junjo-api-key": key})).json) == 3


async def test_the_exporter_understands_a_refusal(studio: HttpStudio) -> None:
    await studio.set_up()
    exporter = exporter_for(studio, "no key")
    result = await asyncio.to_thread(exporter.export, [])
    exporter.shutdown()  # type: ignore[no-untyped-call]  # the exporter has no annotation there
    assert result is SpanExportResult.FAILURE
