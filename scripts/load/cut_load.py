"""A store under load, which says what it acknowledged: the program that scripts/powerloss.py records, and what it said.

``python -m scripts.load.cut_load FOLDER MARKS SEED PHASE``. The first phase stores, seals, joins and deletes, and ends
itself with SIGKILL between the write and the sync of a journal. The second one opens the folder again, sends again what
had no answer, goes on, has retention drop what is older than the spans of a request that it names, and is stopped in
good order.
"""

import asyncio
import itertools
import logging
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import orjson
import structlog

from actors.audit import AUDIT, Action, AuditEntry, Resource, audited
from actors.errors import NotFound
from actors.principal import Principal
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.span_store.actor import SpanStoreActor
from actors.span_store.columns import spans
from actors.span_store.embedded.durable import DISK, Disk
from actors.span_store.embedded.lifetime import Limits, Retention
from actors.span_store.embedded.sealed.index import opening
from actors.span_store.messages import DeleteTrace, GetTraceSpans, IngestSpans
from actors.sqlite import Database
from scripts.load.faulty_disk import Fault, FaultyDisk, Operation
from tests.embedded_store import embedded_store

BY = Principal(user_id="u1", email="load@example.com", session_id="s1")
FIRST, SECOND = "first", "second"
_CLIENTS = 3
_MOST_SPANS = 30  # of a request, each of which is a trace
_SEAL_AT = 60_000  # bytes
_CHECKPOINT_AT = "256KB"
_TIDY_EVERY = timedelta(seconds=0.3)
_START = 1_700_000_000_000_000_000  # Unix nanosecond
# From the spans of one request to those of the next: so far apart that some are overdue in whatever file they are.
_APART = 10 * 86_400_000_000_000  # nanoseconds
_LAST_START = _START + 100 * _APART  # before anybody's clock
_MOST_DROPPED = 66  # requests
_ALIKE: dict[str, Any] = {  # in all spans
    "trace_state": "",
    "flags": 0,
    "kind": 1,
    "dropped_attributes_count": 0,
    "events": (),
    "dropped_events_count": 0,
    "links": (),
    "dropped_links_count": 0,
    "status_code": 0,
    "status_message": "",
    "scope": spans.InstrumentationScope("load", "1"),
}


@attrs.define
class Said:
    """What a program said until a moment: requests by number, with how many spans each has."""

    sent: dict[int, int] = attrs.field(factory=dict)
    acknowledged: set[int] = attrs.field(factory=set)
    to_delete: set[int] = attrs.field(factory=set)
    deleted: set[int] = attrs.field(factory=set)
    kept_from: int = 0  # the first request that retention, which has begun to drop, keeps
    accounts: list[str] = attrs.field(factory=list)  # the changes that were acknowledged

    @property
    def droppable(self) -> set[int]:
        """What retention may have dropped: all that is older than its cut, also what comes, or comes again, later."""
        return {request for request in self.sent if request < self.kept_from}

    def hear(self, text: str) -> None:
        match orjson.loads(text):
            case {"sent": request, "spans": count}:
                self.sent[request] = count
            case {"acknowledged": request}:
                self.acknowledged.add(request)
            case {"delete": request}:
                self.to_delete.add(request)
            case {"deleted": request}:
                self.deleted.add(request)
            case {"account": change}:
                self.accounts.append(change)
            case {"kept from": request}:
                self.kept_from = request


def heard(lines: Iterable[str]) -> Said:
    said = Said()
    for line in lines:
        said.hear(line)
    return said


def start_of(request: int) -> int:
    """The Unix nanosecond of its spans."""
    return min(_START + request * _APART, _LAST_START)


def message(request: int, count: int) -> IngestSpans:
    """So many spans of one trace, always the same."""
    chance = random.Random(request)
    made = [
        spans.Span(
            trace_id=f"{request + 1:032x}",
            span_id=f"{number + 1:016x}",
            parent_span_id=f"{1:016x}" if number else "",
            name=f"{request}:{number}",
            start_time_unix_nano=start_of(request),
            end_time_unix_nano=start_of(request) + 500,
            attributes={"noise": chance.randbytes(chance.randint(0, 800)).hex()},
            resource=spans.Resource({"service.name": f"service {request % 3}"}),
            **_ALIKE,
        )
        for number in range(count)
    ]
    return IngestSpans(spans=made, size=1000 * count)


@asynccontextmanager
async def running(folder: Path, limits: Limits, disk: Disk = DISK, interval: float = 0.05) -> AsyncIterator[Bus]:
    """A store on the folder, with its accounts beside it."""
    bus = Bus()
    supervisor = Supervisor(bus)
    path, accounts = folder / "duckdb" / "traces.duckdb", folder / "sqlite" / "junjo.db"
    supervisor.add(
        SpanStoreActor,
        lambda bus: embedded_store(bus, path, accounts=accounts, limits=limits, interval=interval, disk=disk),
    )
    await supervisor.start()
    try:
        yield bus
    finally:
        await supervisor.stop()


class Load:
    """Clients, one who deletes, and one who changes accounts."""

    def __init__(self, folder: Path, marks: Path, seed: int) -> None:
        self._folder = folder
        self.told: Callable[[str], None] = lambda _: None  # for who wants to hear it as well
        self._chance = random.Random(seed)
        self.said = heard(marks.read_text().splitlines() if marks.exists() else [])
        self._marks = os.open(marks, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._next = max(self.said.sent, default=-1) + 1

    def say(self, **what: Any) -> None:  # noqa: ANN401 - JSON
        text = orjson.dumps(what)
        os.write(self._marks, text + b"\n")
        self.said.hear(text.decode())
        self.told(text.decode())

    async def send(self, bus: Bus, request: int | None = None) -> None:
        if request is None:
            request, self._next = self._next, self._next + 1
        count = self.said.sent.get(request) or self._chance.randint(1, _MOST_SPANS)
        self.say(sent=request, spans=count)
        await bus.ask(message(request, count), timeout=300)
        self.say(acknowledged=request)

    async def client(self, bus: Bus, requests: int) -> None:
        for _ in range(requests):
            await self.send(bus)
            if self.said.acknowledged and self._chance.random() < 0.1:  # an exporter sends again
                await self.send(bus, self._chance.choice(sorted(self.said.acknowledged - self.said.to_delete)))

    async def deleter(self, bus: Bus, deletions: int) -> None:
        for _ in range(deletions):
            await asyncio.sleep(0.1)
            there = sorted(self.said.acknowledged - self.said.to_delete)
            if there:
                request = self._chance.choice(there)
                self.say(delete=request)
                with suppress(NotFound):  # retention was there first
                    await bus.ask(DeleteTrace(trace_id=f"{request + 1:032x}", by=BY), timeout=300)
                self.say(deleted=request)

    async def accountant(self, changes: int) -> None:
        database = await Database.open(self._folder / "sqlite" / "junjo.db", AUDIT)
        for number in range(changes):
            change = f"{number} of {time.time_ns()}"
            async with audited(database, datetime.now(UTC)) as transaction:
                await transaction.record(
                    AuditEntry(action=Action.READ, resource=Resource.BACKUP, resource_id=change, by=BY)
                )
            self.say(account=change)
            await asyncio.sleep(0.02)
        await database.close()

    async def see_drops(self, bus: Bus) -> None:
        """Wait until retention has dropped something."""
        for request in itertools.cycle(sorted(self.said.droppable - self.said.to_delete)):
            if not await bus.ask(GetTraceSpans(trace_id=f"{request + 1:032x}"), timeout=300):
                return
            await asyncio.sleep(0.05)

    async def all(self, bus: Bus, requests: int, deletions: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_CLIENTS):
                tasks.create_task(self.client(bus, requests // _CLIENTS))
            tasks.create_task(self.deleter(bus, deletions))
            tasks.create_task(self.accountant(requests // 3))


async def first(load: Load, folder: Path, requests: int) -> None:
    """Ends the process, when about so many requests were stored."""

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()

    disk = FaultyDisk(Fault(Operation.SYNC, "*.journal", first=requests, before=die))
    async with running(
        folder, Limits(flush_at=_SEAL_AT, deferred=0, retention=Retention(every=_TIDY_EVERY)), disk
    ) as bus:
        await load.all(bus, 100 * requests, 10)


async def second(load: Load, folder: Path, requests: int) -> None:
    async with running(folder, Limits(flush_at=_SEAL_AT, deferred=0, retention=Retention(every=_TIDY_EVERY))) as bus:
        for request in sorted(load.said.sent.keys() - load.said.acknowledged):
            await load.send(bus, request)
        await load.all(bus, requests, 10)
        await asyncio.sleep(1.0)  # so that files are joined
    kept_from = min(2 * len(load.said.sent) // 3, _MOST_DROPPED)
    load.say(**{"kept from": kept_from})
    retention = Retention(age=age_of(kept_from), every=_TIDY_EVERY)
    async with running(folder, Limits(flush_at=_SEAL_AT, deferred=0, retention=retention)) as bus:
        await load.all(bus, requests // 5, 2)
        await load.see_drops(bus)


def age_of(request: int) -> timedelta:
    """An age that its spans will not have for days, and that those of the request before have."""
    return datetime.now(UTC) - datetime.fromtimestamp((start_of(request) - _APART // 2) // 10**9, UTC)


def quiet() -> None:
    """No log lines of the stores."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def main() -> None:
    quiet()
    folder, marks, seed, phase, requests = sys.argv[1:]
    opening._CONFIG["checkpoint_threshold"] = _CHECKPOINT_AT  # noqa: SLF001 - a setting of nobody else
    load = Load(Path(folder), Path(marks), int(seed))
    asyncio.run({FIRST: first, SECOND: second}[phase](load, Path(folder), int(requests)))


if __name__ == "__main__":
    main()
