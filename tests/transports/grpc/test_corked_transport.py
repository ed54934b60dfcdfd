"""Written bytes arrive complete and in order, at once or with the rest of the loop's turn."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from transports.grpc.corked_transport import CorkedTransport

pytestmark = pytest.mark.integration


class Busy:
    """Whether several calls are being answered, as a test wants it."""

    def __init__(self, now: bool) -> None:
        self.now = now

    def __call__(self) -> bool:
        return self.now


@asynccontextmanager
async def corked(busy: Busy) -> AsyncIterator[tuple[CorkedTransport, socket.socket]]:
    """One end of a pair of sockets, and the other, which never waits."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    plain, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
    transport = CorkedTransport(plain, busy)
    try:
        yield transport, theirs
    finally:
        transport.abort()
        theirs.close()


async def test_the_answer_of_a_lone_call_does_not_wait_for_the_next_turn() -> None:
    async with corked(Busy(False)) as (transport, theirs):
        transport.write(b"headers")
        assert theirs.recv(100) == b"headers"


async def test_answers_of_several_calls_are_sent_together() -> None:
    async with corked(Busy(True)) as (transport, theirs):
        transport.write(b"one ")
        transport.write(bytearray(b"two"))
        with pytest.raises(BlockingIOError):
            theirs.recv(100)
        await asyncio.sleep(0)
        assert theirs.recv(100) == b"one two"


async def test_what_is_written_when_only_one_call_is_left_stays_behind_what_waits() -> None:
    busy = Busy(True)
    async with corked(busy) as (transport, theirs):
        transport.write(b"one ")
        busy.now = False
        transport.write(b"two")
        await asyncio.sleep(0)
        assert theirs.recv(100) == b"one two"
        transport.write(b"three")
        assert theirs.recv(100) == b"three"


async def test_what_waits_is_sent_before_the_connection_is_closed() -> None:
    async with corked(Busy(True)) as (transport, theirs):
        transport.write(b"goodbye")
        transport.close()
        assert theirs.recv(100) == b"goodbye"
