"""A program that uses junjo as its users do: a workflow that plans a trip, exported to a studio. Run by a test.

Arguments: the studio's OTLP/gRPC endpoint, an API key, the service name. Prints the final state as JSON.
"""

import asyncio
import sys

from junjo import BaseState, BaseStore, Condition, Edge, Graph, Node, RunConcurrent, Subflow, Workflow
from junjo.telemetry.junjo_otel_exporter import JunjoOtelExporter
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider


class TripState(BaseState):
    city: str | None = None
    weather: str | None = None
    sights: list[str] = []
    budget: int | None = None


class TripStore(BaseStore[TripState]):
    async def set_city(self, city: str) -> None:
        await self.set_state({"city": city})

    async def set_weather(self, weather: str) -> None:
        await self.set_state({"weather": weather})

    async def add_sight(self, sight: str) -> None:
        state = await self.get_state()
        await self.set_state({"sights": [*state.sights, sight]})

    async def set_budget(self, budget: int) -> None:
        await self.set_state({"budget": budget})


class BudgetState(BaseState):
    nights: int = 0
    total: int = 0


class BudgetStore(BaseStore[BudgetState]):
    async def set_nights(self, nights: int) -> None:
        await self.set_state({"nights": nights})

    async def add(self, amount: int) -> None:
        state = await self.get_state()
        await self.set_state({"total": state.total + amount})


class CityIsKnown(Condition[TripState]):
    def evaluate(self, state: TripState) -> bool:
        return state.city is not None


class ReadRequest(Node[TripStore]):
    async def service(self, store: TripStore) -> None:
        await store.set_city("Lisbon")


class AskForCity(Node[TripStore]):
    async def service(self, store: TripStore) -> None:
        raise AssertionError("the city is known")


class FetchWeather(Node[TripStore]):
    async def service(self, store: TripStore) -> None:
        await store.set_weather("sunny")


class FindSights(Node[TripStore]):
    async def service(self, store: TripStore) -> None:
        await store.add_sight("Torre de Belém")
        await store.add_sight("Castelo de São Jorge")


class PriceHotel(Node[BudgetStore]):
    async def service(self, store: BudgetStore) -> None:
        state = await store.get_state()
        await store.add(120 * state.nights)


class AddMeals(Node[BudgetStore]):
    async def service(self, store: BudgetStore) -> None:
        await store.add(200)


class EstimateBudget(Subflow[BudgetState, BudgetStore, TripState, TripStore]):
    async def pre_run_actions(self, parent_store: TripStore, subflow_store: BudgetStore) -> None:
        await subflow_store.set_nights(3)

    async def post_run_actions(self, parent_store: TripStore, subflow_store: BudgetStore) -> None:
        await parent_store.set_budget((await subflow_store.get_state()).total)


class WritePlan(Node[TripStore]):
    async def service(self, store: TripStore) -> None:
        await store.add_sight("the sea")


def budget_graph() -> Graph:
    hotel, meals = PriceHotel(), AddMeals()
    return Graph(source=hotel, sinks=[meals], edges=[Edge(hotel, meals)])


def trip_graph() -> Graph:
    read, ask, plan = ReadRequest(), AskForCity(), WritePlan()
    gather = RunConcurrent("Gather", [FetchWeather(), FindSights()])
    budget = EstimateBudget(graph_factory=budget_graph, store_factory=lambda: BudgetStore(BudgetState()))
    edges = [
        Edge(read, gather, CityIsKnown()),
        Edge(read, ask),
        Edge(ask, plan),
        Edge(gather, budget),
        Edge(budget, plan),
    ]
    return Graph(source=read, sinks=[plan], edges=edges)


async def main(endpoint: str, key: str, service: str) -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = JunjoOtelExporter(endpoint, key, insecure=True)
    provider.add_span_processor(exporter.span_processor)
    trace.set_tracer_provider(provider)
    workflow = Workflow(graph_factory=trip_graph, store_factory=lambda: TripStore(TripState()), name="Plan Trip")
    result = await workflow.execute()
    provider.shutdown()
    print(result.state.model_dump_json())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
