"""How long do the views of one trace take, and how large is its outline?

A trace of many spans is made of an agent's traces of ten spans, under a root of its own; another one has a span of the
SDK below each of its model calls, so that which of the two counts depends on their content. The studio is a process of
its own; times are those of a client that accepts gzip, to the end of each answer.

Run from the repository: ``uv run python -m scripts.bench_trace_views``.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import attrs
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans

from scripts.load.figures import percentile
from scripts.load.machine import machine
from scripts.load.own_studio import HOST, OwnStudio
from scripts.load.payloads import Payloads
from scripts.load.senders import SENDERS

SERVICE = "views"
SPANS_A_REQUEST = 500
TRACES = "/api/v1/observability/traces"
WARM_UP = 3  # reads of each kind
HEAD = "| view | answer, gzip | p50 ms | p95 ms | max ms |\n|---|---|---|---|---|"


@attrs.frozen
class Trace:
    """A trace to be made. ``ids`` are those of its spans so far."""

    number: int
    doubled: bool  # each call is told of by the SDK, too
    ids: list[str] = attrs.field(factory=list)

    @property
    def id(self) -> bytes:
        return self.number.to_bytes(16, "big")

    @property
    def root(self) -> bytes:
        return self.number.to_bytes(8, "big")

    def requests(self, spans: int) -> Iterator[bytes]:
        payloads = Payloads(SPANS_A_REQUEST)
        while len(self.ids) < spans:
            request = ExportTraceServiceRequest.FromString(payloads.make(SERVICE).body)
            [scope] = request.resource_spans[0].scope_spans
            self._take(scope, is_first=not self.ids)
            if self.doubled:
                request.resource_spans[0].scope_spans.append(_of_sdk(scope))
            self.ids.extend(span.span_id.hex() for each in request.resource_spans[0].scope_spans for span in each.spans)
            yield request.SerializeToString()

    def _take(self, scope: ScopeSpans, *, is_first: bool) -> None:
        """Make its spans those of this trace."""
        for span in scope.spans:
            span.trace_id = self.id
            span.parent_span_id = span.parent_span_id or self.root
        if is_first:
            begin = min(span.start_time_unix_nano for span in scope.spans)
            end = max(span.end_time_unix_nano for span in scope.spans)
            scope.spans.add(
                trace_id=self.id, span_id=self.root, name="run", start_time_unix_nano=begin, end_time_unix_nano=end
            )


def _of_sdk(scope: ScopeSpans) -> ScopeSpans:
    """A span inside of each call, of the same model and tokens, without content."""
    made = ScopeSpans()
    made.scope.name = "sdk"
    for span in scope.spans:
        kept = [each for each in span.attributes if each.key.startswith("llm.") and "messages" not in each.key]
        if kept:
            inner = made.spans.add(trace_id=span.trace_id, span_id=bytes(reversed(span.span_id)), name="sdk call")
            inner.parent_span_id = span.span_id
            inner.start_time_unix_nano, inner.end_time_unix_nano = span.start_time_unix_nano, span.end_time_unix_nano
            inner.attributes.add(key="openinference.span.kind").value.string_value = "LLM"
            inner.attributes.extend(kept)
    return made


@attrs.frozen
class View:
    """One view, and how long each read of it took."""

    name: str
    paths: list[str]  # that take turns
    seconds: list[float] = attrs.field(factory=list)
    sizes: set[int] = attrs.field(factory=set)

    def read(self, connection: HTTPConnection, cookie: str, number: int) -> None:
        path = f"{TRACES}/{self.paths[number % len(self.paths)]}"
        began = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": cookie, "Accept-Encoding": "gzip"})
        response = connection.getresponse()
        body = response.read()
        self.seconds.append(time.perf_counter() - began)
        self.sizes.add(len(body))
        if response.status != 200:
            raise AssertionError(f"{path}: {response.status} {body[:300]!r}")

    def row(self) -> str:
        ascending = sorted(self.seconds[WARM_UP:])
        figures = (percentile(ascending, 0.5), percentile(ascending, 0.95), ascending[-1])
        times = " | ".join(f"{seconds * 1000:.1f}" for seconds in figures)
        return f"| {self.name} | {max(self.sizes):,} bytes | {times} |"


def views(trace: Trace, name: str) -> list[View]:
    path, some = trace.id.hex(), trace.ids[:: max(1, len(trace.ids) // 50)]
    return [
        View(f"{name}: outline", [f"{path}/outline"]),
        View(f"{name}: all spans", [path]),
        View(f"{name}: detail of a span", [f"{path}/spans/{span}/detail" for span in some]),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=20_000)
    parser.add_argument("--reads", type=int, default=30, help="of each view")
    options = parser.parse_args()
    traces = {
        "small": (Trace(1, doubled=False), 1),
        "large": (Trace(2, doubled=False), options.spans),
        "large, told of twice": (Trace(3, doubled=True), options.spans),
    }
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        studio = stack.enter_context(OwnStudio(Path(folder) / "data"))
        with closing(SENDERS["http"](studio, studio.sign_up())) as sender:
            for trace, spans in traces.values():
                for request in trace.requests(spans):
                    sender.send(request)
        connection = stack.enter_context(closing(HTTPConnection(HOST, studio.http_port)))
        every = [view for name, (trace, _) in traces.items() for view in views(trace, name)]
        for number in range(WARM_UP + options.reads):
            for view in every:
                view.read(connection, studio.cookie, number)
    print(f"{machine()}; traces of {', '.join(str(len(trace.ids)) for trace, _ in traces.values())} spans\n\n{HEAD}")
    print("\n".join(view.row() for view in every))
    return 0


if __name__ == "__main__":
    sys.exit(main())
