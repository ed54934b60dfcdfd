"""What tests of the whole share: spans of real programs, and what a front end demands of them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import grpc
from jsonpatch import JsonPatch
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression as HttpCompression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from scripts.load.own_studio import OwnStudio
from tests.system.conftest import Running

BATCH = 50
SERVICE = "program"
WORKFLOWS = "/api/v1/observability/services/{}/workflows"
MakeExporter = Callable[[OwnStudio, str], SpanExporter]
SpanJson: TypeAlias = dict[str, Any]


def trace_of_the_workflow(running: Running, service: str) -> tuple[SpanJson, dict[str, SpanJson]]:
    """The one workflow span of a service, and all spans of its trace by name."""
    (workflow,) = running.studio.rest("GET", WORKFLOWS.format(service)).json
    spans = running.studio.rest("GET", f"/api/v1/observability/traces/{workflow['trace_id']}/spans").json
    by_name = {span["name"]: span for span in spans}
    assert len(by_name) == len(spans)
    return workflow, by_name


def replayed(flow: SpanJson, spans: dict[str, SpanJson]) -> Any:
    """What the state events of a flow's store make of its first state, in the order of time."""
    events = sorted(
        (
            event
            for span in spans.values()
            for event in span["events_json"]
            if event["name"] == "set_state" and event["attributes"]["junjo.store.id"] == flow["junjo_wf_store_id"]
        ),
        key=lambda event: event["timeUnixNano"],
    )
    assert events
    state = flow["junjo_wf_state_start"]
    for event in events:
        state = JsonPatch.from_string(event["attributes"]["junjo.state_json_patch"]).apply(state)
    return state


def demand_a_graph_that_can_be_drawn(graph: dict[str, Any]) -> dict[str, SpanJson]:
    """The form that the front end's schema demands; the nodes by label."""
    ids = {node["id"] for node in graph["nodes"]}
    assert isinstance(graph["v"], int)
    assert all(isinstance(node["type"], str) and isinstance(node["label"], str) for node in graph["nodes"])
    for edge in graph["edges"]:
        assert {edge["source"], edge["target"]} <= ids
        assert edge["type"] in ("explicit", "subflow")
        assert edge["condition"] is None or isinstance(edge["condition"], str)
        assert (edge["subflowId"] is None) == (edge["type"] == "explicit")
    for node in graph["nodes"]:
        assert set(node.get("children", ())) <= ids
    return {node["label"]: node for node in graph["nodes"]}


class Batch(SpanProcessor):
    """Keeps the spans that have ended."""

    def __init__(self) -> None:
        self.ended: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)


def batch_of_spans() -> Sequence[ReadableSpan]:
    batch = Batch()
    provider = TracerProvider(resource=Resource({"service.name": SERVICE}), shutdown_on_exit=False)
    provider.add_span_processor(batch)
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span("root"):
        for number in range(1, BATCH):
            tracer.start_span(f"span {number}", attributes={"text": "x" * 500}).end()
    return batch.ended


def traced(service: str) -> Sequence[ReadableSpan]:
    """Two spans that a program made: a question and, inside it, a call of a model."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": service}))
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span("question"), tracer.start_as_current_span("ChatCompletion") as call:
        call.set_attributes(
            {"openinference.span.kind": "LLM", "input.value": "Why? " * 100, "llm.token_count.total": 7}
        )
    provider.shutdown()
    return kept.get_finished_spans()


def over_grpc(compression: grpc.Compression) -> MakeExporter:
    return lambda studio, key: GrpcExporter(
        f"http://127.0.0.1:{studio.otlp_port}",
        insecure=True,
        headers={"x-junjo-api-key": key},
        compression=compression,
    )


def over_http(compression: HttpCompression) -> MakeExporter:
    return lambda studio, key: HttpExporter(
        f"http://127.0.0.1:{studio.http_port}/v1/traces",
        headers={"Authorization": f"Bearer {key}"},
        compression=compression,
    )


EXPORTERS = {
    "grpc-plain": over_grpc(grpc.Compression.NoCompression),
    "grpc-gzip": over_grpc(grpc.Compression.Gzip),
    "http-plain": over_http(HttpCompression.NoCompression),
    "http-gzip": over_http(HttpCompression.Gzip),
}
