"""A clock that jumps makes nothing old: it is believed again once it has run evenly for an hour."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.span_store.actor import SpanStoreActor
from actors.span_store.embedded.lifetime import EmbeddedStorage, Limits, Retention
from actors.span_store.embedded.maintenance.trusted_clock import TrustedClock
from actors.span_store.embedded.sealed.index import open_index
from actors.span_store.messages import GetStoreState, IngestSpans, ListServices, SearchSpans, StoreState
from tests.actors.stage import HandClock
from tests.embedded_store import embedded_store
from tests.spans import span

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]

DAY = 24 * 3600.0
MONTH = timedelta(days=30)


class Machine:
    """Its two clocks, both standing still until they are moved."""

    def __init__(self) -> None:
        self.wall = HandClock()
        self.passed = 0.0

    def steady(self) -> float:
        return self.passed

    def goes_on(self, seconds: float) -> None:
        self.passed += seconds
        self.wall.move(seconds=seconds)

    def start(self, folder: Path, *, is_new: bool = False) -> TrustedClock:
        """A process that starts there."""
        clock = TrustedClock(folder / "traces.clock", wall=self.wall, steady=self.steady)
        clock.start(is_new=is_new)
        return clock


@pytest.fixture
def machine() -> Machine:
    return Machine()


def restarted(machine: Machine, folder: Path, *, off: float) -> TrustedClock:
    """The next process on the folder of one that ran, when the wall clock moved by so many seconds between them."""
    machine.start(folder, is_new=True).record()
    machine.wall.move(seconds=off)
    machine.passed = 17.0  # of another boot
    return machine.start(folder)


def test_a_clock_that_runs_evenly_is_believed(tmp_path: Path, machine: Machine) -> None:
    clock = machine.start(tmp_path, is_new=True)
    for _ in range(100):
        machine.goes_on(1000)
        machine.wall.move(seconds=0.1)  # put right a little
        assert clock.look() == machine.wall.now
    machine.goes_on(10 * DAY)  # a machine that slept
    assert clock.look() == machine.wall.now
    assert clock.waiting is None


@pytest.mark.parametrize("jump", [40 * DAY, -40 * DAY, 301.0, -301.0, 40 * 365 * DAY])
def test_after_a_jump_it_is_not_believed_for_an_hour(tmp_path: Path, machine: Machine, jump: float) -> None:
    clock = machine.start(tmp_path, is_new=True)
    machine.goes_on(10)
    machine.wall.move(seconds=jump)
    assert clock.look() is None
    assert clock.waiting is not None
    machine.goes_on(3599)
    assert clock.look() is None
    machine.goes_on(1)
    assert clock.look() == machine.wall.now
    assert clock.waiting is None


@pytest.mark.parametrize("jump", [299.0, -299.0])
def test_a_little_is_no_jump(tmp_path: Path, machine: Machine, jump: float) -> None:
    clock = machine.start(tmp_path, is_new=True)
    machine.wall.move(seconds=jump)
    assert clock.look() == machine.wall.now


def test_many_little_jumps_are_one(tmp_path: Path, machine: Machine) -> None:
    clock = machine.start(tmp_path, is_new=True)
    looks = []
    for _ in range(12):
        machine.goes_on(5)
        machine.wall.move(seconds=60)
        looks.append(clock.look())
    assert looks[0] is not None
    assert looks[-1] is None


def test_a_jump_there_and_back_waits_from_the_last_one(tmp_path: Path, machine: Machine) -> None:
    clock = machine.start(tmp_path, is_new=True)
    machine.wall.move(days=40)
    assert clock.look() is None
    machine.goes_on(30)
    assert clock.look() is None
    machine.wall.move(days=-40)
    assert clock.look() is None
    machine.goes_on(3590)
    assert clock.look() is None
    machine.goes_on(10)
    assert clock.look() == machine.wall.now


@pytest.mark.parametrize("off", [0.0, 60.0, DAY - 1, -DAY + 1])
def test_a_restart_is_no_reason_to_wait(tmp_path: Path, machine: Machine, off: float) -> None:
    clock = restarted(machine, tmp_path, off=off)
    assert clock.look() == machine.wall.now
    assert clock.waiting is None


@pytest.mark.parametrize("off", [DAY + 1, 7 * DAY, 40 * 365 * DAY, -2 * DAY, -50 * 365 * DAY])
def test_after_a_gap_of_days_it_waits_for_an_hour(tmp_path: Path, machine: Machine, off: float) -> None:
    clock = restarted(machine, tmp_path, off=off)
    assert clock.look() is None
    machine.goes_on(3599)
    assert clock.look() is None
    clock.record()  # as it is not believed, the next start waits again
    assert machine.start(tmp_path).look() is None
    machine.goes_on(1)
    assert clock.look() == machine.wall.now
    clock.record()
    assert machine.start(tmp_path).look() == machine.wall.now


@pytest.mark.parametrize("content", [b"", b"yesterday", b"9" * 32, b"-" + b"9" * 5000, b"\xff\x00", b"1e9", None])
def test_a_record_that_is_none_is_a_reason_to_wait(tmp_path: Path, machine: Machine, content: bytes | None) -> None:
    if content is None:
        (tmp_path / "traces.clock").mkdir()
    else:
        (tmp_path / "traces.clock").write_bytes(content)
    clock = machine.start(tmp_path)
    assert clock.look() is None
    machine.goes_on(3600)
    assert clock.look() == machine.wall.now


def is_due(clock: TrustedClock) -> bool:
    return clock.recording_is_due


def test_the_time_is_recorded_now_and_then(tmp_path: Path, machine: Machine) -> None:
    clock = machine.start(tmp_path, is_new=True)
    assert is_due(clock)
    clock.record()
    assert not is_due(clock)
    machine.goes_on(300)
    clock.look()
    assert is_due(clock)
    clock.record()
    assert (tmp_path / "traces.clock").read_text() == str(int(machine.wall.now.timestamp()))
    machine.wall.move(days=1)
    clock.look()
    machine.goes_on(300)
    assert not is_due(clock)


def test_a_disk_that_takes_no_record_keeps_the_older_one(tmp_path: Path, machine: Machine) -> None:
    (tmp_path / "traces.clock.unfinished").mkdir()
    clock = machine.start(tmp_path, is_new=True)
    clock.record()
    assert clock.look() == machine.wall.now
    assert not (tmp_path / "traces.clock").exists()


def test_what_came_while_the_clock_was_behind_did_not_come_long_ago(tmp_path: Path, machine: Machine) -> None:
    clock = machine.start(tmp_path, is_new=True)
    right = int(machine.wall.now.timestamp()) * 10**9
    assert clock.arrival(5) == 5
    machine.wall.move(days=-40)
    clock.look()
    machine.goes_on(100)
    assert clock.arrival(5) == right + 100 * 10**9
    assert clock.arrival(2**62) == 2**62


# The same on a running store.


@asynccontextmanager
async def running(folder: Path, machine: Machine, flush_at: int = 1) -> AsyncIterator[Bus]:
    bus = Bus()
    supervisor = Supervisor(bus)
    limits = Limits(flush_at=flush_at, retention=Retention(age=MONTH, every=timedelta()))
    supervisor.add(
        SpanStoreActor,
        lambda bus: embedded_store(
            bus,
            folder / "traces.duckdb",
            accounts=folder / "junjo.db",
            limits=limits,
            interval=0.01,
            clock=machine.wall,
            steady=machine.steady,
        ),
    )
    await supervisor.start()
    try:
        yield bus
    finally:
        await supervisor.stop()


async def ingest(bus: Bus, machine: Machine, trace: int, days_ago: float = 0) -> None:
    start = int((machine.wall.now - timedelta(days=days_ago)).timestamp()) * 10**9
    await bus.ask(IngestSpans(spans=[span(1, trace_id=trace, start=start)], size=1000))


async def traces(bus: Bus) -> set[int]:
    page = await bus.ask(SearchSpans(service_name="tests", limit=100))
    return {int(each.trace_id, 16) for each in page.spans}


async def waiting(bus: Bus, why: str) -> StoreState:
    """The state, once it is looked at the clock and has this reason; none where that is empty."""
    while not _has(state := await bus.ask(GetStoreState()), why):
        await bus.ask(ListServices())
    return state


def _has(state: StoreState, why: str) -> bool:
    return why in state.retention_waits if state.retention_waits and why else not (state.retention_waits or why)


async def gone(bus: Bus, trace: int) -> None:
    """What is gone by now was due, so whatever else was due is gone, too."""
    while trace in await traces(bus):
        await bus.ask(ListServices())


async def test_a_clock_40_days_ahead_for_half_a_minute_deletes_nothing(tmp_path: Path, machine: Machine) -> None:
    async with running(tmp_path, machine) as bus:
        await ingest(bus, machine, 1)
        await ingest(bus, machine, 2, days_ago=29)
        machine.wall.move(days=40)
        state = await waiting(bus, "ahead")
        assert state.problems == ()
        assert state.retention_waits == (
            "The clock was set, and is 40 days ahead of the time that has passed: "
            "spans are not deleted for their age until it has run evenly for an hour"
        )
        machine.goes_on(30)
        assert await traces(bus) == {1, 2}
        machine.wall.move(days=-40)
        await waiting(bus, "behind")
        machine.goes_on(3600)
        await waiting(bus, "")
        await ingest(bus, machine, 3, days_ago=40)
        await gone(bus, 3)
        assert await traces(bus) == {1, 2}


@pytest.mark.parametrize("flush_at", [1, 10**9], ids=["sealed", "in a journal"])
async def test_a_start_with_the_clock_ahead_deletes_nothing(tmp_path: Path, machine: Machine, flush_at: int) -> None:
    async with running(tmp_path, machine, flush_at) as bus:
        await ingest(bus, machine, 1)
    machine.wall.move(days=40)
    async with running(tmp_path, machine, flush_at) as bus:
        assert (await bus.ask(GetStoreState())).retention_waits is not None
        await ingest(bus, machine, 2)
        assert await traces(bus) == {1, 2}
    machine.wall.move(days=-40)
    async with running(tmp_path, machine, flush_at) as bus:
        assert (await bus.ask(GetStoreState())).retention_waits is None
        await ingest(bus, machine, 3, days_ago=40)
        await gone(bus, 3)
        assert await traces(bus) == {1, 2}


async def test_after_weeks_off_it_deletes_after_an_hour(tmp_path: Path, machine: Machine) -> None:
    async with running(tmp_path, machine) as bus:
        await ingest(bus, machine, 1)
    machine.wall.move(days=40)
    async with running(tmp_path, machine) as bus:
        await waiting(bus, "40 days ahead of the last run")
        machine.goes_on(3600)
        await gone(bus, 1)
        await waiting(bus, "")


async def test_a_store_has_a_record_before_it_has_a_span(tmp_path: Path, machine: Machine) -> None:
    """Killed in its first moment it need not wait after the next start."""
    path = tmp_path / "traces.duckdb"
    storage = await EmbeddedStorage.open(path, clock=machine.wall, steady=machine.steady)
    try:
        recorded = path.with_suffix(".clock").read_text()
    finally:
        await storage.close()
    assert int(recorded) == int(machine.wall.now.timestamp())


async def test_a_folder_without_a_record_waits(tmp_path: Path, machine: Machine) -> None:
    """One of an earlier version, or a backup, which may be of any age."""
    async with running(tmp_path, machine) as bus:
        await ingest(bus, machine, 1)
    (tmp_path / "traces.clock").unlink()
    machine.wall.move(days=40)
    async with running(tmp_path, machine) as bus:
        await ingest(bus, machine, 2, days_ago=40)
        assert await traces(bus) == {1, 2}
        await waiting(bus, "not known")


@pytest.mark.parametrize("flush_at", [1, 10**9], ids=["sealed", "in a journal"])
async def test_spans_that_come_while_the_clock_is_behind_stay(tmp_path: Path, machine: Machine, flush_at: int) -> None:
    """The file system has its files written long ago, and no span is newer than its arrival."""
    async with running(tmp_path, machine, flush_at) as bus:
        await ingest(bus, machine, 1)
        while not (tmp_path / "traces.clock").exists():
            await bus.ask(ListServices())
        right = machine.wall.now
        machine.wall.move(days=-50 * 365)
        await waiting(bus, "behind")
        start = int(right.timestamp()) * 10**9  # of a program on another machine
        await bus.ask(IngestSpans(spans=[span(1, trace_id=2, start=start)], size=1000))
        for journal in (tmp_path / "traces.journals").iterdir():
            os.utime(journal, (1, 1))
        if flush_at == 1:
            while (await bus.ask(GetStoreState())).segments < 2:
                await bus.ask(ListServices())
    machine.wall.now = right + timedelta(minutes=1)
    async with running(tmp_path, machine, 1) as bus:
        assert (await bus.ask(GetStoreState())).retention_waits is None
        await ingest(bus, machine, 3, days_ago=40)
        await gone(bus, 3)
        assert await traces(bus) == {1, 2}
    with open_index(tmp_path / "traces.duckdb") as index:
        [(earliest,)] = index.execute("SELECT min(arrived_before_unix_nano) FROM segment").fetchall()
        assert earliest >= int(right.timestamp()) * 10**9
