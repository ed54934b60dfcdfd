"""The engines that are held to the contract."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from actors.span_store.embedded.lifetime import EmbeddedStorage, Limits, Retention
from actors.span_store.storage import SpanStorage
from tests.actors.span_store.conformance.list_storage import ListStorage
from tests.embedded_store import start_with_an_empty_index

AGE = timedelta(days=1)


@attrs.frozen
class Engine:
    """How to open an engine in a folder, so that it keeps spans for a day."""

    name: str
    open: Callable[[Path], Awaitable[SpanStorage]]


async def embedded(folder: Path) -> SpanStorage:
    return await opened(folder, Limits(retention=Retention(age=AGE)))


async def flushing(folder: Path) -> SpanStorage:
    """The embedded engine where each request becomes a segment, so that reads go through the index."""
    return await opened(folder, Limits(flush_at=1, deferred=0, retention=Retention(age=AGE)))


async def opened(folder: Path, limits: Limits) -> SpanStorage:
    path = folder / "traces.duckdb"
    if not path.exists():
        start_with_an_empty_index(path)
    return await EmbeddedStorage.open(path, limits=limits)


async def in_a_list(_: Path) -> SpanStorage:
    return ListStorage(AGE)


ENGINES = [Engine("embedded", embedded), Engine("embedded-flushing", flushing), Engine("list", in_a_list)]


@pytest.fixture(scope="session", params=ENGINES, ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    made: Engine = request.param
    return made


@pytest.fixture
async def storage(engine: Engine, tmp_path: Path) -> AsyncIterator[SpanStorage]:
    opened = await engine.open(tmp_path)
    yield opened
    await opened.close()
