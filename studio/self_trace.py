"""The studio's own traces (``JUNJO_SELF_TRACE``): each request with all that the actors were asked for it, as spans.

Names are those of OpenTelemetry's conventions for HTTP and messaging. Nothing of a request or a message is in them but
its kind: no path, no query, no body.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from itertools import islice

import attrs
import structlog

from actors.errors import StudioError
from actors.runtime.actor import ActorBus
from actors.runtime.messages import Message
from actors.span_store.columns.spans import AttributeValue, InstrumentationScope, Resource, Span
from actors.span_store.messages import IngestSpans
from studio import __version__
from transports.http.framework.request_tracer import TracedAnswer

log = structlog.get_logger(__name__)

SERVICE = "junjo-ai-studio"
MOST_WAITING = 4096  # spans; one takes about 2 KB
_MOST_TOGETHER = 512
_PAUSE = 1.0  # seconds between commits
_BYTES = 1024  # of one span, as a mailbox counts it
_INTERNAL, _SERVER = 1, 2  # SpanKind
_ERROR = 2  # STATUS_CODE_ERROR
_SAMPLED = 1
_SERVER_FAULT = 500
_RESOURCE = Resource({"service.name": SERVICE, "service.version": __version__})
_SCOPE = InstrumentationScope("junjo-ai-studio.self")


@attrs.frozen
class _Place:
    """The span that is open in a context: what is asked there is a child of it."""

    trace_id: str
    span_id: str


_open: ContextVar[_Place | None] = ContextVar("self_trace", default=None)


class SelfTrace:
    """Makes spans of requests and asks, and stores them once a second. It observes the bus, and traces requests.

    What is asked outside of a request has no span: the studio has much to do by itself, and storing these spans is part
    of it. Where the span store does not take them in time, spans are dropped, and the log says how many.
    """

    def __init__(self) -> None:
        self._ended: deque[Span] = deque()
        self._dropped = 0

    @contextmanager
    def answering(self, method: str, route: str) -> Iterator[TracedAnswer]:
        """See ``RequestTracer``."""
        place = _Place(_random_id(16), _random_id(8))
        answer = TracedAnswer()
        before = _open.set(place)  # the next request of a connection runs in the same context
        began = time.time_ns()
        try:
            yield answer
        finally:
            _open.reset(before)
            told: dict[str, AttributeValue] = {"http.request.method": method, "http.route": route}
            if answer.status is not None:
                told["http.response.status_code"] = answer.status
            failed = answer.status is None or answer.status >= _SERVER_FAULT
            self._end(place, "", f"{method} {route}", _SERVER, began, told, failed=failed)

    @contextmanager
    def asking(self, message: type[Message]) -> Iterator[None]:
        """See ``Observer``."""
        parent = _open.get()
        if parent is None:
            yield
            return
        place = _Place(parent.trace_id, _random_id(8))
        before = _open.set(place)
        began, told = time.time_ns(), {"messaging.message.type": message.__name__}
        failed = False
        try:
            yield
        except BaseException as fault:
            told["error.type"] = type(fault).__name__
            failed = not isinstance(fault, asyncio.CancelledError | GeneratorExit)
            raise
        finally:
            with suppress(ValueError):  # a stream may be left in another context
                _open.reset(before)
            self._end(place, parent.span_id, message.__name__, _INTERNAL, began, {**told}, failed=failed)

    @asynccontextmanager
    async def storing(self, bus: ActorBus) -> AsyncIterator[None]:
        """Store what ends for the length of the block; at its end once more, when it is possible then."""
        working = asyncio.create_task(self._work(bus))
        try:
            yield
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
            await self._store(bus)

    def _end(  # noqa: PLR0917 - what a span has
        self,
        place: _Place,
        parent: str,
        name: str,
        kind: int,
        began: int,
        attributes: dict[str, AttributeValue],
        *,
        failed: bool,
    ) -> None:
        if len(self._ended) >= MOST_WAITING:
            self._dropped += 1
            return
        self._ended.append(
            Span(
                trace_id=place.trace_id,
                span_id=place.span_id,
                parent_span_id=parent,
                trace_state="",
                flags=_SAMPLED,
                name=name,
                kind=kind,
                start_time_unix_nano=began,
                end_time_unix_nano=max(began, time.time_ns()),
                attributes=attributes,
                dropped_attributes_count=0,
                events=(),
                dropped_events_count=0,
                links=(),
                dropped_links_count=0,
                status_code=_ERROR if failed else 0,
                status_message="",
                resource=_RESOURCE,
                scope=_SCOPE,
            )
        )

    async def _work(self, bus: ActorBus) -> None:
        while True:
            await asyncio.sleep(_PAUSE)
            while self._ended and await self._store(bus):
                pass
            if self._dropped:
                log.warning("spans of the studio itself were dropped", spans=self._dropped)
                self._dropped = 0

    async def _store(self, bus: ActorBus) -> bool:
        """Store the first ones, which stay where that fails; whether it was done."""
        together = tuple(islice(self._ended, _MOST_TOGETHER))
        try:
            if together:
                await bus.ask(IngestSpans(spans=together, size=_BYTES * len(together)))
        except StudioError as error:
            log.info("spans of the studio itself have to wait", spans=len(self._ended), reason=error.detail)
            return False
        for _ in together:
            self._ended.popleft()
        return True


def _random_id(size: int) -> str:
    return random.randbytes(size).hex()  # noqa: S311 - to find spans by, and no secret
