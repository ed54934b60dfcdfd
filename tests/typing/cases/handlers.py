"""A handler takes the very request it is marked with and returns its reply type."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import ClassVar

import attrs

from actors.errors import Conflict, StudioError
from actors.runtime.actor import Actor, handles, handles_batched, handles_inline, streams, subscribes
from actors.runtime.lane import Lane
from actors.runtime.messages import Event, Request, StreamRequest


@attrs.frozen(kw_only=True)
class CountSpans(Request[int]):
    pass


@attrs.frozen(kw_only=True)
class FindName(Request[str | None]):
    pass


@attrs.frozen(kw_only=True)
class DeleteAll(Request[None]):
    pass


@attrs.frozen(kw_only=True)
class WatchNames(StreamRequest[str]):
    pass


@attrs.frozen(kw_only=True)
class NameFound(Event):
    pass


class Right(Actor):
    lanes: ClassVar[Mapping[str, Lane]] = {"reads": Lane(at_once=8)}

    @handles(CountSpans)
    async def count_spans(self, _: CountSpans) -> int:
        return 1

    @handles(FindName, lane="reads")
    async def find_name(self, _: FindName) -> str:
        return "a name where there may be none is right"

    @handles(DeleteAll)
    async def delete_all(self, _: Request[None]) -> None:
        """One that takes every request of the kind may take this one."""

    @streams(WatchNames)
    async def watch_names(self, _: WatchNames) -> AsyncGenerator[str, None]:
        yield "name"

    @subscribes(NameFound)
    async def name_found(self, _: NameFound) -> None:
        pass


class RightTogether(Actor):
    @handles_batched(CountSpans, messages=2, weight=0)
    async def count_spans(self, requests: Sequence[CountSpans]) -> Sequence[int | StudioError]:
        return [1 for _ in requests] or [Conflict("nothing")]


class RightAtOnce(Actor):
    @handles_inline(CountSpans)
    def count_spans(self, _: CountSpans) -> int:
        return 1

    @handles_inline(FindName)
    def find_name(self, _: FindName) -> str:
        return "a name where there may be none is right"


class WrongReply(Actor):
    lanes: ClassVar[Mapping[str, Lane]] = {"reads": Lane(at_once=8)}

    @handles(CountSpans)  # E: arg-type
    async def count_spans(self, _: CountSpans) -> str:
        return "1"

    @handles(FindName, lane="reads")  # E: arg-type
    async def find_name(self, _: FindName) -> bytes:
        return b""

    @handles(DeleteAll)  # E: arg-type
    async def delete_all(self, _: DeleteAll) -> bool:
        return True

    @streams(WatchNames)  # E: arg-type
    async def watch_names(self, _: WatchNames) -> AsyncGenerator[int, None]:
        yield 1

    @subscribes(NameFound)  # E: arg-type
    async def name_found(self, _: NameFound) -> int:
        return 1


class WrongReplies(Actor):
    @handles_batched(CountSpans, messages=2, weight=0)  # E: arg-type
    async def count_spans(self, requests: Sequence[CountSpans]) -> Sequence[str | StudioError]:
        return [str(request) for request in requests]


class WrongReplyToAll(Actor):
    @handles_batched(CountSpans, messages=2, weight=0)  # E: arg-type
    async def count_spans(self, requests: Sequence[CountSpans]) -> int:
        return len(requests)


class WrongAtOnce(Actor):
    @handles_inline(CountSpans)  # E: arg-type
    def count_spans(self, _: CountSpans) -> str:
        return "1"

    @handles_inline(FindName)  # E: arg-type
    async def find_name(self, _: FindName) -> str:
        return "nobody would await it"

    @handles_inline(DeleteAll)  # E: arg-type
    def delete_all(self, _: CountSpans) -> None:
        pass

    @handles_inline(WatchNames)  # E: misc, arg-type
    def watch_names(self, _: WatchNames) -> str:
        return ""


class WrongRequest(Actor):
    @handles(CountSpans)  # E: arg-type
    async def count_spans(self, _: DeleteAll) -> int:
        return 1

    @handles_batched(DeleteAll, messages=2, weight=0)  # E: arg-type
    async def delete_all(self, requests: Sequence[CountSpans]) -> Sequence[StudioError | None]:
        return [None for _ in requests]

    @subscribes(NameFound)  # E: arg-type
    async def name_found(self, _: CountSpans) -> None:
        pass


class WrongKind(Actor):
    @handles(WatchNames)  # E: misc, arg-type
    async def watch_names(self, _: WatchNames) -> str:
        return ""

    @streams(CountSpans)  # E: misc, arg-type
    async def count_spans(self, _: CountSpans) -> AsyncGenerator[int, None]:
        yield 1

    @handles(NameFound)  # E: misc, arg-type
    async def name_found(self, _: NameFound) -> None:
        pass

    @subscribes(CountSpans)  # E: type-var
    async def counted(self, _: CountSpans) -> None:
        pass

    @handles(DeleteAll)  # E: arg-type
    def delete_all(self, _: DeleteAll) -> None:
        pass
