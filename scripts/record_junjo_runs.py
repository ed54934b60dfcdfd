"""Runs a program of the installed junjo and records its spans, for tests.

    python -m scripts.record_junjo_runs FILE
    python -m scripts.record_junjo_runs FILE --fan-out 40

A report is drafted and reviewed in a loop, a subflow has a subflow in it, a node asks an agent whose tool runs a
workflow of its own, and at the end one of three concurrent nodes fails while another one waits. It runs twice, and
drafts once more the second time. With ``--fan-out`` one run has so many nodes side by side instead. FILE is an
ExportTraceServiceRequest in protobuf.
"""

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from junjo import (
    Agent,
    AgentRunContext,
    BaseState,
    BaseStore,
    Condition,
    Edge,
    Graph,
    ModelDriverBinding,
    ModelDriverDescriptor,
    Node,
    RunConcurrent,
    Subflow,
    Tool,
    Workflow,
)
from junjo.agent.testing import ScriptedModelDriver
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel, Field

_TRACER = trace.get_tracer("report")


class ReportState(BaseState):
    wanted: int = 2
    drafts: list[str] = Field(default_factory=list)
    approved: bool = False
    sources: dict[str, int] = Field(default_factory=dict)
    answer: str | None = None
    sent: int = 0


class ReportStore(BaseStore[ReportState]):
    async def add_draft(self, text: str) -> None:
        state = await self.get_state()
        await self.set_state({"drafts": [*state.drafts, text]})

    async def approve(self) -> None:
        await self.set_state({"approved": True})

    async def add_source(self, name: str, pages: int) -> None:
        state = await self.get_state()
        await self.set_state({"sources": {**state.sources, name: pages}})

    async def set_answer(self, answer: str) -> None:
        await self.set_state({"answer": answer})

    async def count_sent(self) -> None:
        state = await self.get_state()
        await self.set_state({"sent": state.sent + 1})


class Draft(Node[ReportStore]):
    async def service(self, store: ReportStore) -> None:
        state = await store.get_state()
        with _TRACER.start_as_current_span("write draft") as span:
            span.set_attributes(
                {
                    "gen_ai.operation.name": "chat",
                    "gen_ai.request.model": "gpt-4o",
                    "gen_ai.usage.input_tokens": 100 * (1 + len(state.drafts)),
                    "gen_ai.usage.output_tokens": 20,
                }
            )
            await store.add_draft(f"draft {len(state.drafts) + 1}")


class Review(Node[ReportStore]):
    async def service(self, store: ReportStore) -> None:
        state = await store.get_state()
        if len(state.drafts) >= state.wanted:
            await store.approve()


class Approved(Condition[ReportState]):
    def evaluate(self, state: ReportState) -> bool:
        return state.approved


class SearchState(BaseState):
    found: list[str] = Field(default_factory=list)


class SearchStore(BaseStore[SearchState]):
    async def find(self, name: str) -> None:
        state = await self.get_state()
        await self.set_state({"found": [*state.found, name]})


class Look(Node[SearchStore]):
    async def service(self, store: SearchStore) -> None:
        await store.find("atlas")


class Read(Node[SearchStore]):
    async def service(self, store: SearchStore) -> None:
        await store.find("almanac")


class Archive(Subflow[SearchState, SearchStore, SearchState, SearchStore]):
    """A subflow of a subflow."""

    async def pre_run_actions(self, parent_store: SearchStore, subflow_store: SearchStore) -> None:
        pass

    async def post_run_actions(self, parent_store: SearchStore, subflow_store: SearchStore) -> None:
        for name in (await subflow_store.get_state()).found:
            await parent_store.find(name)


class Research(Subflow[SearchState, SearchStore, ReportState, ReportStore]):
    async def pre_run_actions(self, parent_store: ReportStore, subflow_store: SearchStore) -> None:
        pass

    async def post_run_actions(self, parent_store: ReportStore, subflow_store: SearchStore) -> None:
        for name in (await subflow_store.get_state()).found:
            await parent_store.add_source(name, len(name))


class Question(BaseModel):
    text: str


class Count(Node[SearchStore]):
    async def service(self, store: SearchStore) -> None:
        await store.find("counted")


async def count(wanted: Question, _: AgentRunContext[Any, Any]) -> str:
    graph = one_node(Count)
    await Workflow(name="Counting", graph_factory=graph, store_factory=search_store).execute()
    return f"two {wanted.text}"


def agent() -> Agent[Any, Any, Any, Any, Any]:
    script = [
        {"v": 1, "type": "tool_calls", "calls": [call("c1", "sources"), call("c2", "pages")]},
        {"v": 1, "type": "final_output", "output": "two sources"},
    ]
    return Agent(
        key="librarian",
        name="Librarian",
        instructions="Count what is asked for.",
        input_type=Question,
        model=ModelDriverBinding(
            descriptor=ModelDriverDescriptor(driver_key="scripted", provider="demo", model="demo-1", fixture=True),
            factory=lambda: ScriptedModelDriver(script),
        ),
        tools=[
            Tool(name="count", description="Counts", input_type=Question, output_type=str, shared_service=count),
        ],
        output_type=str,
    )


def call(name: str, text: str) -> dict[str, object]:
    return {"id": name, "name": "count", "arguments": {"text": text}}


class Ask(Node[ReportStore]):
    async def service(self, store: ReportStore) -> None:
        result = await agent().execute(Question(text="sources"), dependencies=None)
        await store.set_answer(str(result.output))


class SendMail(Node[ReportStore]):
    async def service(self, store: ReportStore) -> None:
        await store.count_sent()


class SendFax(Node[ReportStore]):
    async def service(self, _: ReportStore) -> None:
        await asyncio.sleep(0.01)
        raise ConnectionError("nobody has a fax")


class SendPigeon(Node[ReportStore]):
    async def service(self, _: ReportStore) -> None:
        await asyncio.sleep(60)


def search_store() -> SearchStore:
    return SearchStore(SearchState())


def one_node(kind: type[Node[Any]]) -> Callable[[], Graph]:
    def graph() -> Graph:
        node = kind()
        return Graph(source=node, sinks=[node], edges=[])

    return graph


def research_graph() -> Graph:
    look, archive = Look(), Archive(graph_factory=one_node(Read), store_factory=search_store)
    return Graph(source=look, sinks=[archive], edges=[Edge(tail=look, head=archive)])


def report_graph() -> Graph:
    draft, review, ask = Draft(), Review(), Ask()
    research = Research(graph_factory=research_graph, store_factory=search_store)
    send = RunConcurrent(name="Send", items=[SendMail(), SendFax(), SendPigeon()])
    edges = [
        Edge(tail=draft, head=review),
        Edge(tail=review, head=research, condition=Approved()),
        Edge(tail=review, head=draft),
        Edge(tail=research, head=ask),
        Edge(tail=ask, head=send),
    ]
    return Graph(source=draft, sinks=[send], edges=edges)


async def run(wanted: int) -> None:
    """One report; it fails at its end."""
    report = Workflow(
        name="Report",
        graph_factory=report_graph,
        store_factory=lambda: ReportStore(ReportState(wanted=wanted)),
    )
    try:
        await report.execute()
    except Exception as fault:  # noqa: BLE001 - whatever junjo makes of it
        print(f"{type(fault).__name__}: {fault} {fault.__cause__}")


def fan_out_graph(wide: int) -> Callable[[], Graph]:
    def graph() -> Graph:
        send = RunConcurrent(name="Send", items=[SendMail() for _ in range(wide)])
        return Graph(source=send, sinks=[send], edges=[])

    return graph


async def fan_out(wide: int) -> None:
    await Workflow(
        name="Mailing", graph_factory=fan_out_graph(wide), store_factory=lambda: ReportStore(ReportState())
    ).execute()


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--fan-out", type=int, metavar="N")
    chosen = parser.parse_args()
    spans = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "report"}))
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    if chosen.fan_out:
        await fan_out(chosen.fan_out)
    else:
        await run(2)
        await run(3)
    request = encode_spans(spans.get_finished_spans())
    forget_places(request)
    await asyncio.to_thread(chosen.file.write_bytes, request.SerializeToString())


def forget_places(request: ExportTraceServiceRequest) -> None:
    """Stack traces say where files lie on this machine."""
    spans = (span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans)
    for attribute in (each for span in spans for event in span.events for each in event.attributes):
        if attribute.key == "exception.stacktrace":
            attribute.value.string_value = "Traceback (most recent call last): …"


if __name__ == "__main__":
    asyncio.run(main())
