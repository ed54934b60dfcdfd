"""Crashes, restarts, giving up, and starts that fail."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from typing import Any, Self

import pytest
from structlog.testing import capture_logs

from actors.errors import Unavailable
from actors.runtime.actor import Actor, ActorBus, StartRefused
from actors.runtime.bus import Bus
from actors.runtime.closing import on_exit
from actors.runtime.messages import Request
from actors.runtime.supervisor import ActorGaveUp
from tests.actors.runtime.workbench import (
    Diary,
    DoConcurrently,
    DoSerially,
    DoTogether,
    Fragile,
    Gate,
    Part,
    Watch,
    Workbench,
    fragile,
    replies_of,
    settled,
    supervised,
    supervisor_of,
)

pytestmark = pytest.mark.error_recovery


async def nothing() -> None:
    pass


async def test_a_crash_in_work_gives_a_new_instance() -> None:
    diary, crash = Diary(), asyncio.Event()
    made: list[Actor] = []

    @asynccontextmanager
    async def factory(bus: ActorBus) -> AsyncIterator[Actor]:
        async with Fragile.running(bus, diary, crash) as actor:
            made.append(actor)
            yield actor

    async with supervised((Fragile, factory)) as bus:
        with capture_logs() as logs:
            crash.set()
            await diary.reads("start", "stop", "start")
        first, second = made
        assert first is not second
        assert await bus.ask(DoSerially(work=nothing)) is None
        [entry] = logs
        assert (entry["event"], entry["actor"], entry["exc_info"]) == ("actor crashed", "Fragile", True)


async def test_a_crash_answers_every_asker() -> None:
    """Unread, just begun or in work, serial or concurrent: nobody waits for their deadline."""
    diary, crash = Diary(), asyncio.Event()
    write, read = Gate(), Gate()
    async with supervised(fragile(diary, crash)) as bus:
        begun = replies_of(bus.ask(DoSerially(work=write)), bus.ask(DoConcurrently(work=read)))
        await asyncio.gather(write.begun.wait(), read.begun.wait())
        kinds: tuple[Callable[[], Request[Any]], ...] = (
            lambda: DoSerially(work=write),
            lambda: DoTogether(number=1),
            lambda: DoConcurrently(work=read),
        )
        unread = replies_of(*(bus.ask(kind()) for kind in kinds for _ in range(2)))
        await settled()
        with capture_logs():
            crash.set()
            assert {type(reply) for reply in [*await begun, *await unread]} == {Unavailable}
            await diary.reads("start", "stop", "start")
        assert write.cancelled.is_set()
        assert read.cancelled.is_set()


async def test_a_crash_ends_streams() -> None:
    crash, closed = asyncio.Event(), asyncio.Event()

    async def endless() -> Any:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closed.set()

    async with supervised(fragile(Diary(), crash)) as bus, bus.stream(Watch(items=endless)) as items:
        assert await anext(items) == 1
        with capture_logs():
            crash.set()
            with pytest.raises(Unavailable):
                await anext(items)
        assert closed.is_set()


async def test_a_message_taken_in_the_moment_of_the_crash_is_answered() -> None:
    """Its task is cancelled before its first step."""
    crash, diary = asyncio.Event(), Diary()
    async with supervised(fragile(diary, crash)) as bus:
        with capture_logs():
            crash.set()
            asks = [replies_of(bus.ask(DoSerially(work=nothing)), bus.ask(DoConcurrently(work=nothing)))]
            for _ in range(3):
                await asyncio.sleep(0)
                asks.append(replies_of(bus.ask(DoSerially(work=nothing)), bus.ask(DoConcurrently(work=nothing))))
            replies = [reply for ask in asks for reply in await ask]
            await diary.reads("start", "stop", "start")
        assert {type(reply) for reply in replies} <= {type(None), Unavailable}


async def test_work_that_is_cancelled_from_inside_is_a_crash() -> None:
    crashed = asyncio.Event()

    class Straying(Fragile):
        async def work(self) -> None:
            await crashed.wait()
            crashed.clear()
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future

    diary = Diary()
    async with supervised((Straying, lambda bus: Straying.running(bus, diary, asyncio.Event()))):
        with capture_logs() as logs:
            crashed.set()
            await diary.reads("start", "stop", "start")
        assert [entry["event"] for entry in logs] == ["actor crashed"]


async def test_a_handler_that_cancels_its_own_task_is_a_crash_and_no_silent_end() -> None:
    async def cancel_myself() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    diary = Diary()
    async with supervised(fragile(diary, asyncio.Event())) as bus:
        with capture_logs() as logs:
            with pytest.raises(Unavailable):
                await bus.ask(DoSerially(work=cancel_myself))
            await diary.reads("start", "stop", "start")
        assert [entry["event"] for entry in logs] == ["actor crashed"]


class NeverStarts(Actor):
    """Fails half-way in its start so many times."""

    @classmethod
    @asynccontextmanager
    async def running(cls, bus: ActorBus, failures: list[BaseException], diary: Diary) -> AsyncIterator[Self]:
        async with diary.of_life():
            if failures:
                raise failures.pop()
            yield cls(bus)


def never_starts(failures: list[BaseException], diary: Diary) -> Part:
    return NeverStarts, lambda bus: NeverStarts.running(bus, failures, diary)


async def test_a_start_that_fails_is_tried_again() -> None:
    diary = Diary()
    failures: list[BaseException] = [OSError(), OSError(), asyncio.CancelledError()]
    with capture_logs() as logs:
        async with supervised(never_starts(failures, diary)):
            assert diary.lines == ["start", "stop"] * 3 + ["start"]
    assert [entry["crashes"] for entry in logs] == [1, 2, 3]


async def test_more_than_three_crashes_give_up_and_stop_what_had_started() -> None:
    diary = Diary()
    first = Diary()
    bus = Bus()
    failures: list[BaseException] = [OSError("no disk") for _ in range(9)]
    supervisor = supervisor_of(bus, fragile(first, asyncio.Event()), never_starts(failures, diary))
    with capture_logs(), pytest.raises(ActorGaveUp, match="NeverStarts crashed too often: no disk") as caught:
        await supervisor.start()
    assert isinstance(caught.value.cause, OSError)
    assert diary.lines == ["start", "stop"] * 4
    assert first.lines == ["start", "stop"]
    with pytest.raises(Unavailable):
        await bus.ask(DoSerially(work=nothing))
    await supervisor.stop()
    assert first.lines == ["start", "stop"], "to stop twice does nothing"


async def nothing_to_stop() -> None:
    raise ValueError("nothing to stop")


async def test_the_cause_of_a_crash_is_not_hidden_by_a_failing_stop() -> None:
    @asynccontextmanager
    async def both(bus: ActorBus) -> AsyncIterator[Actor]:
        async with on_exit(nothing_to_stop), NeverStarts.running(bus, [OSError("no disk")], Diary()) as actor:
            yield actor

    supervisor = supervisor_of(Bus(), (NeverStarts, both), most_crashes=0)
    with capture_logs() as logs, pytest.raises(ActorGaveUp, match="no disk"):
        await supervisor.start()
    assert [entry["event"] for entry in logs] == ["actor did not stop cleanly after a crash", "actor gave up"]
    assert logs[0]["closing"] == "nothing_to_stop"


async def test_the_cause_of_a_crash_at_work_is_not_hidden_by_a_failing_stop() -> None:
    crash = asyncio.Event()

    @asynccontextmanager
    async def both(bus: ActorBus) -> AsyncIterator[Actor]:
        async with on_exit(nothing_to_stop), Fragile.running(bus, Diary(), crash) as actor:
            yield actor

    supervisor = supervisor_of(Bus(), (Fragile, both), most_crashes=0)
    await supervisor.start()
    with capture_logs() as logs:
        crash.set()
        assert str((await supervisor.gave_up()).cause) == "the disk is gone"
    assert [entry["event"] for entry in logs] == ["actor did not stop cleanly after a crash", "actor gave up"]


async def test_a_failing_stop_alone_is_a_crash() -> None:
    @asynccontextmanager
    async def factory(bus: ActorBus) -> AsyncIterator[Actor]:
        async with on_exit(nothing_to_stop):
            yield Workbench(bus)

    with capture_logs() as logs:
        async with supervised((Workbench, factory)):
            pass
    assert [entry["event"] for entry in logs] == ["actor crashed"]


async def test_a_crash_that_the_context_manager_suppresses_is_counted() -> None:
    crash = asyncio.Event()

    @asynccontextmanager
    async def factory(bus: ActorBus) -> AsyncIterator[Actor]:
        with suppress(OSError):
            yield Fragile(bus, crash)

    supervisor = supervisor_of(Bus(), (Fragile, factory), most_crashes=0)
    await supervisor.start()
    with capture_logs():
        crash.set()
        assert str((await supervisor.gave_up()).cause) == "Fragile suppressed its crash"


async def test_a_start_that_fails_half_way_closes_what_it_has_opened() -> None:
    diary = Diary()
    refusal = StartRefused("the second file is of a later version")

    @asynccontextmanager
    async def factory(bus: ActorBus) -> AsyncIterator[Actor]:
        async with diary.of_life("first file"), NeverStarts.running(bus, [refusal], diary) as actor:
            yield actor

    supervisor = supervisor_of(Bus(), (NeverStarts, factory))
    with capture_logs(), pytest.raises(ActorGaveUp, match="of a later version"):
        await supervisor.start()
    assert diary.lines == ["first file starts", "start", "stop", "first file stops"]


async def test_no_message_comes_before_the_actor_is_complete() -> None:
    opening, complete = Gate(), Gate()

    @asynccontextmanager
    async def factory(bus: ActorBus) -> AsyncIterator[Actor]:
        await opening()
        yield Workbench(bus)

    bus = Bus()
    supervisor = supervisor_of(bus, (Workbench, factory))
    start = asyncio.create_task(supervisor.start())
    await opening.begun.wait()
    for ask in (DoSerially(work=complete), DoConcurrently(work=complete)):
        with pytest.raises(Unavailable):
            await bus.ask(ask)
    opening.open()
    await start
    assert not complete.begun.is_set()
    assert await bus.ask(DoSerially(work=nothing)) is None
    await supervisor.stop()


async def test_a_refused_start_is_not_tried_again() -> None:
    diary = Diary()
    supervisor = supervisor_of(Bus(), never_starts([StartRefused("the file is of a later version")], diary))
    with capture_logs(), pytest.raises(ActorGaveUp, match=r"^the file is of a later version$"):
        await supervisor.start()
    assert diary.lines == ["start", "stop"]


async def test_a_factory_that_fails_is_a_crash() -> None:
    lives = iter(range(9))

    def factory(bus: ActorBus) -> AbstractAsyncContextManager[Actor]:
        if next(lives) == 0:
            raise OSError("no disk")
        return nullcontext(Workbench(bus))

    with capture_logs() as logs:
        async with supervised((Workbench, factory)):
            pass
    assert [entry["event"] for entry in logs] == ["actor crashed"]


async def test_giving_up_later_is_announced() -> None:
    diary, crash = Diary(), asyncio.Event()
    bus = Bus()
    supervisor = supervisor_of(bus, fragile(diary, crash), most_crashes=1)
    with pytest.raises(RuntimeError, match="has not been started"):
        await supervisor.gave_up()
    await supervisor.start()
    announced = asyncio.create_task(supervisor.gave_up())
    with capture_logs():
        crash.set()
        await diary.reads("start", "stop", "start")
        crash.set()
        assert (await announced).actor == "Fragile"
    with pytest.raises(Unavailable):
        await bus.ask(DoSerially(work=nothing))
    await supervisor.stop()


async def test_crashes_that_lie_far_apart_are_forgotten() -> None:
    diary, crash = Diary(), asyncio.Event()
    async with supervised(fragile(diary, crash), most_crashes=1, window=0.0):
        with capture_logs() as logs:
            for crashes in range(1, 6):
                crash.set()
                await diary.reads("start", *["stop", "start"] * crashes)
        assert [entry["event"] for entry in logs] == ["actor crashed"] * 5


@pytest.mark.parametrize("moment", ["starting", "between two lives"])
async def test_a_start_that_is_cancelled_stops_what_had_started(moment: str) -> None:
    starting = Gate()
    diary = Diary()

    @asynccontextmanager
    async def slow(bus: ActorBus) -> AsyncIterator[Actor]:
        if moment == "starting":
            await starting()
        starting.begun.set()
        async with NeverStarts.running(bus, [OSError()], Diary()) as actor:
            yield actor

    bus = Bus()
    supervisor = supervisor_of(bus, fragile(diary, asyncio.Event()), (NeverStarts, slow), backoff=3600, grace=0.01)
    with capture_logs() as logs:
        start = asyncio.create_task(supervisor.start())
        await starting.begun.wait()
        await settled()
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
    assert diary.lines == ["start", "stop"]
    assert [entry["event"] for entry in logs] == [
        "actor cut short at stop" if moment == "starting" else "actor crashed"  # nobody waits for the next life
    ]
