"""What tests of the span store share: a store that runs, what is asked of it most, and harm done to its files."""

import errno
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from actors.errors import Unavailable
from actors.principal import Principal
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.span_store.actor import SpanStoreActor
from actors.span_store.columns.rows import numbered, rows_of
from actors.span_store.columns.spans import Span, SpanEvent, StoredSpan, span_columns
from actors.span_store.embedded.durable import DISK, Disk
from actors.span_store.embedded.hot.wal import _bounds
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.segment_file import encoded
from actors.span_store.messages import (
    BackUp,
    GetSpan,
    GetStoreState,
    IngestSpans,
    IngestSummary,
    SearchSpans,
    SearchText,
    StoreState,
)
from actors.span_store.query.position import Position
from tests.embedded_store import embedded_store
from tests.spans import START, span

KEPT_RECENT = Limits()
BY = Principal(user_id="u1", email="admin@example.com", session_id="s1")
SEALED_AT_ONCE = Limits(flush_at=1)
SAID = "Zürich 東京 🙂 say \"hi\"\nsecond line C:\\temp </b> a/b\x7f\x00 & 'ok' 1+1=2"
# Columns that versions before the first conventions had not.
DERIVED = [
    "type",
    "request_model",
    "agent",
    "tool",
    "finish_reason",
    "error_type",
    "response_id",
    "prompt_name",
    "prompt_version",
    "time_to_first_token_ns",
    "version",
    "environment",
    "cost_usd",
    "cost_source",
    "scope",
    "has_content",
]
NEEDLES = [
    "Zürich",
    "東京",
    "🙂",
    'say "hi"',
    'hi"\nsecond',
    "C:\\temp",
    "second line",
    "\\temp <",
    "</b>",
    "a/b",
    "1+1=",
]


@asynccontextmanager
async def running_store(path: Path, limits: Limits | None = None, disk: Disk = DISK) -> AsyncIterator[Bus]:
    bus = Bus()
    supervisor = Supervisor(bus)
    supervisor.add(
        SpanStoreActor,
        lambda bus: embedded_store(
            bus, path, accounts=path.with_name("junjo.db"), limits=limits, interval=0.01, disk=disk
        ),
    )
    await supervisor.start()
    try:
        yield bus
    finally:
        await supervisor.stop()


def store_in(folder: Path, limits: Limits | None = None) -> AbstractAsyncContextManager[Bus]:
    return running_store(folder / "traces.duckdb", limits)


async def ingest(bus: Bus, *spans: Span) -> IngestSummary:
    return await bus.ask(IngestSpans(spans=spans, size=1000))


async def names(bus: Bus) -> list[str]:
    page = await bus.ask(SearchSpans(service_name="tests"))
    return sorted(stored.name for stored in page.spans)


async def found(bus: Bus, text: str) -> list[StoredSpan]:
    """The spans with the text, of all pages: on a slow machine even a short search has several."""
    spans: list[StoredSpan] = []
    before: Position | None = None
    while True:
        page = await bus.ask(SearchText(text=text, before=before))
        spans += page.spans
        before = page.before
        if before is None:
            return spans


async def state_when(bus: Bus, reached: Callable[[StoreState], bool]) -> StoreState:
    """The state as soon as it is so; asking gives the store time."""
    while True:
        state = await bus.ask(GetStoreState())
        if reached(state):
            return state
        with suppress(Unavailable):
            await bus.ask(GetSpan(trace_id=f"{1:032x}", span_id="0"))


def healthy(state: StoreState) -> bool:
    return not state.problems


def all_sealed(state: StoreState) -> bool:
    return state.recent_spans == 0


def flip(path: Path, place: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 0x10
    path.write_bytes(data)


def flip_a_batch(wal: Path) -> None:
    """Damage the content of a batch in the middle of a file; behind its frame there may be zeros that mean nothing."""
    bounds = _bounds(wal)
    data = bytearray(wal.read_bytes())
    data[bounds[len(bounds) // 2 - 1] + 200] ^= 0x10
    wal.write_bytes(data)


def failing_disk(*_: object, **__: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


async def stored(bus: Bus, service: str = "tests") -> set[str]:
    page = await bus.ask(SearchSpans(service_name=service, limit=10_000))
    assert page.next is None
    ids = [each.trace_id + each.span_id for each in page.spans]
    assert len(ids) == len(set(ids))
    return {f"{int(each[:32], 16)}:{int(each[32:], 16)}" for each in ids}


async def back_up(bus: Bus, folder: Path) -> Path:
    """Write the parts as files; where the index is."""
    async with bus.stream(BackUp(by=BY)) as parts:
        async for part in parts:
            write(folder / part.name, part.offset, part.content)
    for name in ("traces.journals", "traces.segments"):
        (folder / "duckdb" / name).mkdir(exist_ok=True)
    return folder / "duckdb"


def write(path: Path, offset: int, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        assert file.tell() == offset
        file.write(content)


def ascii_json(value: Any) -> str:
    return json.dumps(value)


def message(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "parts": [{"type": "text", "content": text}]}]


def places(text: str, encode: Callable[[Any], str]) -> dict[str, Span]:
    """The text in every place of a span where there is text."""
    once = encode(message(text))
    twice = encode({"body": once})
    attributes: dict[str, dict[str, Any]] = {
        "plain": {"t": text},
        "key": {text: 1},
        "list": {"t": ["x", text]},
        "map": {"t": {"a": {text: 1}}},
        "json": {"t": once},
        "json in json": {"t": twice},
        "three times": {"t": encode([twice])},
        "json in a list": {"t": [once]},
        "json in a text of json": {"t": encode(once)},
        "one text as json": {"t": encode(text)},
        "json with blanks before": {"t": f" \n{once}"},
        "json that was cut": {"t": once[:-3]},
        "json lines": {"t": f"{once}\n{once}"},
    }
    spans = {name: span(1, attributes=each) for name, each in attributes.items()}
    spans["name"] = span(1, name=text)
    spans["status"] = span(1, status_message=once)
    spans["event"] = span(1, events=[SpanEvent(1, text, {})])
    spans["event's attribute"] = span(1, events=[SpanEvent(1, "e", {"a": text})])
    spans["json in an event"] = span(1, events=[SpanEvent(1, "e", {"a": once})])
    return spans


def add_segment(connection: duckdb.DuckDBPyConnection, folder: Path, segment: int, *spans: Span) -> None:
    rows = numbered(rows_of(span_columns(spans)), 100 * segment)
    with index.transaction(connection):
        index.add(connection, segment, folder, encoded(pa.Table.from_batches([rows])), arrived_before=START)
