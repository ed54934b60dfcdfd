"""Followers of a studio that is killed again and again: each stored span is told once, in the order of its commit."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
from aiohttp import ClientError, ClientSession

from scripts.load.own_studio import OwnStudio, StudioDidNotStart
from scripts.torture import ANY_MOMENT, mortal
from studio.terminal.following import Following
from studio.transfer.client import StudioClient
from tests.spans import otlp_request, otlp_span

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]

SERVICE = "followed"
SPANS_A_REQUEST = 3
LARGE = "x" * 40_000  # so that a mortal studio seals several times
POINTS = ("segment-synced", ANY_MOMENT)


@attrs.define
class Follower:
    """One subscription across all kills. What it was told counts as soon as it has it."""

    following: Following
    told: list[str] = attrs.field(factory=list)
    positions: list[int] = attrs.field(factory=list)
    changed: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def follow(self) -> None:
        """For ever. What was left out it asks for again, from the last position that it has."""
        while True:
            async with aclosing(self.following.frames()) as frames:
                async for frame in frames:
                    if frame["type"] == "lagged":
                        self.following.position = str(self.positions[-1])
                        break
                    if frame["type"] == "item":
                        self.told.append(frame["item"]["span_id"])
                        self.positions.append(int(frame["position"]))
                        self.changed.set()

    async def hears_of(self, span_ids: Sequence[str]) -> None:
        """Wait until it was told of so many, or of more."""
        async with asyncio.timeout(120):
            while len(self.told) < len(span_ids):
                self.changed.clear()
                await self.changed.wait()


@attrs.define
class Sender:
    """Sends requests, each until it is acknowledged. It is ``up`` as long as it is answered."""

    url: str
    key: str
    acknowledged: int = 0
    up: asyncio.Event = attrs.field(factory=asyncio.Event)
    changed: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def send(self) -> None:
        async with ClientSession() as http:
            while True:
                first = 1 + self.acknowledged * SPANS_A_REQUEST
                made = [otlp_span(first + each, even=(first + each) % 2 == 0, text=LARGE) for each in range(3)]
                body = otlp_request(*made, service=SERVICE).SerializeToString()
                while not await self._is_acknowledged(http, body):
                    self.up.clear()
                    self.changed.set()
                    await self.up.wait()
                self.acknowledged += 1
                self.changed.set()

    async def sends(self, requests: int) -> None:
        """Wait until so many more are acknowledged, or it is answered no longer."""
        most = self.acknowledged + requests
        await self._until(lambda: self.acknowledged >= most or not self.up.is_set())

    async def is_down(self) -> None:
        await self._until(lambda: not self.up.is_set())

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(120):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def _is_acknowledged(self, http: ClientSession, body: bytes) -> bool:
        headers = {"x-junjo-api-key": self.key, "Content-Type": "application/x-protobuf"}
        try:
            async with http.post(f"{self.url}/v1/traces", data=body, headers=headers) as answer:
                return answer.status == 200
        except (ClientError, OSError):
            return False


async def test_no_kill_makes_a_follower_miss_a_span_or_hear_it_twice(data_dir: Path) -> None:
    chance = random.Random(7)
    async with AsyncExitStack() as work:
        with OwnStudio(data_dir) as studio:
            key = studio.sign_up()
            read = studio.rest("POST", "/api/v1/keys", {"name": "follow", "scopes": ["read"]}).json["key"]
            port, url = studio.http_port, f"http://127.0.0.1:{studio.http_port}"
            followers = {q: follower(url, read, q) for q in ("", "attr.even:true", "attr.even:false")}
            sender = Sender(url, key)
            sender.up.set()
            await work.enter_async_context(at_work(sender.send(), *(each.follow() for each in followers.values())))
            await sender.sends(chance.randint(20, 60))
        for number, point in enumerate(POINTS):
            await sender.is_down()
            mark = data_dir.parent / f"died-{number}"
            program = mortal(point, chance, mark)
            # It may come to the point before it is up.
            with suppress(StudioDidNotStart), await asyncio.to_thread(start, data_dir, program, port):
                sender.up.set()
                await sender.sends(chance.randint(30, 60))
    with await asyncio.to_thread(start, data_dir, ("studio",), port) as studio:
        studio.sign_in()
        stored = [span_id for _, span_id in studio.stored(SERVICE)]
        expected = {q: [each for each in stored if fits(q, each)] for q in followers}
        async with at_work(*(each.follow() for each in followers.values())):
            for q, each in followers.items():
                await each.hears_of(expected[q])
        studio.terminate()
    assert len(stored) >= sender.acknowledged * SPANS_A_REQUEST > 100
    for q, each in followers.items():
        assert sorted(each.told) == sorted(expected[q])
        assert each.positions == sorted(set(each.positions))
        places = dict(zip(followers[""].told, followers[""].positions, strict=True))
        assert [places[span_id] for span_id in each.told] == each.positions


def follower(url: str, key: str, q: str) -> Follower:
    client = StudioClient(url, key)
    return Follower(Following(client=client, q=q, of="spans", limit=1, position="0", warn=pytest.fail, first_wait=0.01))


def fits(q: str, span_id: str) -> bool:
    return not q or (int(span_id, 16) % 2 == 0) == q.endswith("true")


def start(data_dir: Path, program: Sequence[str], port: int) -> OwnStudio:
    return OwnStudio(data_dir, program=program, JUNJO_BACKEND_PORT=str(port))


@asynccontextmanager
async def at_work(*works: Any) -> AsyncIterator[None]:
    """These go on for the length of the block. An error of one is that of the test."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        failed = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in failed:
            task.result()
