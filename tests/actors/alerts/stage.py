"""What tests of alerts share: an alert as somebody wants it, and a server that takes messages."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
from aiohttp import web

from actors.alerts.messages import AlertInterval, Comparison, Condition, CreateAlert, Measure
from actors.principal import Principal, Role
from actors.span_store.asked.stats import Subject

ADA = Principal(user_id="ada", email="ada@example.com")
BOB = Principal(user_id="bob", email="bob@example.com")
ADMIN = Principal(user_id="admin", email="admin@example.com", role=Role.ADMIN)
KEY = b"k" * 32


def wanted(name: str = "calls", *, webhook: str | None = None, by: Principal = ADA, **others: Any) -> CreateAlert:
    """More than no call in five minutes, unless others are given."""
    condition: dict[str, Any] = {
        "q": "",
        "of": Subject.CALLS,
        "measure": Measure.COUNT,
        "interval": AlertInterval.FIVE_MINUTES,
        "op": Comparison.ABOVE,
        "threshold": 0.0,
    }
    return CreateAlert(name=name, condition=Condition(**condition | others), webhook=webhook, by=by)


@attrs.frozen
class Received:
    """A message as a server has it."""

    path: str
    body: bytes
    signature: str
    headers: tuple[str, ...]

    @property
    def state(self) -> str:
        state: str = json.loads(self.body)["alert"]["state"]
        return state


class Receiver:
    """A server on this machine. It answers with the statuses that are given, one after the other, and then with 204."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[Received] = asyncio.Queue()
        self.statuses: list[int] = []
        self.headers: dict[str, str] = {}
        self.port = 0
        self.answers = asyncio.Event()  # without it, who sends is kept waiting
        self.answers.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=s3cr3t"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        names = tuple(sorted(name.lower() for name in request.headers))
        self.received.put_nowait(Received(request.path, body, request.headers["x-junjo-signature"], names))
        await self.answers.wait()
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers=self.headers)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Serve for the length of the block."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.port = runner.addresses[0][1]
        yield receiver
    finally:
        await runner.cleanup()
