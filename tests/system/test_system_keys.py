"""The settings of keys in a whole studio."""

from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace.export import SpanExportResult

from scripts.load.own_studio import HOST, OwnStudio
from tests.system.stage import batch_of_spans

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]


def test_a_key_has_one_rate_over_both_protocols(data_dir: Path) -> None:
    with OwnStudio(data_dir, JUNJO_KEY_SPANS_PER_SECOND="1") as studio:
        headers = {"x-junjo-api-key": studio.sign_up()}
        over_http = HttpExporter(f"http://{HOST}:{studio.http_port}/v1/traces", headers=headers, timeout=5)
        over_grpc = GrpcExporter(f"http://{HOST}:{studio.otlp_port}", insecure=True, headers=headers, timeout=5)
        results = [exporter.export(batch_of_spans()) for exporter in (over_http, over_grpc, over_http)]
        for exporter in (over_http, over_grpc):
            exporter.shutdown()
        assert results == [SpanExportResult.SUCCESS, SpanExportResult.FAILURE, SpanExportResult.FAILURE]
        assert len(studio.stored("program")) == 50


@pytest.mark.security
def test_keys_are_shown_whole_while_the_operator_says_so(data_dir: Path) -> None:
    with OwnStudio(data_dir, JUNJO_REVEAL_API_KEYS="true") as studio:
        key = studio.sign_up()
        assert [each["key"] for each in studio.rest("GET", "/api_keys").json] == [key]
        studio.kill()  # also when nothing was closed in order
    for variables in ({}, {"JUNJO_REVEAL_API_KEYS": "true"}):
        with OwnStudio(data_dir, **variables) as studio:
            studio.sign_in()
            assert [each["key"] for each in studio.rest("GET", "/api_keys").json] == [f"{key[:6]}…{key[-4:]}"]
            assert studio.terminate() == 0
