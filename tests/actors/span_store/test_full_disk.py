"""A disk without room: spans are refused, and what frees room works all the same."""

import os
import random
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import IO

import pytest

from actors.errors import StudioError, Unavailable
from actors.principal import Principal
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.span_store.actor import SpanStoreActor
from actors.span_store.embedded.lifetime import Limits, Retention
from actors.span_store.messages import (
    Deleted,
    DeleteService,
    DeleteTrace,
    GetStoreState,
    GetTraceSpans,
    IngestSpans,
    IngestSummary,
    ListServices,
)
from tests.actors.stage import rows
from tests.embedded_store import embedded_store
from tests.spans import span

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]

BY = Principal(user_id="u1", email="admin@example.com", session_id="s1")
SMALL_FILES = Limits(flush_at=1024 * 1024)
SIZE, ROOM = 256, 64  # megabytes of the disk, and those that are free at first
_BEFORE_RESERVE = 40  # traces, of 0.3 MB each


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a disk that is small")
    try:
        with (folder / "others").open("wb") as others:
            os.posix_fallocate(others.fileno(), 0, (SIZE - ROOM) * 1024 * 1024)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@asynccontextmanager
async def running_store(folder: Path, limits: Limits = SMALL_FILES) -> AsyncIterator[Bus]:
    bus = Bus()
    supervisor = Supervisor(bus)
    supervisor.add(
        SpanStoreActor,
        lambda bus: embedded_store(
            bus, folder / "traces.duckdb", accounts=folder / "junjo.db", limits=limits, interval=0.05
        ),
    )
    await supervisor.start()
    try:
        yield bus
    finally:
        await supervisor.stop()


async def fill(bus: Bus, folder: Path) -> int:
    """Spans of two services in turn, until the disk takes no more; how many traces there are.

    It returns right after a span was refused. A later one may be taken again: a flush that failed removes its file.
    """
    chance = random.Random(1)
    traces = 0
    reserve = folder / "traces.reserve"
    with suppress(StudioError):
        while True:
            while traces == _BEFORE_RESERVE and not reserve.exists():  # made in the background
                await bus.ask(GetTraceSpans(trace_id=f"{1:032x}"))
            service = ("kept", "doomed")[traces % 2]
            noise = {"noise": chance.randbytes(20_000).hex()}
            made = [span(number, trace_id=traces + 1, service=service, attributes=noise) for number in range(1, 10)]
            await bus.ask(IngestSpans(spans=made, size=1000))
            traces += 1
    with (folder / "rest").open("wb", buffering=0) as rest:
        fill_rest(rest)
        while await is_taken(bus, chance.getrandbits(60)):  # files that could not be finished meanwhile have made room
            fill_rest(rest)
    return traces


async def is_taken(bus: Bus, number: int) -> bool:
    """Whether one more span is stored, and not refused for want of room."""
    try:
        await bus.ask(IngestSpans(spans=[span(number, trace_id=10**5, service="kept")], size=1000))
    except Unavailable:
        return False
    return True


def fill_rest(rest: IO[bytes]) -> None:
    with suppress(OSError):
        while rest.write(bytes(64 * 1024)):  # the last one in part
            pass


async def test_a_service_can_be_deleted_on_a_full_disk(disk: Path) -> None:
    async with running_store(disk) as bus:
        traces = await fill(bus, disk)
        deleted = await bus.ask(DeleteService(service_name="doomed", by=BY), timeout=120)
        assert deleted.spans == traces // 2 * 9
        assert await bus.ask(ListServices()) == ("kept",)
        assert rows(disk / "junjo.db", "SELECT resource_id FROM audit_trail ORDER BY id") == [("doomed",)]
        while (await bus.ask(GetStoreState())).problems:
            await bus.ask(GetTraceSpans(trace_id=f"{1:032x}"))
        assert await bus.ask(IngestSpans(spans=[span(1, trace_id=10**6)], size=1000)) == IngestSummary(
            stored=1, duplicates=0
        )
    async with running_store(disk) as bus:
        assert (await bus.ask(GetStoreState())).problems == ()
        assert await bus.ask(ListServices()) == ("kept", "tests")


async def test_a_trace_can_be_deleted_and_no_span_takes_the_room_meanwhile(disk: Path) -> None:
    async with running_store(disk) as bus:
        await fill(bus, disk)
        assert await bus.ask(DeleteTrace(trace_id=f"{1:032x}", by=BY), timeout=120) == Deleted(spans=9)
        assert await bus.ask(GetTraceSpans(trace_id=f"{1:032x}")) == ()
        assert len(await bus.ask(GetTraceSpans(trace_id=f"{2:032x}"))) == 9


async def test_retention_frees_a_full_disk_after_a_restart(disk: Path) -> None:
    async with running_store(disk) as bus:
        await fill(bus, disk)
    limits = Limits(retention=Retention(age=timedelta(days=1), every=timedelta()))
    async with running_store(disk, limits) as bus:
        while (await bus.ask(GetStoreState())).segments:
            with suppress(Unavailable):
                await bus.ask(GetTraceSpans(trace_id=f"{1:032x}"))
        while (await bus.ask(GetStoreState())).problems:
            await bus.ask(GetTraceSpans(trace_id=f"{1:032x}"))
        assert (await bus.ask(IngestSpans(spans=[span(1, trace_id=10**6)], size=1000))).stored == 1


async def test_without_need_the_reserve_stays(tmp_path: Path) -> None:
    async with running_store(tmp_path) as bus:
        noise = {"noise": random.Random(1).randbytes(2000).hex()}
        for trace in range(1, 10):
            made = [span(number, trace_id=trace, attributes=noise) for number in range(1, 60)]
            await bus.ask(IngestSpans(spans=made, size=1000))
        reserve = tmp_path / "traces.reserve"
        while not reserve.exists() or not reserve.stat().st_size:
            await bus.ask(GetTraceSpans(trace_id=f"{1:032x}"))
        assert reserve.stat().st_mode & 0o777 == 0o600
        made_at = reserve.stat().st_ino
        await bus.ask(DeleteTrace(trace_id=f"{1:032x}", by=BY))
        assert reserve.stat().st_ino == made_at


async def test_a_store_with_next_to_nothing_keeps_nothing_back(tmp_path: Path) -> None:
    async with running_store(tmp_path) as bus:
        await bus.ask(IngestSpans(spans=[span(1)], size=1000))
        await bus.ask(DeleteTrace(trace_id=f"{1:032x}", by=BY))
    assert not (tmp_path / "traces.reserve").exists()
