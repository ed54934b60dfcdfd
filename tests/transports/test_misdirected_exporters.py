"""Warnings about misdirected exporters: rare and bounded."""

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from structlog.testing import capture_logs

from transports.misdirected_exporters import GRPC_AT_HTTP, HTTP_AT_GRPC, NO_KEY, MisdirectedExporters
from transports.refused_exports import MOST

pytestmark = pytest.mark.unit


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_sender_is_told_once_a_minute_of_each_fault() -> None:
    clock = Clock()
    misdirected = MisdirectedExporters(clock)
    with capture_logs() as lines:
        for _ in range(3):
            misdirected.report("10.0.0.1", NO_KEY)
            misdirected.report("10.0.0.2", NO_KEY)
            misdirected.report("10.0.0.1", HTTP_AT_GRPC)
            clock.seconds += 19
    assert [(line["sender"], line["fault"]) for line in lines] == [
        ("10.0.0.1", NO_KEY.name),
        ("10.0.0.2", NO_KEY.name),
        ("10.0.0.1", HTTP_AT_GRPC.name),
    ]
    clock.seconds += 5
    with capture_logs() as lines:
        misdirected.report("10.0.0.1", NO_KEY)
    assert [line["log_level"] for line in lines] == ["warning"]


def test_the_cure_names_the_ports() -> None:
    misdirected = MisdirectedExporters()
    misdirected.http_port, misdirected.grpc_port = 4001, 4002
    with capture_logs() as lines:
        misdirected.report("::1", GRPC_AT_HTTP, path="/x")
    [line] = lines
    assert line["event"] == "an exporter needs other settings"
    assert "http://HOST:4002" in line["cure"]
    assert "port 4001" in line["cure"]
    assert line["path"] == "/x"


def test_all_refusals_are_kept_for_whoever_asks_the_latest_first() -> None:
    misdirected = MisdirectedExporters()
    misdirected.http_port, misdirected.grpc_port = 4001, 4002
    for sender, fault in (("::1", NO_KEY), ("::2", GRPC_AT_HTTP), ("::1", NO_KEY)):
        misdirected.report(sender, fault, path=f"/{'k' * 64}")
    first, second = misdirected.refused.latest()
    assert (first.sender, first.fault, first.times) == ("::1", NO_KEY.name, 2)
    assert first.first_at <= second.first_at <= first.last_at
    assert (second.sender, second.times, second.path) == ("::2", 1, "/***")
    assert "http://HOST:4002" in second.cure


def test_what_was_not_stored_is_kept_too() -> None:
    misdirected = MisdirectedExporters()
    misdirected.report_rejected("::1", ExportTraceServiceResponse())
    assert misdirected.refused.latest() == []
    partial = ExportTracePartialSuccess(rejected_spans=2, error_message="2 span(s) rejected: because")
    misdirected.report_rejected("::1", ExportTraceServiceResponse(partial_success=partial))
    [kept] = misdirected.refused.latest()
    assert (kept.fault, kept.cure, kept.path) == ("spans were not stored", "2 span(s) rejected: because", None)


@pytest.mark.security
def test_a_flood_fills_neither_memory_nor_the_log() -> None:
    clock = Clock()
    misdirected = MisdirectedExporters(clock)
    with capture_logs() as lines:
        for number in range(100_000):
            misdirected.report(f"fd00::{number:x}", NO_KEY)
    assert len(lines) == len(misdirected._told) == 256
    assert [each.sender for each in misdirected.refused.latest()][:2] == ["fd00::1869f", "fd00::1869e"]
    assert len(misdirected.refused.latest()) == MOST
    clock.seconds += 61
    with capture_logs() as lines:
        misdirected.report("10.0.0.1", NO_KEY)
    assert [line["sender"] for line in lines] == ["10.0.0.1"]
    assert len(misdirected._told) == 1
