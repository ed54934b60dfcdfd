"""What ``Bus.ask`` promises: order, concurrency, errors, context, counters."""

import asyncio
import gc
import weakref
from contextvars import ContextVar
from functools import partial
from typing import Any

import attrs
import pytest
from structlog.testing import capture_logs

from actors.errors import InternalError, NotFound, Overloaded, Unavailable
from actors.runtime.actor import Actor, handles
from actors.runtime.bus import Bus
from actors.runtime.messages import Request
from tests.actors.runtime.workbench import (
    DoConcurrently,
    DoSerially,
    Gate,
    Happened,
    Work,
    Workbench,
    replies_of,
    settled,
    supervised,
)

pytestmark = pytest.mark.unit

request_id: ContextVar[str] = ContextVar("request_id", default="none")


async def nothing() -> None:
    pass


async def bug() -> None:
    raise ValueError("the password is hunter2")


async def test_serial_messages_are_handled_one_at_a_time_in_order() -> None:
    log: list[str] = []

    async def work(name: str) -> str:
        log.append(f"{name} begins")
        await settled()
        log.append(f"{name} ends")
        return name

    async with supervised(Workbench) as bus:
        replies = await replies_of(*(bus.ask(DoSerially(work=partial(work, name))) for name in "abc"))

    assert replies == ["a", "b", "c"]
    assert log == ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]


async def test_reads_run_beside_a_slow_write_and_each_other() -> None:
    write, reads = Gate("written"), [Gate(1), Gate(2), Gate(3)]
    async with supervised(Workbench) as bus:
        written = asyncio.create_task(bus.ask(DoSerially(work=write)))
        answers = replies_of(*(bus.ask(DoConcurrently(work=read)) for read in reads))
        await asyncio.gather(*(gate.begun.wait() for gate in (write, *reads)))
        for read in reads:
            read.open()
        assert await answers == [1, 2, 3]
        assert not written.done()
        write.open()
        assert await written == "written"


async def test_a_write_runs_beside_slow_reads() -> None:
    reads = [Gate(), Gate(), Gate(), Gate()]
    async with supervised(Workbench) as bus:
        answers = replies_of(*(bus.ask(DoConcurrently(work=read)) for read in reads))
        await reads[2].begun.wait()
        assert await bus.ask(DoSerially(work=nothing)) is None
        assert not reads[3].begun.is_set(), "the fourth read waits for a place"
        for read in reads:
            read.open()
        assert await answers == [None] * 4


async def test_an_error_is_a_normal_answer() -> None:
    async def missing() -> None:
        raise NotFound("No such thing")

    async with supervised(Workbench) as bus:
        with capture_logs() as logs:
            for message in (DoSerially(work=missing), DoConcurrently(work=missing)):
                with pytest.raises(NotFound, match="No such thing"):
                    await bus.ask(message)
        assert logs == []
        assert bus.statistics.of(DoSerially).failed == 0


@pytest.mark.parametrize("kind", [DoSerially, DoConcurrently])
async def test_a_bug_is_masked_and_logged_and_the_actor_lives_on(kind: type[Any]) -> None:
    async with supervised(Workbench) as bus:
        with capture_logs() as logs, pytest.raises(InternalError) as caught:
            await bus.ask(kind(work=bug))
        assert "hunter2" not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
        assert [(entry["event"], entry["message"], entry["exc_info"]) for entry in logs] == [
            ("handler failed", kind.__name__, True)
        ]
        assert bus.statistics.of(kind).failed == 1
        assert await bus.ask(kind(work=nothing)) is None


@pytest.mark.parametrize("kind", [DoSerially, DoConcurrently])
async def test_a_cancelled_future_inside_a_handler_is_a_bug_and_no_stop(kind: type[Any]) -> None:
    async def stray() -> None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async with supervised(Workbench) as bus:
        with capture_logs() as logs, pytest.raises(InternalError):
            await bus.ask(kind(work=stray))
        assert [entry["event"] for entry in logs] == ["handler failed"]
        assert await bus.ask(kind(work=nothing)) is None


async def test_context_variables_travel_to_the_handler_and_not_back() -> None:
    async def seen() -> str:
        found = request_id.get()
        request_id.set("changed by the handler")
        return found

    async with supervised(Workbench) as bus:

        async def ask_as(name: str, message: Request[Any]) -> tuple[str, str]:
            request_id.set(name)
            return await bus.ask(message), request_id.get()

        answers = await replies_of(ask_as("a", DoSerially(work=seen)), ask_as("b", DoConcurrently(work=seen)))
        assert answers == [("a", "a"), ("b", "b")]

        heard = asyncio.get_running_loop().create_future()

        async def hear() -> None:
            heard.set_result(request_id.get())

        request_id.set("c")
        bus.publish(Happened(work=hear))
        assert await heard == "c"


async def test_messages_for_an_actor_that_is_away_are_refused() -> None:
    bus = Bus()
    bus.register(Workbench)
    with pytest.raises(Unavailable):
        await bus.ask(DoSerially(work=nothing))
    with pytest.raises(TypeError, match="no actor handles"):
        await Bus().ask(DoSerially(work=nothing))
    assert bus.statistics.of(DoSerially).refused == 1


@attrs.frozen(kw_only=True)
class Plain(Request[None]):
    pass


class First(Actor):
    @handles(Plain)
    async def plain(self, _: Plain) -> None:
        pass


class Second(Actor):
    @handles(Plain)
    async def plain(self, _: Plain) -> None:
        pass


def test_a_message_has_one_owner_and_one_method() -> None:
    bus = Bus()
    bus.register(First)
    with pytest.raises(TypeError, match="two owners for Plain"):
        bus.register(Second)
    with pytest.raises(TypeError, match="First is registered already"):
        bus.register(First)

    with pytest.raises(TypeError, match="has two methods for Plain"):

        class _Twice(First):
            @handles(Plain)
            async def again(self, _: Plain) -> None:
                pass


async def test_the_counters_tell_what_became_of_each_message() -> None:
    gate, cancelled = Gate(), Gate()
    async with supervised(Workbench) as bus:
        holding = asyncio.create_task(bus.ask(DoSerially(work=gate)))
        await gate.begun.wait()
        fitting = [asyncio.create_task(bus.ask(DoSerially(work=nothing))) for _ in range(6)]
        leaving = asyncio.create_task(bus.ask(DoSerially(work=cancelled)))
        await settled()
        with pytest.raises(Overloaded):
            await bus.ask(DoSerially(work=nothing))
        leaving.cancel()
        gate.open()
        await asyncio.gather(holding, *fitting)
        with capture_logs(), pytest.raises(InternalError):
            await bus.ask(DoSerially(work=bug))

        counters = bus.statistics.snapshot()["DoSerially"]
    counts = {name: value for name, value in attrs.asdict(counters).items() if not name.startswith("seconds")}
    assert counts == {"asked": 9, "refused": 1, "late": 0, "abandoned": 1, "failed": 1, "handled": 8}
    assert counters.seconds_in_handler > 0
    assert counters.seconds_in_mailbox > 0


class Forgettable(NotFound):
    """An error whose end a test can see."""


@pytest.mark.parametrize("kind", [DoSerially, DoConcurrently])
async def test_requests_and_errors_are_freed_at_once(kind: type[Any]) -> None:
    """No idle loop keeps the last request, and errors, frames and futures form no circle for the collector."""

    async def refuse() -> None:
        raise Forgettable("no")

    async def asked(work: Work) -> list[weakref.ref[Any]]:
        request = kind(work=work)
        try:
            await bus.ask(request)
        except Forgettable as error:
            return [weakref.ref(request), weakref.ref(error)]
        return [weakref.ref(request)]

    async with supervised(Workbench) as bus:
        gc.disable()
        try:
            remains = await asked(refuse)
            await settled()
            assert [kept() for kept in remains] == [None, None]
            remains = await asked(nothing)
            await settled()
            assert [kept() for kept in remains] == [None]
        finally:
            gc.enable()
