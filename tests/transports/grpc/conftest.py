"""A studio's gRPC side for tests: real actors on temporary files, real servers on free ports."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import grpc.aio
import pytest

from actors.key_registry.actor import KeyRegistryActor
from actors.key_registry.messages import IssuedKey, IssueKey, RevokeKey, RotateKey
from actors.principal import SYSTEM, Scope
from actors.runtime.budget import Budget
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.span_store.actor import SpanStoreActor
from tests.embedded_store import embedded_store
from transports.grpc.config import GrpcConfig
from transports.grpc.server import serve_auth, serve_otlp

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
BUDGET = 128 * 1024 * 1024


@attrs.frozen(kw_only=True)
class Backend:
    """The actors, and a key for everything."""

    bus: Bus
    key: str

    async def issue(self, *scopes: Scope) -> IssuedKey:
        return await self.bus.ask(IssueKey(name="test", scopes=frozenset(scopes), by=SYSTEM))

    async def revoke(self, issued: IssuedKey) -> None:
        await self.bus.ask(RevokeKey(id=issued.key.id, by=SYSTEM))

    async def expire(self, issued: IssuedKey) -> None:
        """A key that is replaced without an overlap expires at once."""
        await self.bus.ask(RotateKey(id=issued.key.id, overlap=timedelta(0), by=SYSTEM))


@attrs.frozen(kw_only=True)
class Server:
    """A running server and a grpcio client of it."""

    port: int
    channel: grpc.aio.Channel
    config: GrpcConfig
    backend: Backend

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def export(self, body: bytes, *, key: str | None = None, **options: Any) -> bytes:
        """Call TraceService/Export with grpcio; returns the serialised answer. Raises ``grpc.aio.AioRpcError``."""
        metadata = (("x-junjo-api-key", self.backend.key if key is None else key),)
        return await method(self.channel, EXPORT)(body, metadata=metadata, **options)


def method(channel: grpc.aio.Channel, path: str) -> "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]":
    """A method that takes and gives serialised messages."""
    made: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    return made


Serving: TypeAlias = Callable[..., AbstractAsyncContextManager[Server]]


@pytest.fixture
async def backend(tmp_path: Path) -> AsyncIterator[Backend]:
    bus = Bus()
    supervisor = Supervisor(bus)
    supervisor.add(KeyRegistryActor, lambda bus: KeyRegistryActor.running(bus, tmp_path / "junjo.db"))
    supervisor.add(
        SpanStoreActor,
        lambda bus: embedded_store(bus, tmp_path / "traces.duckdb", accounts=tmp_path / "junjo.db"),
    )
    await supervisor.start()
    issued = await bus.ask(IssueKey(name="test", scopes=frozenset(Scope), by=SYSTEM))
    yield Backend(bus=bus, key=issued.secret)
    await supervisor.stop()


@pytest.fixture
def serving_otlp(backend: Backend) -> Serving:
    """The OTLP server, with fields of its configuration as named."""
    return partial(_serving, serve_otlp, backend)


@pytest.fixture
def serving_auth(backend: Backend) -> Serving:
    return partial(_serving, serve_auth, backend)


@pytest.fixture
async def otlp(serving_otlp: Serving) -> AsyncIterator[Server]:
    async with serving_otlp() as server:
        yield server


@pytest.fixture
async def auth(serving_auth: Serving) -> AsyncIterator[Server]:
    async with serving_auth() as server:
        yield server


@asynccontextmanager
async def _serving(serve: Any, backend: Backend, **options: Any) -> AsyncIterator[Server]:
    config = GrpcConfig(**({"otlp_budget": Budget(BUDGET)} | options))
    async with serve(backend.bus, config, "127.0.0.1", 0) as port:
        # A pool of its own: channels to one address otherwise share a connection.
        local = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=local) as channel:
            yield Server(port=port, channel=channel, config=config, backend=backend)
