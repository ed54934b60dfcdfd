"""Real exporters at the wrong ports: what they are told, and what the log says."""

import json

import pytest
import requests
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from scripts.load.own_studio import HOST
from tests.system.conftest import Running
from tests.system.stage import traced
from transports import misdirected_exporters as faults

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]


def fails(exporter: SpanExporter) -> None:
    assert exporter.export(traced("stray")) is not SpanExportResult.SUCCESS
    exporter.shutdown()


def test_the_log_says_what_to_set(running: Running) -> None:
    studio, headers = running.studio, {"x-junjo-api-key": running.key}
    for _ in range(2):
        fails(HttpExporter(f"http://{HOST}:{studio.otlp_port}/v1/traces", headers=headers, timeout=20))
        fails(HttpExporter(f"http://{HOST}:{studio.http_port}/", headers=headers, timeout=20))
        for port in (studio.http_port, studio.grpc_port):
            fails(GrpcExporter(f"http://{HOST}:{port}", insecure=True, headers=headers, timeout=1))
    answer = requests.post(f"http://{HOST}:{studio.grpc_port}/v1/traces", data=b"", timeout=20)
    assert f"port {studio.http_port}," in answer.text
    assert studio.terminate() == 0
    lines = [json.loads(line) for line in studio.log.read_text().splitlines()]
    cures = {line["fault"]: line["cure"] for line in lines if line["level"] == "warning"}
    assert len(cures) == sum(line["level"] == "warning" for line in lines)
    assert set(cures) == {
        fault.name
        for fault in (
            faults.HTTP_AT_GRPC,
            faults.WRONG_PATH,
            faults.GRPC_AT_HTTP,
            faults.SPANS_AT_KEY_CHECK,
        )
    }
    assert f"http://HOST:{studio.http_port}/v1/traces" in cures[faults.WRONG_PATH.name]
    assert f"http://HOST:{studio.otlp_port}" in cures[faults.GRPC_AT_HTTP.name]
    assert running.key not in studio.log.read_text()
