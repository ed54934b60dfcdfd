"""A studio's HTTP side over real actors and sockets, and a client that speaks to it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any

import attrs
from aiohttp import ClientSession, DummyCookieJar
from argon2 import PasswordHasher
from multidict import CIMultiDictProxy

from actors.alerts.actor import AlertsActor
from actors.audit_trail.actor import AuditTrailActor
from actors.clock import Clock, utc_now
from actors.key_registry.actor import KeyRegistryActor
from actors.live.actor import LiveActor
from actors.playground.actor import PlaygroundActor, PlaygroundLimits
from actors.playground.provider_table import OpenProvider
from actors.playground.providers.provider import Endpoint
from actors.prices.actor import PricesActor
from actors.retention.actor import RetentionActor
from actors.runtime.budget import Budget
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.scores.actor import ScoresActor
from actors.session.actor import SessionActor
from actors.span_store.actor import SpanStoreActor
from actors.span_store.asked.retention import RetentionRule
from actors.span_store.embedded.lifetime import Limits
from actors.views.actor import ViewsActor
from tests.documented_answers import assert_documented
from tests.embedded_store import embedded_store
from transports.http.app import build_app
from transports.http.config import HttpConfig
from transports.http.framework.server import serve_http

ADMIN = {"email": "admin@example.com", "password": "password123"}
# The same algorithm with less work, which would be a third of that of a short test.
QUICK = PasswordHasher(memory_cost=64, time_cost=1, parallelism=1)
ORIGIN = "http://localhost:5153"


def http_config(**changes: Any) -> HttpConfig:
    config = HttpConfig(
        version="0.1.0",
        environment="development",
        otlp_endpoint="grpc://localhost:50051",
        frontend_url=None,
        backend_url=None,
        allow_origins=("http://localhost:5151", ORIGIN),
        secure_cookies=False,
        otlp_budget=Budget(64 * 1024 * 1024),
    )
    return attrs.evolve(config, **changes)


@attrs.frozen(kw_only=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def cookie(self) -> str:
        """The value of the session cookie that this answer sets."""
        return self.headers["Set-Cookie"].partition(";")[0].removeprefix("session=")


@attrs.frozen(kw_only=True)
class HttpStudio:
    """A studio's port, and the bus behind it. It keeps no cookies: tests name the one that they send."""

    bus: Bus
    supervisor: Supervisor
    port: int
    client: ClientSession

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        data: Any = None,
        cookie: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """``body`` is sent as JSON, ``data`` as it is and without a content type of its own.

        Every answer is compared with the OpenAPI document.
        """
        sent = dict(headers or {})
        if cookie is not None:
            sent["Cookie"] = f"session={cookie}"
        if body is not None:
            data, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        if isinstance(data, bytes) and len(data) > 1024 * 1024:
            data = BytesIO(data)  # aiohttp warns of long bytes, which it writes in one piece
        async with self.client.request(
            method, path, data=data, headers=sent, allow_redirects=False, skip_auto_headers=("Content-Type",)
        ) as response:
            reply = Reply(status=response.status, headers=response.headers, body=await response.read())
        assert_documented(method, path, reply.status, reply.headers.get("Content-Type", ""), reply.body)
        return reply

    async def set_up(self) -> str:
        """Create the first user; the cookie of their session."""
        reply = await self.call("POST", "/users/create-first-user", body=ADMIN)
        assert reply.status == 200
        return reply.cookie

    async def make_key(self, cookie: str, *scopes: str) -> str:
        body = {"name": "tests", **({"scopes": scopes} if scopes else {})}
        reply = await self.call("POST", "/api_keys", body=body, cookie=cookie)
        assert reply.status == 201
        secret: str = reply.json["key"]
        return secret

    async def send_spans(self, key: str, body: Any, **headers: str) -> Reply:
        sent = {"x-junjo-api-key": key, "Content-Type": "application/x-protobuf"} | headers
        return await self.call("POST", "/v1/traces", data=body, headers=sent)


@asynccontextmanager
async def running_http_studio(
    folder: Path,
    config: HttpConfig,
    *,
    clock: Clock = utc_now,
    store_limits: Limits | None = None,
    endpoints: Mapping[str, Endpoint] | None = None,
    adapters: Mapping[str, OpenProvider] | None = None,
    limits: PlaygroundLimits | None = None,
    reveal_api_keys: bool = False,
) -> AsyncIterator[HttpStudio]:
    """All actors that HTTP asks, with their files in ``folder``; the LLM providers are those that a test gives."""
    bus = Bus()
    supervisor = Supervisor(bus)
    accounts = folder / "junjo.db"
    reveal_under = b"k" * 32 if reveal_api_keys else None
    supervisor.add(
        KeyRegistryActor, lambda bus: KeyRegistryActor.running(bus, accounts, reveal_under=reveal_under, clock=clock)
    )
    supervisor.add(
        SessionActor,
        lambda bus: SessionActor.running(
            bus, accounts, cookie_key=b"k" * 32, session_secret="tests", clock=clock, hasher=QUICK
        ),
    )
    supervisor.add(
        SpanStoreActor,
        lambda bus: embedded_store(bus, folder / "traces.duckdb", accounts=folder / "junjo.db", limits=store_limits),
    )
    kept = (store_limits or Limits()).retention.now
    fixed = RetentionRule(age=kept.age, size=kept.size)
    supervisor.add(RetentionActor, lambda bus: RetentionActor.running(bus, accounts, fixed=fixed, clock=clock))
    supervisor.add(PricesActor, lambda bus: PricesActor.running(bus, accounts, clock=clock))
    supervisor.add(ScoresActor, lambda bus: ScoresActor.running(bus, accounts, clock=clock))
    supervisor.add(ViewsActor, lambda bus: ViewsActor.running(bus, accounts, clock=clock))
    supervisor.add(AlertsActor, lambda bus: AlertsActor.running(bus, accounts, cookie_key=b"k" * 32, clock=clock))
    supervisor.add(AuditTrailActor, lambda bus: AuditTrailActor.running(bus, accounts, clock=clock))
    supervisor.add(
        PlaygroundActor,
        lambda bus: PlaygroundActor.running(
            bus,
            accounts,
            cookie_key=b"k" * 32,
            endpoints=endpoints or {},
            adapters=adapters or {},
            limits=limits or PlaygroundLimits(),
        ),
    )
    supervisor.add(LiveActor, lambda bus: nullcontext(LiveActor(bus, seconds=0.01, trace_seconds=0.02)))
    await supervisor.start()
    try:
        async with (
            serve_http(build_app(bus, config), "127.0.0.1", 0) as port,
            ClientSession(f"http://127.0.0.1:{port}", cookie_jar=DummyCookieJar()) as client,
        ):
            yield HttpStudio(bus=bus, supervisor=supervisor, port=port, client=client)
    finally:
        await supervisor.stop()
