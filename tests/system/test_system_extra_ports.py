"""``JUNJO_OTLP_EXTRA_PORTS``: where exporters go by default, whichever protocol they speak."""

import json
import socket
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from scripts.load.own_studio import HOST, OwnStudio
from tests.system.stage import EXPORTERS, traced

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]


class Extra:
    """A studio as the exporters of ``tests.system.stage`` see it: both protocols at one port."""

    def __init__(self, port: int) -> None:
        self.otlp_port = self.http_port = port


def test_each_exporter_is_served_on_each_port(data_dir: Path) -> None:
    with OwnStudio(data_dir, JUNJO_OTLP_EXTRA_PORTS="0, 0") as studio:
        key = studio.sign_up()
        [started] = [json.loads(line) for line in studio.log.read_text().splitlines() if "studio started" in line]
        ports = started["extra_ports"]
        assert len(set(ports)) == 2
        for port in ports:
            for name, make in EXPORTERS.items():
                exporter: SpanExporter = make(Extra(port), key)  # type: ignore[arg-type] # it has what they ask for
                assert exporter.export(traced(f"{name}-{port}")) is SpanExportResult.SUCCESS
                exporter.shutdown()
        services = studio.rest("GET", "/api/v1/observability/services").json
        assert sorted(services) == sorted(f"{name}-{port}" for name in EXPORTERS for port in ports)
        assert studio.terminate() == 0
    assert {json.loads(line)["level"] for line in studio.log.read_text().splitlines()} == {"info"}


def test_an_open_connection_does_not_hold_up_the_stop(data_dir: Path) -> None:
    with OwnStudio(data_dir, JUNJO_OTLP_EXTRA_PORTS="0") as studio:
        [started] = [json.loads(line) for line in studio.log.read_text().splitlines() if "studio started" in line]
        with socket.create_connection((HOST, started["extra_ports"][0])):
            assert studio.terminate() == 0
