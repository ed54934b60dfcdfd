"""Middleware of every gRPC call: log context, bounded messages, errors, and draining at stop."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeAlias

import structlog
from grpclib.const import Handler
from grpclib.exceptions import GRPCError
from grpclib.server import Stream

from actors.errors import InternalError, StudioError, Unavailable
from actors.runtime.budget import Budget
from transports import log_context
from transports.addresses import host_and_port, plain
from transports.grpc.config import GrpcConfig
from transports.grpc.message_reader import MessageReader, takes_bytes
from transports.grpc.misdirected import note_refusal
from transports.grpc.otlp_services import OTLP
from transports.grpc.status import status_of

log = structlog.get_logger(__name__)


class Servable(Protocol):
    """A gRPC service: a mapping of paths to methods."""

    def __mapping__(self) -> Mapping[str, Handler]: ...


Method: TypeAlias = Callable[[Stream[Any, Any]], Awaitable[None]]


class Calls:
    """The calls of one server, served in place of its services.

    Stop waits for calls of ``services``; calls of the ``others``, such as health and reflection, go on until the end.
    """

    def __init__(self, services: Sequence[Servable], others: Sequence[Servable], config: GrpcConfig) -> None:
        self._config = config
        self._anonymous_budget = Budget(config.limits.anonymous_bytes)
        self._methods = {
            path: handler._replace(func=partial(self._answer, handler.func, path, awaited))
            for awaited, group in ((True, services), (False, others))
            for service in group
            for path, handler in service.__mapping__().items()
        }
        self._in_work = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False

    def __mapping__(self) -> Mapping[str, Handler]:
        return self._methods

    async def drain(self, grace: float) -> None:
        """Refuse further calls as ``Unavailable`` and wait up to ``grace`` seconds for those in work."""
        self._draining = True
        try:
            async with asyncio.timeout(grace):
                await self._idle.wait()
        except TimeoutError:
            log.warning("calls cut short at stop", calls=self._in_work, grace=grace)

    async def _answer(self, method: Method, path: str, awaited: bool, stream: Stream[Any, Any]) -> None:
        request_id = f"{random.getrandbits(64):016x}"
        log_context.REQUEST_ID.set(request_id)
        log_context.METHOD.set(path)
        log_context.PEER.set(_address_of(stream))
        if awaited:
            self._begun()
        try:
            if awaited and self._draining:
                raise Unavailable("The server is stopping")  # noqa: TRY301 - answered like any error
            with self._budget_of(stream).reserve() as reservation:
                # An instance attribute, so that handlers still have grpclib's own stream for everything else.
                stream.recv_message = MessageReader(stream, reservation, self._config).next_message  # type: ignore[method-assign]
                await method(stream)
        except StudioError as error:
            if path.startswith(OTLP):
                note_refusal(self._config.misdirected, stream, error)
            raise status_of(error, request_id) from error
        except GRPCError:
            raise
        except Exception:
            log.exception("call failed")
            raise status_of(InternalError("Internal Server Error"), request_id) from None
        finally:
            if awaited:
                self._ended()

    def _budget_of(self, stream: Stream[Any, Any]) -> Budget:
        """The budget of a call: exports have one of their own, which nobody without a key can exhaust."""
        return self._config.otlp_budget if takes_bytes(stream) else self._anonymous_budget

    def _begun(self) -> None:
        self._in_work += 1
        self._idle.clear()

    def _ended(self) -> None:
        self._in_work -= 1
        if self._in_work == 0:
            self._idle.set()


def _address_of(stream: Stream[Any, Any]) -> str:
    address = stream.peer.addr()
    return host_and_port(plain(address[0]), address[1]) if address else "unknown"
