"""Followers over a bus: each span once and in order, whatever becomes of the store; bounds; nothing without them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import attrs
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from actors.errors import NotFound, Overloaded, Unavailable
from actors.live import actor as live
from actors.live.actor import LiveActor
from actors.live.messages import CaughtUp, Follow, GetLiveLoad, Item, Lagged, LiveEvent, Of, Page
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.span_store.actor import SpanStoreActor
from actors.span_store.asked.arrivals import GetEnd, ListNews
from actors.span_store.columns.spans import Span
from actors.span_store.embedded.lifetime import EmbeddedStorage, Limits
from actors.span_store.messages import IngestSpans
from actors.span_store.query.expression import EVERYTHING, Attribute, Equals, Expression
from actors.span_store.query.position import Position
from actors.span_store.traces.summary import SpanSummary
from tests.spans import span

pytestmark = pytest.mark.integration

FLUSHING = Limits(flush_at=1, deferred=0)
ONE, TRUE = Equals(Attribute("v"), 1), Equals(Attribute("v"), value=True)


@attrs.define
class Crash:
    """What makes the span store's actor crash."""

    wanted: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def comes(self) -> None:
        await self.wanted.wait()
        self.wanted.clear()
        raise RuntimeError("a crash that a test wants")


class MortalStorage(EmbeddedStorage):
    """The embedded engine, which crashes when it is told to."""

    crash: Crash

    @classmethod
    async def mortal(cls, path: Path, limits: Limits, crash: Crash) -> Self:
        storage = await cls.open(path, limits=limits)
        assert isinstance(storage, cls)
        storage.crash = crash
        return storage

    async def tend(self) -> None:
        await self.crash.comes()


@attrs.frozen
class Stage:
    bus: Bus
    crash: Crash

    async def store(self, *spans: Span) -> None:
        await self.bus.ask(IngestSpans(spans=spans, size=1))

    @asynccontextmanager
    async def follower(self, where: Expression = EVERYTHING, **others: object) -> AsyncIterator["Heard"]:
        """One that has caught up."""
        async with self.bus.stream(Follow(where=where, **others)) as events:  # type: ignore[arg-type] # members of it
            heard = Heard(events)
            await heard.until(CaughtUp)
            yield heard


@attrs.define
class Heard:
    """What one follower hears."""

    _events: AsyncIterator[tuple[LiveEvent, ...]]
    _waiting: list[LiveEvent] = attrs.field(factory=list)

    async def next(self) -> LiveEvent:
        async with asyncio.timeout(60):
            while not self._waiting:
                self._waiting += await anext(self._events)
        return self._waiting.pop(0)

    async def until(self, kind: type[LiveEvent]) -> list[LiveEvent]:
        found = [await self.next()]
        while not isinstance(found[-1], kind):
            found.append(await self.next())
        return found

    async def numbers(self, count: int) -> list[int]:
        """Of the next spans; nothing may be left out."""
        return [number_of(await self.next()) for _ in range(count)]


@asynccontextmanager
async def staged(folder: Path, limits: Limits | None = None) -> AsyncIterator[Stage]:
    bus, crash = Bus(), Crash()
    supervisor = Supervisor(bus, backoff=0.001, most_crashes=100)
    opened = partial(MortalStorage.mortal, folder / "traces.duckdb", limits or Limits(), crash)
    supervisor.add(SpanStoreActor, lambda bus: SpanStoreActor.running(bus, opened, accounts=folder / "junjo.db"))
    supervisor.add(LiveActor, lambda bus: nullcontext(LiveActor(bus, seconds=0.001, trace_seconds=0.002)))
    await supervisor.start()
    try:
        yield Stage(bus, crash)
    finally:
        await supervisor.stop()


def number_of(event: LiveEvent) -> int:
    assert isinstance(event, Item), event
    assert isinstance(event.item, SpanSummary)
    return int(event.item.span_id, 16)


def positions(events: Sequence[LiveEvent]) -> list[int]:
    return [event.position.number for event in events]


async def test_nobody_looks_without_followers(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.store(span(1))
        async with stage.follower() as heard:
            await stage.store(span(2))
            assert await heard.numbers(1) == [2]
        assert (await stage.bus.ask(GetLiveLoad())).followers == 0
        asked = [stage.bus.statistics.of(kind).asked for kind in (GetEnd, ListNews)]
        for number in range(3, 9):
            await stage.store(span(number))
        assert [stage.bus.statistics.of(kind).asked for kind in (GetEnd, ListNews)] == asked


async def test_one_and_true_are_different_filters(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage, stage.follower(ONE) as ones, stage.follower(TRUE) as trues:
        values = [1, True, 1.0, 0, False, 1]
        await stage.store(*(span(number, attributes={"v": value}) for number, value in enumerate(values)))
        assert await ones.numbers(3) == [0, 2, 5]
        assert await trues.numbers(1) == [1]


async def test_who_matches_more_than_it_gets_hears_how_many_were_left_out(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage, stage.follower() as heard:
        await stage.store(*(span(number) for number in range(1, 3001)))
        events = await heard.until(Lagged)
        items, lagged = events[:-1], events[-1]
        assert isinstance(lagged, Lagged)
        assert [number_of(event) for event in items] == list(range(1, len(items) + 1))
        assert len(items) >= 1000, "a second's worth may come at once"
        assert lagged.position.number == len(items) + lagged.skipped
        assert (await stage.bus.ask(GetLiveLoad())).skipped >= lagged.skipped
        async with stage.follower(after=items[-1].position) as again:
            await stage.store(span(3001))
            assert await again.numbers(1) == [3001]


async def test_before_it_has_caught_up_nothing_is_left_out(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.store(*(span(number) for number in range(1, 3001)))
        async with stage.bus.stream(Follow(after=Position(0))) as events:
            told = await Heard(events).until(CaughtUp)
        assert [number_of(event) for event in told[:-1]] == list(range(1, 3001))
        assert positions(told) == [*range(1, 3001), 3000]


async def test_what_leaves_memory_before_it_was_looked_at_is_read_from_segments(tmp_path: Path) -> None:
    async with staged(tmp_path, FLUSHING) as stage, stage.follower() as heard:
        for number in range(1, 31):
            await stage.store(span(number, attributes={"v": number}))
        assert await heard.numbers(30) == list(range(1, 31))


async def test_followers_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_FOLLOWERS", 1)
    async with staged(tmp_path) as stage:
        async with stage.follower():
            with pytest.raises(Overloaded):
                async with stage.follower():
                    pytest.fail("one too many")
        async with stage.follower():
            pass


async def test_a_position_that_is_none_is_not_found(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        for of in Of:
            with pytest.raises(NotFound):
                async with stage.follower(after=Position(9), of=of):
                    pytest.fail("no such position")


async def test_traces_wait_for_each_other_and_are_told_in_the_order_of_their_first_news(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.store(span(1, trace_id=1), span(2, trace_id=2))
        async with stage.bus.stream(Follow(of=Of.TRACES)) as events:
            heard = Heard(events)
            [page, *_] = await heard.until(CaughtUp)
            assert isinstance(page, Page)
            assert len(page.items) == 2
            await stage.store(*(span(10 + number, trace_id=number) for number in (3, 1, 4)))
            told = [await heard.next() for _ in range(3)]
        assert [int(event.item.trace_id, 16) for event in told if isinstance(event, Item)] == [3, 1, 4]
        assert positions(told) == [3, 4, 5]


STEPS = ("send", "send", "send", "crash", "leave", "come")


@given(
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 5)), min_size=4, max_size=10), flushes=st.booleans()
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=4)
def test_each_span_is_told_once_whatever_happens_meanwhile(steps: list[tuple[str, int]], *, flushes: bool) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(go_through(Path(folder), steps, FLUSHING if flushes else Limits()))


async def go_through(folder: Path, steps: list[tuple[str, int]], limits: Limits) -> None:
    async with staged(folder, limits) as stage:
        stories = [Story(stage, where) for where in (EVERYTHING, ONE, Equals(Attribute("v"), 2))]
        sent = 0
        for kind, count in steps:
            match kind:
                case "send":
                    for _ in range(count):
                        sent += 1
                        await stored(stage, span(sent, trace_id=sent % 3, attributes={"v": sent % 3}))
                case "crash":
                    stage.crash.wanted.set()
                case "leave":
                    await stories[count % 3].leave()
                case _:
                    stories[count % 3].come()
        for story, value in zip(stories, (None, 1, 2), strict=True):
            await story.hears([number for number in range(1, sent + 1) if value in (None, number % 3)])
            await story.leave()


@attrs.define
class Story:
    """A follower that comes and goes, and goes on where it was."""

    stage: Stage
    where: Expression
    told: list[int] = attrs.field(factory=list)
    position: Position = attrs.field(factory=lambda: Position(0))
    task: asyncio.Task[None] | None = None
    changed: asyncio.Event = attrs.field(factory=asyncio.Event)

    def come(self) -> None:
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._follow())

    async def leave(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait({self.task})

    async def hears(self, expected: list[int]) -> None:
        async with asyncio.timeout(60):
            while len(self.told) < len(expected):
                self.come()
                self.changed.clear()
                await self.changed.wait()
        assert self.told == expected

    async def _follow(self) -> None:
        try:
            async with self.stage.bus.stream(Follow(where=self.where, after=self.position)) as events:
                async for together in events:
                    for event in together:
                        assert not isinstance(event, Lagged)
                        self.told += [number_of(event)] if isinstance(event, Item) else []
                        self.position = event.position
                    self.changed.set()
        finally:
            self.changed.set()


async def stored(stage: Stage, one: Span) -> None:
    """As soon as the store is there again."""
    while True:
        try:
            await stage.store(one)
        except Unavailable:
            await asyncio.sleep(0)
        else:
            return
