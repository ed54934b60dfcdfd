"""Calls of a provider: each with a deadline, and every fault raised as ``ProviderFailed``."""

import asyncio
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from typing import Protocol

import attrs
import httpx2
import structlog

from actors.errors import ProviderFailed
from actors.playground.prompt import Completion
from actors.playground.providers.event_stream import DONE, Event, document_of, events_in, events_of
from actors.playground.providers.provider import Chunk
from actors.playground.providers.provider_errors import error_in, presentable, status_in, words_in
from actors.playground.providers.untrusted import member
from actors.retry_after import seconds_to_wait

log = structlog.get_logger(__name__)

_SERVER_FAULT = 500
_MOST_PAGES = 100  # of a list of models

_REASONS = {
    401: "the API key is not accepted",
    403: "the API key has no permission",
    404: "not found",
    408: "no answer in time",
    413: "the request is too large",
    429: "too many requests, or the quota is used up",
    529: "overloaded",  # Anthropic's own
}
_QUOTING_THE_KEY = {401, 403}  # their messages quote the key, in parts


@attrs.frozen(kw_only=True)
class Fault:
    """A fault of a provider: its message, and the HTTP status, either of the answer or named in it, if any."""

    message: str
    status: int | None = None
    retry_after: float | None = None

    @classmethod
    def of_refusal(cls, response: httpx2.Response) -> "Fault":
        """The fault of an answer whose status is an error."""
        words = words_in(document_of(response.content))
        return cls(message=words, status=response.status_code, retry_after=seconds_to_wait(response.headers))


OpenStream = Callable[[], Awaitable[httpx2.Response]]
ListPage = Callable[[str], Awaitable[httpx2.Response]]  # a page by its token, which is "" for the first one
PageAfter = Callable[[object], str]  # the token of the next page, found in this one; "" in the last one


class Answer(Protocol):
    """Reader of an answer that arrives in parts."""

    @property
    def begun(self) -> bool:
        """Whether anything came that belongs to an answer."""

    def add(self, event: object, /) -> Iterable[Chunk]:
        """Read an event, which is any JSON; returns the chunks to pass on."""

    def end(self) -> Iterable[Chunk]:
        """Return the chunks that were not passed on yet, and at last the ``Completion``."""


@attrs.frozen(kw_only=True)
class Calls:
    """Calls of one provider.

    ``fault_of`` translates the exceptions of the provider's SDK; it returns ``None`` for any other.
    """

    provider: str
    key: str = attrs.field(repr=False)
    fault_of: Callable[[Exception], Fault | None]

    async def one(self, call: Awaitable[httpx2.Response], answer: Answer, seconds: float) -> Completion:
        """Read a plain answer."""
        events = events_of((await self._answered(call, seconds)).content)
        for event in events:
            self._add(answer, event)
        if not answer.begun:
            self._log_oddity(error="no answer")
        *_, completion = self._end(answer, events)
        if not isinstance(completion, Completion):
            raise TypeError("an answer ends with its completion")
        return completion

    async def items(
        self, list_page: ListPage, names: Iterable[str], page_after: PageAfter, seconds: float
    ) -> list[object]:
        """Read a list, page after page.

        Each page is a list of items, which may be wrapped in a member of one of ``names``.
        """
        items: list[object] = []
        seen: set[str] = set()
        page = ""
        with self._faults():
            async with asyncio.timeout(seconds):
                while page not in seen and len(seen) < _MOST_PAGES:
                    seen.add(page)
                    document = document_of((await list_page(page)).content)
                    items.extend(self._items_of(document, names))
                    page = page_after(document)
        return items

    async def each(self, open_stream: OpenStream, answer: Answer, seconds: float) -> AsyncGenerator[Chunk, None]:
        """Read a streamed answer. Leaving the generator, in whatever way, closes the provider's connection."""
        deadline = asyncio.get_running_loop().time() + seconds
        with self._faults():
            async with asyncio.timeout_at(deadline):
                response = await open_stream()
        odd: list[Event] = []
        ended = False
        async with aclosing(response), aclosing(events_in(response)) as events:
            while (event := await self._next(events, answer, deadline)) is not None:
                ended |= event.data is DONE
                if isinstance(event.data, str) and not odd:
                    self._log_oddity(error="no JSON")
                    odd.append(event)
                for chunk in self._add(answer, event):
                    yield chunk
            for chunk in self._end(answer, odd, ended=ended):
                yield chunk

    async def _answered(self, call: Awaitable[httpx2.Response], seconds: float) -> httpx2.Response:
        with self._faults():
            async with asyncio.timeout(seconds):
                return await call

    def _items_of(self, document: object, names: Iterable[str]) -> list[object]:
        found = [document, *(member(document, name) for name in names)]
        items = next((value for value in found if isinstance(value, list)), None)
        if items is None or member(document, "error"):
            self._check(Event("", document))
        if items is None:
            self._log_oddity(error="no list")
            raise self._not_understood([Event("", document)])
        if len(items) == 1 and member(items[0], "error"):  # an error may come in a list, too
            self._check(Event("", items[0]))
        return items

    async def _next(self, events: AsyncGenerator[Event, None], answer: Answer, deadline: float) -> Event | None:
        """The next event; ``None`` behind the last one, also where the connection is cut in the middle of an answer.

        The timeout does not reach over the yields of ``each``: the consumer may be another task.
        """
        with self._faults():
            async with asyncio.timeout_at(deadline):
                try:
                    return await anext(events, None)
                except httpx2.TimeoutException:
                    raise
                except httpx2.HTTPError:
                    if not answer.begun:
                        raise
                    log.warning("provider's answer was cut", provider=self.provider)
                    return None

    def _add(self, answer: Answer, event: Event) -> Iterable[Chunk]:
        """Read an event; one that is no JSON is skipped."""
        self._check(event)
        if isinstance(event.data, str):
            return ()
        data = event.data
        if event.name and isinstance(data, dict) and "type" not in data:
            data = {"type": event.name, **data}
        with self._faults():
            return answer.add(data)

    def _check(self, event: Event) -> None:
        error = error_in(event.data, event.name)
        if error is not None:
            raise self._failed(Fault(message=words_in(error), status=status_in(error)))

    def _end(self, answer: Answer, odd: Iterable[Event], *, ended: bool = False) -> Iterable[Chunk]:
        """End the answer with the parts that came, if any did."""
        if answer.begun or ended:
            return answer.end()
        if odd:
            raise self._not_understood(odd)
        raise ProviderFailed(f"{self.provider}: the stream ended before the answer did")

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
            # Exceptions of an SDK that reads unexpected data, and of an answer that is too large.
            if not isinstance(error, ValueError | TypeError | AttributeError | LookupError | RecursionError):
                raise
            # The error's text may hold what the model said, which is not for the log.
            place = traceback.extract_tb(error.__traceback__)[-1]
            self._log_oddity(error=type(error).__name__, at=f"{place.filename}:{place.lineno}")
            raise ProviderFailed(f"{self.provider}: the answer is not understood") from error

    def _not_understood(self, events: Iterable[Event]) -> ProviderFailed:
        """The error for an answer of status 200 that is none, with the plain text in it."""
        message = next((words for event in events if not (words := words_in(event.data)).startswith(("{", "["))), "")
        reason = presentable(message, self.key) or "the answer is not understood"
        return ProviderFailed(f"{self.provider}: {reason}")

    def _log_oddity(self, **facts: str) -> None:
        log.warning("provider's answer not understood", provider=self.provider, **facts)

    def _failed(self, fault: Fault) -> ProviderFailed:
        reason = _reason(fault)
        if fault.status not in _QUOTING_THE_KEY:
            reason = ": ".join(part for part in (reason, presentable(fault.message, self.key)) if part)
        failed = ProviderFailed(f"{self.provider}: {reason or 'it reports an error'}")
        failed.retry_after = fault.retry_after
        return failed


def _reason(fault: Fault) -> str:
    if fault.status is None:
        return ""
    reason = _REASONS.get(fault.status) or ("the server failed" if fault.status >= _SERVER_FAULT else "refused")
    return f"{reason} ({fault.status})"
