"""Rows of lists in the console, and spans that come into them."""

import time

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from playwright.async_api import Locator, Page

from tests.console.stage import RECORDINGS


def rows(page: Page) -> Locator:
    """Those of a list of traces or spans that are in the document."""
    return page.locator(".trace-list-row")


def recorded_now(name: str, salt: int) -> bytes:
    """A recording as if it had been made now, its traces new ones."""
    request = ExportTraceServiceRequest.FromString((RECORDINGS / f"instrumentations/{name}.bin").read_bytes())
    spans = [span for r in request.resource_spans for s in r.scope_spans for span in s.spans]
    later = time.time_ns() - max(span.end_time_unix_nano for span in spans)
    for span in spans:
        span.trace_id = span.trace_id[:12] + salt.to_bytes(4, "big")
        span.start_time_unix_nano += later
        span.end_time_unix_nano += later
    return request.SerializeToString()
