"""Prices that admins set: kept, bounded, audited, and told to the span store."""

import math
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from actors.errors import Conflict, InvalidRequest, NotFound
from actors.prices.actor import PricesActor
from actors.prices.messages import AddPrice, DeletePrice, ListPrices
from actors.principal import SYSTEM
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.span_store.actor import SpanStoreActor
from actors.span_store.messages import ExportSpans, IngestSpans
from actors.span_store.pricing.own_price import OwnPrice, PerMillion
from tests.embedded_store import embedded_store
from tests.spans import START, span

pytestmark = pytest.mark.integration

ONE = PerMillion(input=1.0, output=1.0)
CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "ours", "gen_ai.usage.input_tokens": 1_000_000}


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Bus]:
    bus = Bus()
    supervisor = Supervisor(bus)
    accounts = folder / "junjo.db"
    supervisor.add(
        SpanStoreActor, lambda bus: embedded_store(bus, folder / "traces.duckdb", accounts=accounts, interval=0.01)
    )
    supervisor.add(PricesActor, lambda bus: PricesActor.running(bus, accounts))
    await supervisor.start()
    try:
        yield bus
    finally:
        await supervisor.stop()


async def add(bus: Bus, model: str = "ours", **others: Any) -> OwnPrice:
    request: dict[str, Any] = {"provider": None, "valid_from": 0, "per_million": ONE, "restate": False, "by": SYSTEM}
    return await bus.ask(AddPrice(model=model, **request | others))


async def costs(bus: Bus) -> list[float | None]:
    async with bus.stream(ExportSpans()) as tables:
        return [cost async for table in tables for cost in table["cost_usd"].to_pylist()]


async def test_a_price_counts_for_all_that_comes_after_it_was_answered(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        for number in range(1, 4):
            await bus.ask(IngestSpans(spans=[span(number, attributes=CALL)], size=100))
            price = await add(bus, per_million=PerMillion(input=number, output=0))
        await bus.ask(DeletePrice(id=price.id, by=SYSTEM))
        await bus.ask(IngestSpans(spans=[span(4, attributes=CALL)], size=100))
        assert await costs(bus) == [None, 1.0, 2.0, 2.0]


async def test_prices_are_there_again_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        price = await add(bus, "ours*", provider="AzureOpenAI")
        assert price.provider == "azureopenai"
    async with running(tmp_path) as bus:
        assert await bus.ask(ListPrices()) == (price,)
        await add(bus)
        await bus.ask(IngestSpans(spans=[span(1, attributes=CALL)], size=100))
        assert await costs(bus) == [1.0]


async def test_prices_are_listed_by_model_and_provider_the_latest_first(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        wide = await add(bus, "gpt-4*")
        azure = await add(bus, "gpt-4o", provider="azure")
        other = await add(bus, "claude-*", provider="anthropic")
        assert await bus.ask(ListPrices()) == (other, azure, wide)
        assert await bus.ask(ListPrices(model="GPT-4o")) == (azure, wide)
        assert await bus.ask(ListPrices(model="gpt-4*")) == (wide,)
        assert await bus.ask(ListPrices(provider="azure_openai")) == (azure, wide)
        assert await bus.ask(ListPrices(model="gpt-4o", provider="openai")) == (wide,)


@pytest.mark.security
@pytest.mark.parametrize(
    "hostile",
    [
        {"per_million": PerMillion(input=-1.0, output=1.0)},
        {"per_million": PerMillion(input=math.nan, output=1.0)},
        {"per_million": PerMillion(input=1.0, output=math.inf)},
        {"per_million": PerMillion(input=1.0, output=1e308)},
        {"per_million": PerMillion(input=1.0, output=1.0, cache_read=-0.1)},
        {"per_million": PerMillion(input=None, output=1.0)},
        {"model": "x" * 10_000},
        {"model": ""},
        {"provider": "x" * 10_000},
        {"valid_from": 2**63},
        {"valid_from": -1},
    ],
)
async def test_hostile_prices_are_refused(tmp_path: Path, hostile: dict[str, Any]) -> None:
    async with running(tmp_path) as bus:
        with pytest.raises(InvalidRequest):
            await add(bus, **hostile)
        assert await bus.ask(ListPrices()) == ()


def fill(path: Path, count: int) -> None:
    """As many prices, and as many wishes to restate."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO prices (id, model, valid_from, input, output, created_at) VALUES (?, ?, ?, 1.0, 1.0, 0)",
            [(str(number), f"m{number}", number) for number in range(count)],
        )
        connection.executemany("INSERT INTO restatements (since) VALUES (?)", [(number,) for number in range(count)])


@pytest.mark.security
async def test_there_is_a_bound_of_prices_and_of_restatements(tmp_path: Path) -> None:
    async with running(tmp_path):
        pass
    fill(tmp_path / "junjo.db", 999)
    async with running(tmp_path) as bus:
        await add(bus, valid_from=500, restate=True)
        with pytest.raises(Conflict):
            await add(bus)
        assert len(await bus.ask(ListPrices())) == 1000
    with closing(sqlite3.connect(tmp_path / "junjo.db")) as connection:
        assert connection.execute("SELECT since FROM restatements").fetchall() == [(0,)]


async def test_a_restatement_includes_those_of_later_starts(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        for since in (50, 20, 70, 30):
            await add(bus, valid_from=since, restate=True)
    with closing(sqlite3.connect(tmp_path / "junjo.db")) as connection:
        rows = connection.execute("SELECT revision, since FROM restatements ORDER BY revision").fetchall()
    assert rows == [(2, 20), (4, 30)]


async def test_changes_are_audited(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        price = await add(bus, "gpt*", provider="openai", valid_from=START, restate=True)
        await bus.ask(DeletePrice(id=price.id, by=SYSTEM))
        with pytest.raises(NotFound):
            await bus.ask(DeletePrice(id=price.id, by=SYSTEM))
    with closing(sqlite3.connect(tmp_path / "junjo.db")) as connection:
        rows = connection.execute("SELECT action, resource_type, resource_id, details FROM audit_trail").fetchall()
    amounts = '"input":"1.0","output":"1.0"'
    details = f'"model":"gpt*","provider":"openai","valid_from":"{START}",{amounts}'
    assert rows == [
        ("create", "price", price.id, f'{{{details},"restate":"true"}}'),
        ("delete", "price", price.id, f"{{{details}}}"),
    ]
