"""The type checker knows what an ask returns."""

import attrs

from actors.runtime.bus import Bus
from actors.runtime.messages import Event, Request, StreamRequest


@attrs.frozen(kw_only=True)
class CountSpans(Request[int]):
    service: str = ""


@attrs.frozen(kw_only=True)
class FindName(Request[str | None]):
    pass


@attrs.frozen(kw_only=True)
class WatchNames(StreamRequest[str]):
    pass


@attrs.frozen(kw_only=True)
class NameFound(Event):
    pass


def use(_: object) -> None:
    pass


async def right(bus: Bus) -> None:
    count: int = await bus.ask(CountSpans())
    name: str | None = await bus.ask(FindName(), timeout=count)
    async with bus.stream(WatchNames()) as names:
        async for each in names:
            name = each
    bus.publish(NameFound())
    use(name)


async def wrong_use_of_a_reply(bus: Bus) -> None:
    text: str = await bus.ask(CountSpans())  # E: arg-type
    (await bus.ask(FindName())).upper()  # E: union-attr
    (await bus.ask(CountSpans())).upper()  # E: attr-defined
    async with bus.stream(WatchNames()) as names:
        async for name in names:
            number: int = name  # E: assignment
            use(number)
    use(text)


async def wrong_kind_of_message(bus: Bus) -> None:
    await bus.ask(WatchNames())  # E: arg-type
    await bus.ask(NameFound())  # E: arg-type
    bus.publish(CountSpans())  # E: arg-type
    async with bus.stream(CountSpans()):  # E: arg-type
        pass


async def wrong_way(bus: Bus) -> None:
    bus.ask(CountSpans())  # E: unused-coroutine
    CountSpans().service = "messages are frozen"  # E: misc
    CountSpans("by name only")  # E: call-arg
