"""What surrounds every call: its context in the log, the reading of its messages, its errors, and the last of them."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from secrets import token_hex
from typing import Any

import structlog
from grpclib._typing import IServable, IServerMethodFunc
from grpclib.events import RecvRequest
from grpclib.exceptions import GRPCError
from grpclib.server import Stream
from structlog.contextvars import bind_contextvars

from actors.errors import InternalError, StudioError, Unavailable
from transports.grpc.config import GrpcConfig
from transports.grpc.message_reader import MessageReader
from transports.grpc.status import status_of

log = structlog.get_logger(__name__)


class Calls:
    """The calls of one server. ``services`` are those that stop has to wait for; health and reflection go on."""

    def __init__(self, services: Sequence[IServable], config: GrpcConfig) -> None:
        self._awaited = frozenset(path for service in services for path in service.__mapping__())
        self._config = config
        self._in_work = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False

    async def on_request(self, event: RecvRequest) -> None:
        """Listens to grpclib's ``RecvRequest``: puts ``_answer`` around the method."""
        event.method_func = partial(self._answer, event.method_func, event.method_name)

    async def drain(self, grace: float) -> None:
        """Refuse further calls as ``Unavailable`` and wait up to ``grace`` seconds for those in work."""
        self._draining = True
        try:
            async with asyncio.timeout(grace):
                await self._idle.wait()
        except TimeoutError:
            log.warning("calls cut short at stop", calls=self._in_work, grace=grace)

    async def _answer(self, method: IServerMethodFunc, name: str, stream: Stream[Any, Any]) -> None:
        request_id = token_hex(8)
        bind_contextvars(request_id=request_id, method=name, peer=_address_of(stream))
        try:
            with self._counted(name), self._config.otlp_budget.reserve() as reservation:
                # An instance attribute, so that handlers still have grpclib's own stream for everything else.
                stream.recv_message = MessageReader(stream, reservation, self._config).next_message  # type: ignore[method-assign]
                await method(stream)
        except StudioError as error:
            raise status_of(error, request_id) from error
        except GRPCError:
            raise
        except Exception:
            log.exception("call failed")
            raise status_of(InternalError("Internal Server Error"), request_id) from None

    @contextmanager
    def _counted(self, name: str) -> Iterator[None]:
        if name not in self._awaited:
            yield
            return
        if self._draining:
            raise Unavailable("The server is stopping")
        self._in_work += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_work -= 1
            if self._in_work == 0:
                self._idle.set()


def _address_of(stream: Stream[Any, Any]) -> str:
    address = stream.peer.addr()
    return f"{address[0]}:{address[1]}" if address else "unknown"
