"""Backups: a studio runs on the copy, which has what was acknowledged before it, once, and plain files."""

import asyncio
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from actors.runtime.bus import Bus
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.messages import DeleteService, IngestSpans, SearchSpans
from tests.actors.span_store.stage import BY, KEPT_RECENT, SEALED_AT_ONCE, back_up, store_in, stored
from tests.actors.stage import rows
from tests.spans import span

pytestmark = pytest.mark.integration


async def ingest(bus: Bus, traces: range, spans: int = 3) -> None:
    for trace in traces:
        made = [span(trace * 100 + number, trace_id=trace) for number in range(spans)]
        await bus.ask(IngestSpans(spans=made, size=1000))


@pytest.mark.parametrize(
    "limits", [KEPT_RECENT, SEALED_AT_ONCE, Limits(flush_at=3000)], ids=["recent", "sealed", "both"]
)
async def test_the_copy_opens_with_everything(tmp_path: Path, limits: Limits) -> None:
    async with store_in(tmp_path / "original", limits) as bus:
        await ingest(bus, range(1, 20))
        everything = await stored(bus)
        copy = await back_up(bus, tmp_path / "copy")
        await bus.ask(DeleteService(service_name="tests", by=BY))
        await ingest(bus, range(50, 52))
        assert not list((tmp_path / "original" / "traces.backups").iterdir())
    async with store_in(copy) as bus:
        assert await stored(bus) == everything
        await ingest(bus, range(19, 21))  # one of them known, one new
        assert len(await stored(bus)) == len(everything) + 3


async def test_the_copy_is_of_one_moment_while_spans_come_in(tmp_path: Path) -> None:
    async with store_in(tmp_path / "original", Limits(flush_at=20_000)) as bus:
        acknowledged = 0

        async def load() -> None:
            nonlocal acknowledged
            for trace in range(1, 300):
                await ingest(bus, range(trace, trace + 1))
                acknowledged = trace

        loading = asyncio.create_task(load())
        copies: list[tuple[int, Path]] = []
        for number in range(3):
            before = acknowledged
            copies.append((before, await back_up(bus, tmp_path / f"copy{number}")))
        await loading
    for before, copy in copies:
        async with store_in(copy) as bus:
            traces = {int(key.partition(":")[0]) for key in await stored(bus)}
            assert traces == set(range(1, len(traces) + 1))
            assert len(traces) >= before


async def test_the_accounts_are_copied_and_the_copying_recorded(tmp_path: Path) -> None:
    async with store_in(tmp_path / "original") as bus:
        await back_up(bus, tmp_path / "copy")
    trail = "SELECT action, resource_type, user_email FROM audit_trail ORDER BY id"
    assert rows(tmp_path / "copy/sqlite/junjo.db", trail) == [("read", "backup", "admin@example.com")]


async def test_its_files_open_in_plain_duckdb(tmp_path: Path) -> None:
    async with store_in(tmp_path / "original", SEALED_AT_ONCE) as bus:
        await ingest(bus, range(1, 20))
        await bus.ask(SearchSpans(service_name="tests"))
        copy = await back_up(bus, tmp_path / "copy")
    with closing(duckdb.connect(copy / "traces.duckdb", read_only=True)) as index:
        [(sealed,)] = index.execute("SELECT count(*) FROM span").fetchall()
        files = f"{copy}/traces.segments/*.parquet"
        query = "SELECT count(*), min(attributes['missing'].text) FROM read_parquet(?)"
        assert index.execute(query, [files]).fetchall() == [(sealed, None)]
        assert 0 < sealed <= 57


async def test_a_copy_that_a_crash_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "traces.backups" / "left"
    left.mkdir(parents=True)
    (left / "index").write_bytes(b"much")
    async with store_in(tmp_path):
        assert not left.exists()
