"""The pull from an external ingestion service: real gRPC, real stores, both generations of the wire."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import pytest

from actors.ingestion.actor import IngestionActor
from actors.ingestion.messages import GetIngestionState, IngestionState
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.span_store.actor import SpanStoreActor
from actors.span_store.messages import ListServices, SearchSpans
from tests.embedded_store import embedded_store
from tests.ingestion_service import CORRUPT, IngestionService, key, serving
from transports.grpc.span_source import ReadSpansSource

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]


@asynccontextmanager
async def pulling(folder: Path, port: int, *, batch_size: int = 4, interval: float = 0.01) -> AsyncIterator[Bus]:
    bus = Bus()
    supervisor = Supervisor(bus)
    supervisor.add(
        SpanStoreActor, lambda bus: embedded_store(bus, folder / "traces.duckdb", accounts=folder / "junjo.db")
    )
    supervisor.add(
        IngestionActor,
        lambda bus: IngestionActor.running(
            bus,
            folder / "junjo.db",
            lambda: ReadSpansSource("127.0.0.1", port),
            interval=timedelta(seconds=interval),
            batch_size=batch_size,
            longest_wait=0.05,
        ),
    )
    await supervisor.start()
    try:
        yield bus
    finally:
        await supervisor.stop()


async def until(bus: Bus, reached: Callable[[IngestionState], bool]) -> IngestionState:
    """Ask until it is so. The test's own time limit is the bound."""
    async with asyncio.timeout(120):
        while not reached(state := await bus.ask(GetIngestionState())):
            pass
        return state


async def stored(bus: Bus, service: str = "pulled") -> list[str]:
    page = await bus.ask(SearchSpans(service_name=service, limit=1000))
    return sorted(span.name for span in page.spans)


def saved_key(folder: Path) -> bytes:
    with closing(sqlite3.connect(folder / "junjo.db")) as connection:
        return bytes(connection.execute("SELECT last_key FROM poller_state").fetchone()[0])


@pytest.mark.parametrize("v3", [False, True], ids=["seed", "v3"])
async def test_everything_is_pulled_once_and_full_batches_come_without_pause(tmp_path: Path, *, v3: bool) -> None:
    service = IngestionService(v3=v3)
    for number in range(1, 12):
        service.add(number, service="a" if number % 2 else "b")
    async with serving(service) as port, pulling(tmp_path, port, interval=3600) as bus:
        state = await until(bus, lambda state: state.stored == 11)
        assert (state.connected, state.fault, state.corrupt, state.remaining) == (True, "", 0, 0 if v3 else None)
        assert await bus.ask(ListServices()) == ("a", "b")
        assert len(await stored(bus, "a")) == 6
    assert service.asked[:3] == [(b"", 4), (key(4), 4), (key(8), 4)]
    assert saved_key(tmp_path) == key(11)


@pytest.mark.parametrize("v3", [False, True], ids=["seed", "v3"])
async def test_a_restart_goes_on_behind_the_saved_key(tmp_path: Path, *, v3: bool) -> None:
    service = IngestionService(v3=v3)
    service.add(1)
    async with serving(service) as port:
        async with pulling(tmp_path, port) as bus:
            await until(bus, lambda state: state.stored == 1)
        service.add(2)
        service.asked.clear()
        async with pulling(tmp_path, port) as bus:
            await until(bus, lambda state: state.stored == 1)
            assert await stored(bus) == ["span 1", "span 2"]
    assert service.asked[0] == (key(1), 4)


async def test_spans_that_were_stored_but_whose_key_was_not_saved_come_once(tmp_path: Path) -> None:
    """A kill between the two leaves the spans stored and the key unsaved."""
    service = IngestionService(v3=False)
    for number in range(1, 7):
        service.add(number)
    async with serving(service) as port:
        async with pulling(tmp_path, port) as bus:
            await until(bus, lambda state: state.stored == 6)
        with closing(sqlite3.connect(tmp_path / "junjo.db", isolation_level=None)) as connection:
            connection.execute("UPDATE poller_state SET last_key = ?", [key(2)])
        async with pulling(tmp_path, port) as bus:
            await until(bus, lambda state: state.stored == 4)
            assert len(await stored(bus)) == 6


@pytest.mark.parametrize("v3", [False, True], ids=["seed", "v3"])
async def test_corrupt_rows_are_passed(tmp_path: Path, *, v3: bool) -> None:
    service = IngestionService(v3=v3)
    service.add(1)
    service.rows.append((CORRUPT, b""))  # unreadable for the service
    service.rows.append((b"\xff\xff", b""))  # unreadable for us
    service.rows.append((b"\x0a\x01\x01", b""))  # a span without identity
    service.add(2)
    async with serving(service) as port, pulling(tmp_path, port) as bus:
        state = await until(bus, lambda state: state.stored == 2)
        assert state.corrupt == 2
        assert await stored(bus) == ["span 1", "span 2"]


async def test_a_v3_batch_of_nothing_but_corrupt_rows_does_not_stop_the_pull(tmp_path: Path) -> None:
    service = IngestionService(v3=True)
    service.rows = [(CORRUPT, b"")] * 9
    service.add(1)
    async with serving(service) as port, pulling(tmp_path, port) as bus:
        await until(bus, lambda state: state.stored == 1)
        assert await stored(bus) == ["span 1"]


async def test_a_final_message_without_key_never_moves_ours(tmp_path: Path) -> None:
    service = IngestionService(v3=True, final_key=False)
    service.add(1)
    async with serving(service) as port, pulling(tmp_path, port) as bus:
        await until(bus, lambda state: state.stored == 1 and len(service.asked) > 3)
    assert saved_key(tmp_path) == key(1)
    assert set(service.asked[1:]) == {(key(1), 4)}


async def test_a_span_with_an_empty_resource_is_a_span(tmp_path: Path) -> None:
    service = IngestionService(v3=True)
    service.add(1)
    service.rows[0] = (service.rows[0][0], b"")
    async with serving(service) as port, pulling(tmp_path, port) as bus:
        await until(bus, lambda state: state.stored == 1)
        assert await bus.ask(ListServices()) == ("NO_SERVICE_NAME",)


async def test_the_service_may_start_later_and_come_back(tmp_path: Path) -> None:
    service = IngestionService(v3=True)
    async with serving(service) as port:
        pass
    async with pulling(tmp_path, port) as bus:
        away = await until(bus, lambda state: "does not answer" in state.fault)
        assert not away.connected
        for number in (1, 2):
            service.add(number)
            async with serving(service, port):
                await until(bus, lambda state, number=number: state.connected and state.stored == number)  # type: ignore[misc] # a default argument binds the loop's value
            await until(bus, lambda state: not state.connected)
        assert await stored(bus) == ["span 1", "span 2"]
