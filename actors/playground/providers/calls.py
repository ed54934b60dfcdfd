"""Calls to a vendor: each with a deadline, and its faults told as ``ProviderFailed``."""

import asyncio
import re
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Protocol, TypeVar

import attrs
import httpx2
import structlog

from actors.errors import ProviderFailed
from actors.playground.prompt import Completion
from actors.playground.providers.provider import Chunk

log = structlog.get_logger(__name__)

_MESSAGE_LENGTH = 200
_SERVER_FAULT = 500

_REASONS = {
    401: "the API key is not accepted",
    403: "the API key has no permission",
    404: "not found",
    408: "no answer in time",
    413: "the request is too large",
    429: "too many requests, or the quota is used up",
    529: "overloaded",  # Anthropic's own
}
_TELLING_NOTHING = {401, 403}  # their messages quote the key, in parts

_ADDRESS = re.compile(r"\b[a-z]+://\S+|\bwww\.\S+", re.IGNORECASE)
_KEY = re.compile(r"\b(?:sk|AIza|AQ\.)[A-Za-z0-9_*.-]{6,}")

T = TypeVar("T")
Event = TypeVar("Event")
Event_co = TypeVar("Event_co", covariant=True)
Event_contra = TypeVar("Event_contra", contravariant=True)


@attrs.frozen(kw_only=True)
class Fault:
    """What a vendor's SDK says went wrong: the status of the HTTP answer, if there was one, and the vendor's words."""

    message: str
    status: int | None = None
    retry_after: str | None = None  # the header


class Events(Protocol[Event_co]):
    """An answer that is arriving."""

    def __aiter__(self) -> AsyncIterator[Event_co]: ...

    async def __anext__(self) -> Event_co: ...


OpenStream = Callable[[], Awaitable[AbstractAsyncContextManager[Events[Event]]]]


class Answer(Protocol[Event_contra]):
    """Reads a streamed answer."""

    def add(self, event: Event_contra, /) -> Iterable[Chunk]:
        """What the event says that is to be passed on."""

    def completion(self) -> Completion | None:
        """Everything together; ``None`` when the end is missing."""


@attrs.frozen(kw_only=True)
class Calls:
    """``fault_of`` knows the exceptions of the vendor's SDK; it answers ``None`` to any other."""

    provider: str
    key: str = attrs.field(repr=False)
    fault_of: Callable[[Exception], Fault | None]

    async def one(self, call: Awaitable[T], read: Callable[[T], Completion], seconds: float) -> Completion:
        """A plain answer."""
        with self._faults():
            async with asyncio.timeout(seconds):
                return read(await call)

    async def all_of(self, items: AsyncIterator[T], seconds: float) -> tuple[T, ...]:
        """A list, page after page."""
        with self._faults():
            async with asyncio.timeout(seconds):
                return tuple([item async for item in items])

    async def each(
        self, open_stream: OpenStream[Event], answer: Answer[Event], seconds: float
    ) -> AsyncGenerator[Chunk, None]:
        """A streamed answer. Leaving it, in whatever way, closes the vendor's connection."""
        deadline = asyncio.get_running_loop().time() + seconds
        with self._faults():
            async with asyncio.timeout_at(deadline):
                stream = await open_stream()
        async with stream as events:
            while True:
                # The timeout does not reach over the yields: whoever reads on may be another task.
                with self._faults():
                    async with asyncio.timeout_at(deadline):
                        event = await anext(events, None)
                    if event is None:
                        break
                    chunks = answer.add(event)
                for chunk in chunks:
                    yield chunk
            yield self._whole(answer)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise ProviderFailed(f"{self.provider}: no answer in time") from error
        except httpx2.HTTPError as error:
            raise ProviderFailed(f"{self.provider}: the connection failed") from error
        except Exception as error:
            fault = self.fault_of(error)
            if fault is not None:
                raise self._failed(fault) from error
            # The SDKs hand over whatever JSON a server sends without a look at it, so it fails where it is read.
            if not isinstance(error, ValueError | TypeError | AttributeError | LookupError):
                raise
            # The error's text may hold what the model said, which is not for the log.
            place = traceback.extract_tb(error.__traceback__)[-1]
            log.warning(
                "provider's answer not understood",
                provider=self.provider,
                error=type(error).__name__,
                at=f"{place.filename}:{place.lineno}",
            )
            raise ProviderFailed(f"{self.provider}: the answer is not understood") from error

    def _whole(self, answer: Answer[Event]) -> Completion:
        with self._faults():
            completion = answer.completion()
        if completion is None:
            raise ProviderFailed(f"{self.provider}: the stream ended before the answer did")
        return completion

    def _failed(self, fault: Fault) -> ProviderFailed:
        reason = _reason(fault)
        if fault.status not in _TELLING_NOTHING:
            reason = ": ".join(part for part in (reason, self._presentable(fault.message)) if part)
        failed = ProviderFailed(f"{self.provider}: {reason}")
        failed.retry_after = _seconds(fault.retry_after)
        return failed

    def _presentable(self, message: str) -> str:
        """The vendor's words without keys and addresses, in one short line."""
        if self.key:
            message = message.replace(self.key, "***")
        line = " ".join(_ADDRESS.sub("", _KEY.sub("***", message)).split())
        return line if len(line) <= _MESSAGE_LENGTH else line[: _MESSAGE_LENGTH - 1] + "…"


def read_with(read: Callable[[Any], Completion]) -> Callable[[httpx2.Response], Completion]:
    """Read the answer's JSON with ``read``."""
    # By the standard library: orjson refuses half a surrogate pair, at which vendors cut text now and then.
    return lambda response: read(response.json())


def _reason(fault: Fault) -> str:
    if fault.status is None:
        return ""
    reason = _REASONS.get(fault.status) or ("the server failed" if fault.status >= _SERVER_FAULT else "refused")
    return f"{reason} ({fault.status})"


def _seconds(retry_after: str | None) -> float | None:
    """Of a Retry-After header that is a number. A date is rare and not worth a guess at whose clock is right."""
    if retry_after is None or not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", retry_after):
        return None
    return float(retry_after)
