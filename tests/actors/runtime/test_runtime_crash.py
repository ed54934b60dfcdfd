"""Crashes, restarts, giving up, and starts that fail."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from actors.errors import Unavailable
from actors.runtime.actor import Actor, StartRefused
from actors.runtime.bus import Bus
from actors.runtime.messages import Request
from actors.runtime.supervisor import ActorGaveUp
from tests.actors.runtime.workbench import (
    Diary,
    DoConcurrently,
    DoSerially,
    DoTogether,
    Fragile,
    Gate,
    Watch,
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

    def make() -> Actor:
        made.append(Fragile(diary, crash))
        return made[-1]

    async with supervised(make) as bus:
        before = len(made)
        with capture_logs() as logs:
            crash.set()
            await diary.reads("start", "stop", "start")
        assert len(made) == before + 1
        assert await bus.ask(DoSerially(work=nothing)) is None
        [entry] = logs
        assert (entry["event"], entry["actor"], entry["exc_info"]) == ("actor crashed", "Fragile", True)


async def test_a_crash_answers_every_asker() -> None:
    """Unread, just begun or in work, serial or concurrent: nobody waits for their deadline."""
    diary, crash = Diary(), asyncio.Event()
    write, read = Gate(), Gate()
    async with supervised(lambda: Fragile(diary, crash)) as bus:
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

    async with supervised(lambda: Fragile(Diary(), crash)) as bus, bus.stream(Watch(items=endless)) as items:
        assert await anext(items) == 1
        with capture_logs():
            crash.set()
            with pytest.raises(Unavailable):
                await anext(items)
        assert closed.is_set()


async def test_a_message_taken_in_the_moment_of_the_crash_is_answered() -> None:
    """Its task is cancelled before its first step."""
    crash, diary = asyncio.Event(), Diary()
    async with supervised(lambda: Fragile(diary, crash)) as bus:
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
    async with supervised(lambda: Straying(diary, asyncio.Event())):
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
    async with supervised(lambda: Fragile(diary, asyncio.Event())) as bus:
        with capture_logs() as logs:
            with pytest.raises(Unavailable):
                await bus.ask(DoSerially(work=cancel_myself))
            await diary.reads("start", "stop", "start")
        assert [entry["event"] for entry in logs] == ["actor crashed"]


class NeverStarts(Actor):
    """Fails in ``start`` so many times."""

    def __init__(self, failures: list[BaseException], diary: Diary) -> None:
        self._failures = failures
        self._diary = diary

    async def start(self) -> None:
        self._diary.write("start")
        if self._failures:
            raise self._failures.pop()

    async def stop(self) -> None:
        self._diary.write("stop")


async def test_a_start_that_fails_is_tried_again() -> None:
    diary = Diary()
    failures: list[BaseException] = [OSError(), OSError(), asyncio.CancelledError()]
    with capture_logs() as logs:
        async with supervised(lambda: NeverStarts(failures, diary)):
            assert diary.lines == ["start", "stop"] * 3 + ["start"]
    assert [entry["crashes"] for entry in logs] == [1, 2, 3]


async def test_more_than_three_crashes_give_up_and_stop_what_had_started() -> None:
    diary = Diary()
    first = Diary()
    bus = Bus()
    failures: list[BaseException] = [OSError("no disk") for _ in range(9)]
    supervisor = supervisor_of(bus, lambda: Fragile(first, asyncio.Event()), lambda: NeverStarts(failures, diary))
    with capture_logs(), pytest.raises(ActorGaveUp, match="NeverStarts crashed too often: no disk") as caught:
        await supervisor.start()
    assert isinstance(caught.value.cause, OSError)
    assert diary.lines == ["start", "stop"] * 4
    assert first.lines == ["start", "stop"]
    with pytest.raises(Unavailable):
        await bus.ask(DoSerially(work=nothing))
    await supervisor.stop()
    assert first.lines == ["start", "stop"], "to stop twice does nothing"


async def test_the_cause_of_a_crash_is_not_hidden_by_a_failing_stop() -> None:
    class Both(NeverStarts):
        async def stop(self) -> None:
            raise ValueError("nothing to stop")

    supervisor = supervisor_of(Bus(), lambda: Both([OSError("no disk")], Diary()), most_crashes=0)
    with capture_logs() as logs, pytest.raises(ActorGaveUp, match="no disk"):
        await supervisor.start()
    assert [entry["event"] for entry in logs] == ["actor did not stop cleanly after a crash", "actor gave up"]


async def test_a_refused_start_is_not_tried_again() -> None:
    diary = Diary()
    supervisor = supervisor_of(Bus(), lambda: NeverStarts([StartRefused("the file is of a later version")], diary))
    with capture_logs(), pytest.raises(ActorGaveUp, match=r"^the file is of a later version$"):
        await supervisor.start()
    assert diary.lines == ["start", "stop"]


async def test_a_constructor_that_fails_is_a_crash() -> None:
    class Unmade(Actor):
        pass

    lives = iter(range(9))

    def make() -> Actor:
        if next(lives) == 1:  # the first is that of the helper, which asks for the class
            raise OSError("no disk")
        return Unmade()

    with capture_logs() as logs:
        async with supervised(make):
            pass
    assert [entry["event"] for entry in logs] == ["actor crashed"]


async def test_giving_up_later_is_announced() -> None:
    diary, crash = Diary(), asyncio.Event()
    bus = Bus()
    supervisor = supervisor_of(bus, lambda: Fragile(diary, crash), most_crashes=1)
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
    async with supervised(lambda: Fragile(diary, crash), most_crashes=1, window=0.0):
        with capture_logs() as logs:
            for crashes in range(1, 6):
                crash.set()
                await diary.reads("start", *["stop", "start"] * crashes)
        assert [entry["event"] for entry in logs] == ["actor crashed"] * 5


@pytest.mark.parametrize("moment", ["starting", "between two lives"])
async def test_a_start_that_is_cancelled_stops_what_had_started(moment: str) -> None:
    starting = Gate()
    diary = Diary()

    class Slow(Actor):
        async def start(self) -> None:
            if moment == "starting":
                await starting()
            starting.begun.set()
            raise OSError

    bus = Bus()
    supervisor = supervisor_of(bus, lambda: Fragile(diary, asyncio.Event()), Slow, backoff=3600, grace=0.01)
    with capture_logs():
        start = asyncio.create_task(supervisor.start())
        await starting.begun.wait()
        await settled()
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
    assert diary.lines == ["start", "stop"]
