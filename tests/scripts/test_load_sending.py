"""Sending of load: every request once, at its time, and again after the wait of a refusal."""

import asyncio
import threading
import time
from contextlib import closing

import attrs
import grpclib.server
import pytest
from aiohttp import web
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty
from google.rpc.error_details_pb2 import RetryInfo
from grpclib.const import Cardinality, Handler, Status
from grpclib.encoding.proto import ProtoStatusDetailsCodec
from grpclib.exceptions import GRPCError

from scripts.load.empty_receiver import EmptyReceiver
from scripts.load.figures import milliseconds, percentiles, spread
from scripts.load.payloads import Payload, Payloads
from scripts.load.senders import EXPORT, SENDERS, GrpcSender, HttpSender, NotAcknowledged, Sender
from scripts.load.sending import as_fast_as_acknowledged, on_schedule
from scripts.load.watching import OwnPauses, repeated

pytestmark = pytest.mark.integration


class Receiver:
    """Takes what is sent, after so many refusals."""

    def __init__(self, refusals: int = 0, retry_after: float | None = 0.0) -> None:
        self.bodies: list[bytes] = []
        self._refusals, self._retry_after = refusals, retry_after
        self._lock = threading.Lock()

    def send(self, body: bytes) -> None:
        with self._lock:
            self._refusals -= 1
            if self._refusals >= 0:
                raise NotAcknowledged("no room", retryable=True, retry_after=self._retry_after)
            self.bodies.append(body)

    def close(self) -> None: ...


@pytest.fixture(scope="module")
def payloads() -> list[Payload]:
    made = Payloads(3)
    return [made.make("sent") for _ in range(40)]


def test_each_request_is_sent_once_by_all_clients_together(payloads: list[Payload]) -> None:
    receiver, heard = Receiver(), list[Payload]()

    sent = as_fast_as_acknowledged([receiver] * 4, payloads, heard.append)

    assert sorted(receiver.bodies) == sorted(payload.body for payload in payloads)
    assert len(sent.delays) == len(heard) == len(payloads)


def test_a_refusal_is_waited_for_and_counted(payloads: list[Payload]) -> None:
    receiver = Receiver(refusals=3, retry_after=0.001)

    sent = as_fast_as_acknowledged([receiver], payloads)

    assert sent.refusals == [0.001] * 3
    assert receiver.bodies == [payload.body for payload in payloads]


def test_a_refusal_that_names_no_time_ends_the_load(payloads: list[Payload]) -> None:
    with pytest.raises(NotAcknowledged):
        as_fast_as_acknowledged([Receiver(refusals=1, retry_after=None)] * 2, payloads)


def test_requests_keep_their_times_when_the_receiver_is_slow(payloads: list[Payload]) -> None:
    class Slow(Receiver):
        def send(self, body: bytes) -> None:
            threading.Event().wait(0.01)
            super().send(body)

    sent = on_schedule([Slow()], payloads[:10], interval=0.001)

    assert sent.delays == sorted(sent.delays)  # each waits for all before it, and that counts
    assert sent.delays[-1] >= 0.1 - 0.009


def test_no_request_is_sent_before_its_time(payloads: list[Payload]) -> None:
    began = time.perf_counter()

    on_schedule([Receiver()] * 2, payloads[:10], interval=0.005)

    assert time.perf_counter() - began >= 9 * 0.005


@pytest.mark.parametrize("protocol", SENDERS)
def test_the_empty_receiver_takes_what_the_studio_takes(protocol: str, payloads: list[Payload]) -> None:
    with EmptyReceiver() as receiver, closing(SENDERS[protocol](receiver, "any key")) as sender:
        assert len(as_fast_as_acknowledged([sender], payloads).delays) == len(payloads)


def test_figures_are_those_of_the_values() -> None:
    assert percentiles(range(100, 0, -1), 0, 0.5, 0.95, 1) == [1, 51, 96, 100]
    assert spread([3.0, 1.0, 2.0]) == "2 (1 to 3)"
    assert spread([0.5], ".2f") == "0.50"
    assert [milliseconds(seconds) for seconds in (0.0012345, 0.012345, 1.2345)] == ["1.23", "12.3", "1,234"]


@attrs.frozen
class At:
    """A receiver on one port."""

    port: int

    @property
    def http_port(self) -> int:
        return self.port

    @property
    def otlp_port(self) -> int:
        return self.port


async def refusal_of(sender: Sender) -> NotAcknowledged:
    with closing(sender), pytest.raises(NotAcknowledged) as refusal:
        await asyncio.to_thread(sender.send, b"")
    return refusal.value


async def test_how_long_to_wait_is_read_from_http() -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "7"})

    app = web.Application()
    app.router.add_post("/v1/traces", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()

    refusal = await refusal_of(HttpSender(At(runner.addresses[0][1]), "key"))

    assert (refusal.retryable, refusal.retry_after) == (True, 7.0)
    await runner.cleanup()


class Refusing:
    def __mapping__(self) -> dict[str, Handler]:
        return {EXPORT: Handler(self._refuse, Cardinality.UNARY_UNARY, Empty, Empty)}

    async def _refuse(self, _: "grpclib.server.Stream[Empty, Empty]") -> None:
        details = [RetryInfo(retry_delay=Duration(nanos=250_000_000))]
        raise GRPCError(Status.RESOURCE_EXHAUSTED, "no room", details)


async def test_how_long_to_wait_is_read_from_grpc() -> None:
    server = grpclib.server.Server([Refusing()], status_details_codec=ProtoStatusDetailsCodec())
    await server.start("127.0.0.1", 0)

    refusal = await refusal_of(GrpcSender(At(server._server.sockets[0].getsockname()[1]), "key"))  # type: ignore[union-attr] # grpclib hides it

    assert (refusal.retryable, refusal.retry_after) == (True, 0.25)
    server.close()
    await server.wait_closed()


def test_a_pause_of_the_sending_process_is_noticed() -> None:
    held = threading.Event()

    def sleep(seconds: float) -> None:
        """The first time for a tenth of a second too long, as if the others did not let it go on."""
        time.sleep(seconds + (0.0 if held.is_set() else 0.1))
        held.set()

    pauses = OwnPauses(sleep)
    with repeated(pauses.look, every=0):
        assert held.wait(10)
    assert pauses.longest >= 0.1
