"""Mailboxes are bounded in messages and bytes, and say when to come again."""

import asyncio
from contextvars import copy_context

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import Overloaded, Unavailable
from actors.runtime.mailbox import Capacity, Envelope, Mailbox
from actors.runtime.messages import Message, Request
from tests.actors.runtime.workbench import DoConcurrently, DoSerially, Gate, Workbench, replies_of, settled, supervised

pytestmark = pytest.mark.unit


@attrs.frozen(kw_only=True)
class Parcel(Request[None]):
    weight: int = 0


@attrs.frozen(kw_only=True)
class Letter(Request[None]):
    pass


def envelope(message: Message) -> Envelope:
    return Envelope(message=message, reply=None, context=copy_context(), posted_at=0.0)


def mailbox(messages: int = 4, size: int = 100) -> Mailbox:
    return Mailbox("Post", Capacity(messages=messages, bytes=size))


def test_a_mailbox_is_bounded_in_messages_until_they_are_done() -> None:
    post = mailbox(messages=2)
    post.put(envelope(Letter()))
    post.put(envelope(Letter()))
    with pytest.raises(Overloaded, match="Post is overloaded"):
        post.put(envelope(Letter()))
    taken = post.take_if_waiting()
    assert taken is not None
    with pytest.raises(Overloaded):
        post.put(envelope(Letter()))
    post.done([taken], 0.1)
    post.put(envelope(Letter()))


def test_a_mailbox_is_bounded_in_bytes() -> None:
    post = mailbox(size=100)
    post.put(envelope(Parcel(weight=60)))
    with pytest.raises(Overloaded):
        post.put(envelope(Parcel(weight=41)))
    post.put(envelope(Parcel(weight=40)))


def test_a_message_larger_than_the_mailbox_is_taken_when_it_is_empty() -> None:
    post = mailbox(size=100)
    post.put(envelope(Parcel(weight=101)))
    with pytest.raises(Overloaded):
        post.put(envelope(Letter()))


def test_retry_after_follows_the_drain_rate() -> None:
    post = mailbox(messages=100)
    for _ in range(21):
        post.put(envelope(Letter()))
    assert post.retry_after() == pytest.approx(0.1), "nothing is known yet: the shortest"
    first = post.take_if_waiting()
    assert first is not None
    post.done([first], 0.5)
    assert post.retry_after() == pytest.approx(20 * 0.5)
    for _ in range(10):
        following = post.take_if_waiting()
        assert following is not None
        post.done([following], 0.01)
    assert 10 * 0.01 < post.retry_after() < 10 * 0.1, "the newest count most"
    last = post.take_if_waiting()
    assert last is not None
    post.done([last], 1e6)
    assert post.retry_after() == pytest.approx(30.0), "never longer than half a minute"


def test_messages_done_together_share_their_time() -> None:
    post = mailbox(messages=10)
    for _ in range(10):
        post.put(envelope(Letter()))
    first = post.take_if_waiting()
    assert first is not None
    group = post.take_alike(first, messages=5, weight=100)
    post.done(group, 2.0)
    assert post.retry_after() == pytest.approx(5 * 2.0 / 5)


def test_a_group_is_of_one_class_in_order_and_within_its_limits() -> None:
    post = mailbox(messages=20, size=1000)
    messages = [Parcel(weight=weight) for weight in (50, 30, 30, 10)]
    for message in (*messages, Letter(), Parcel()):
        post.put(envelope(message))

    def taken(most: int) -> list[Message]:
        first = post.take_if_waiting()
        assert first is not None
        return [member.message for member in post.take_alike(first, messages=most, weight=100)]

    assert taken(most=10) == messages[:2], "the third would be too heavy"
    assert taken(most=1) == messages[2:3]
    assert taken(most=10) == messages[3:4], "a message of another class ends the group"
    assert taken(most=10) == [Letter()]
    assert taken(most=10) == [Parcel()]


def test_a_message_heavier_than_a_group_goes_alone() -> None:
    post = mailbox(messages=20, size=1000)
    for weight in (500, 0):
        post.put(envelope(Parcel(weight=weight)))
    first = post.take_if_waiting()
    assert first is not None
    assert post.take_alike(first, messages=10, weight=100) == [first]


async def test_a_closed_mailbox_hands_back_the_unread_and_takes_no_more() -> None:
    post = mailbox()
    waiting = [envelope(Parcel(weight=10)), envelope(Letter())]
    for each in waiting:
        post.put(each)
    assert post.close() == waiting
    assert post.close() == []
    assert await post.take() is None
    with pytest.raises(Unavailable):
        post.put(envelope(Letter()))


async def test_closing_wakes_whoever_waits_for_a_message() -> None:
    post = mailbox()
    taking = asyncio.create_task(post.take())
    await settled()
    post.close()
    assert await taking is None


@given(
    weights=st.lists(st.integers(min_value=0, max_value=120), max_size=30),
    takes=st.lists(st.integers(min_value=1, max_value=5), max_size=10),
)
def test_what_is_held_is_always_within_bounds(weights: list[int], takes: list[int]) -> None:
    post, held, plan = mailbox(messages=4, size=100), 0, iter(takes)
    waiting: list[int] = []
    for weight in weights:
        fits = not waiting or (len(waiting) < 4 and held + weight <= 100)
        try:
            post.put(envelope(Parcel(weight=weight)))
        except Overloaded:
            assert not fits
            first = post.take_if_waiting()
            assert first is not None
            group = post.take_alike(first, messages=next(plan, 1), weight=50)
            assert [member.message.weight for member in group] == waiting[: len(group)]
            post.done(group, 0.0)
            held -= sum(waiting[: len(group)])
            del waiting[: len(group)]
        else:
            assert fits
            held += weight
            waiting.append(weight)


@pytest.mark.parametrize("kind", [DoSerially, DoConcurrently])
async def test_a_full_mailbox_refuses_at_once(kind: "type[DoSerially | DoConcurrently]") -> None:
    gate = Gate()
    async with supervised(Workbench) as bus:
        asks = replies_of(*(bus.ask(kind(work=gate)) for _ in range(8)))
        await gate.begun.wait()
        with pytest.raises(Overloaded) as refused:
            await bus.ask(kind(work=gate))
        assert refused.value.retry_after is not None
        gate.open()
        assert await asks == [None] * 8
        assert await bus.ask(kind(work=gate)) is None


async def test_a_mailbox_full_of_bytes_refuses_at_once() -> None:
    gate = Gate()
    async with supervised(Workbench) as bus:
        heavy = asyncio.create_task(bus.ask(DoSerially(work=gate, weight=900)))
        await gate.begun.wait()
        with pytest.raises(Overloaded):
            await bus.ask(DoSerially(work=gate, weight=101))
        light = asyncio.create_task(bus.ask(DoSerially(work=gate, weight=100)))
        gate.open()
        assert await replies_of(heavy, light) == [None, None]


async def test_a_mailbox_full_of_writes_takes_reads() -> None:
    gate = Gate()
    async with supervised(Workbench) as bus:
        writes = replies_of(*(bus.ask(DoSerially(work=gate)) for _ in range(8)))
        await gate.begun.wait()
        assert await bus.ask(DoConcurrently(work=settled)) is None
        gate.open()
        await writes


async def test_messages_whose_askers_left_free_their_room() -> None:
    gate = Gate()
    async with supervised(Workbench) as bus:
        for _ in range(3):
            asks = [asyncio.create_task(bus.ask(DoConcurrently(work=gate))) for _ in range(8)]
            await gate.begun.wait()
            for ask in asks:
                ask.cancel()
            await replies_of(*asks)
            await settled()
        gate.open()
        assert await bus.ask(DoConcurrently(work=gate)) is None
