"""A program that runs agents of junjo as its users do, exported to a studio over OTLP/HTTP. Run by a test.

Arguments: the studio's address and an API key. Prints the runtime ids of what ran as JSON.

An agent plans a trip: its tool runs a workflow, and both work on one store. Another one asks for a tool that it does
not have, and a third one is cancelled while its model thinks.
"""

import asyncio
import json
import sys
from contextlib import suppress

from junjo import BaseState, BaseStore, Edge, Graph, Node, Workflow
from junjo.agent import (
    Agent,
    AgentRunContext,
    AgentUnknownToolError,
    FinalOutputResponse,
    ModelDriverBinding,
    ModelDriverDescriptor,
    ModelRequest,
    ModelUsage,
    Tool,
    ToolCall,
    ToolCallsResponse,
)
from junjo.agent.testing import ScriptedModelDriver
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


class TripState(BaseState):
    city: str | None = None
    sights: list[str] = []


class TripStore(BaseStore[TripState]):
    async def set_city(self, city: str) -> None:
        await self.set_state({"city": city})

    async def add_sight(self, sight: str) -> None:
        state = await self.get_state()
        await self.set_state({"sights": [*state.sights, sight]})


class FindSights(Node[TripStore]):
    async def service(self, store: TripStore) -> None:
        await store.add_sight("the castle")
        await store.add_sight("the sea")


class Done(Node[TripStore]):
    async def service(self, store: TripStore) -> None:
        await store.get_state()


class Thinking:
    """A model that never answers."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def request(self, _: ModelRequest) -> object:
        self.asked.set()
        await asyncio.Event().wait()
        return None


def sights_graph() -> Graph:
    find, done = FindSights(), Done()
    return Graph(source=find, sinks=[done], edges=[Edge(find, done)])


def agent(key: str, driver: object, *tools: Tool) -> Agent:
    model = ModelDriverBinding(
        descriptor=ModelDriverDescriptor(driver_key="scripted", provider="demo", model="demo-1", fixture=True),
        shared_driver=driver,
    )
    return Agent(
        key=key,
        name=f"The {key}",
        instructions="Plan a trip.",
        input_type=str,
        model=model,
        tools=tools,
        output_type=str,
        store_factory=lambda: TripStore(TripState()),
    )


async def planned() -> dict[str, str]:
    ran: dict[str, str] = {}

    async def plan(arguments: dict[str, str], context: AgentRunContext) -> str:
        await context.store.set_city(arguments["city"])
        workflow = Workflow(graph_factory=sights_graph, store_factory=lambda: TripStore(TripState()), name="Sights")
        result = await workflow.execute(store=context.store)
        ran["workflow"] = result.run_id
        return ", ".join(result.state.sights)

    tool = Tool(name="plan", description="Plan a city", input_type=dict[str, str], output_type=str, shared_service=plan)
    usage = ModelUsage(input_tokens=100, output_tokens=20)
    script = [
        ToolCallsResponse(tool_calls=[ToolCall(id="c1", name="plan", arguments={"city": "Lisbon"})], usage=usage),
        FinalOutputResponse(output="Go to Lisbon", usage=usage),
    ]
    result = await agent("planner", ScriptedModelDriver(script), tool).execute("Where to?", dependencies=None)
    return ran | {"planner": result.run_id}


async def confused() -> None:
    script = [ToolCallsResponse(tool_calls=[ToolCall(id="c1", name="fly", arguments={})])]
    with suppress(AgentUnknownToolError):
        await agent("confused", ScriptedModelDriver(script)).execute("Where to?", dependencies=None)


async def interrupted() -> None:
    model = Thinking()
    run = asyncio.create_task(agent("interrupted", model).execute("Where to?", dependencies=None))
    await model.asked.wait()
    run.cancel()
    with suppress(asyncio.CancelledError):
        await run


async def main(address: str, key: str) -> None:
    names = {"service.name": "trip desk", "service.namespace": "travel", "service.version": "1.4.0"}
    provider = TracerProvider(resource=Resource.create(names))
    exporter = OTLPSpanExporter(f"{address}/v1/traces", headers={"x-junjo-api-key": key})
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    ran = await planned()
    await confused()
    await interrupted()
    await asyncio.to_thread(provider.shutdown)
    print(json.dumps(ran))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
