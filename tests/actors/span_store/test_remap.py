"""Segments of earlier versions: what conventions say of their spans is derived when it is read, and then for good."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from actors.runtime.bus import Bus
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.sealed.index import open_index, outdated_segments
from actors.span_store.embedded.sealed.segment_file import checksum
from actors.span_store.embedded.upkeep.inspection import inspect
from actors.span_store.embedded.upkeep.remapping import remap
from actors.span_store.messages import ExportSpans, SearchSpans, SpanFilter
from actors.span_store.pricing.current import CurrentPrices
from actors.span_store.query.expression import equal
from tests.actors.span_store.stage import DERIVED, SEALED_AT_ONCE, all_sealed, ingest, running_store, state_when
from tests.spans import span

pytestmark = pytest.mark.integration

CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 7}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.duckdb"


async def filled(path: Path) -> None:
    async with running_store(path, SEALED_AT_ONCE) as bus:
        await ingest(bus, span(1), span(2, parent=1, attributes=CALL))
        await ingest(bus, span(3, trace_id=2))
        await state_when(bus, all_sealed)


def make_older(path: Path) -> None:
    """As the version before the conventions left it: without their columns, in the files and in the index."""
    with open_index(path) as index:
        for number, name in index.execute("SELECT segment, file FROM segment").fetchall():
            file = Folders(path).segments / name
            pq.write_table(pq.read_table(file, partitioning=None).drop_columns(DERIVED), file)
            index.execute(
                "UPDATE segment SET bytes = ?, checksum = ?, conventions = NULL WHERE segment = ?",
                [file.stat().st_size, checksum(file), number],
            )
        index.execute(f"UPDATE span SET {', '.join(f'{name} = NULL' for name in DERIVED)}")


async def exported(bus: Bus) -> list[str | None]:
    async with bus.stream(ExportSpans()) as tables:
        return [kind async for table in tables for kind in table["type"].to_pylist()]


async def roots_with_calls(bus: Bus) -> list[str]:
    page = await bus.ask(SearchSpans(service_name="tests", filter=SpanFilter.LLM_ROOTS))
    return [each.span_id for each in page.spans]


async def remapped(bus: Bus) -> None:
    """Wait until the index knows of the call; asking gives the store time."""
    while not (await bus.ask(SearchSpans(where=equal(type="llm")))).spans:
        pass


async def test_segments_of_an_earlier_version_are_read_and_then_remapped(path: Path) -> None:
    await filled(path)
    make_older(path)
    async with running_store(path, SEALED_AT_ONCE) as bus:
        assert await exported(bus) == [None, "llm", None]
        await remapped(bus)
        assert await roots_with_calls(bus) == [f"{1:016x}"]
    with open_index(path) as index:
        assert outdated_segments(index) == []
        assert index.execute("SELECT span_id FROM span WHERE type = 'llm'").fetchall() == [(f"{2:016x}",)]
    for file in Folders(path).segments.iterdir():
        assert set(DERIVED) <= set(pq.read_schema(file).names)
    assert inspect(Folders(path)) == []


async def test_segments_of_this_version_stay_as_they_are(path: Path) -> None:
    await filled(path)
    before = sorted(file.name for file in Folders(path).segments.iterdir())
    async with running_store(path, SEALED_AT_ONCE) as bus:
        assert await roots_with_calls(bus) == [f"{1:016x}"]
    assert sorted(file.name for file in Folders(path).segments.iterdir()) == before


@pytest.mark.error_recovery
async def test_a_damaged_segment_of_an_earlier_version_keeps_no_other_from_being_remapped(path: Path) -> None:
    await filled(path)
    make_older(path)
    later = max(Folders(path).segments.iterdir())
    later.write_bytes(b"no Parquet")
    async with running_store(path, SEALED_AT_ONCE) as bus:
        await remapped(bus)
    with open_index(path) as index:
        assert len(outdated_segments(index)) == 1
    assert later.read_bytes() == b"no Parquet"


def checksums(path: Path) -> list[int]:
    return sorted(checksum(file) for file in Folders(path).segments.iterdir())


async def test_a_store_that_nobody_has_open_is_remapped(path: Path) -> None:
    await filled(path)
    before = checksums(path)
    make_older(path)
    files = sorted(file.name for file in Folders(path).segments.iterdir())
    assert checksums(path) != before
    assert sorted(remap(Folders(path), CurrentPrices(), everything=False)) == [
        f"{name}: derived anew" for name in files
    ]
    assert list(remap(Folders(path), CurrentPrices(), everything=False)) == []
    assert checksums(path) == before
    assert inspect(Folders(path)) == []
    async with running_store(path, SEALED_AT_ONCE) as bus:
        assert await exported(bus) == [None, "llm", None]
        assert await roots_with_calls(bus) == [f"{1:016x}"]


async def test_all_segments_are_remapped_when_that_is_asked_for(path: Path) -> None:
    await filled(path)
    before = checksums(path)
    assert len(list(remap(Folders(path), CurrentPrices(), everything=True))) == len(before)
    assert checksums(path) == before
    assert inspect(Folders(path)) == []


@pytest.mark.error_recovery
async def test_a_damaged_segment_is_named_and_left(path: Path) -> None:
    await filled(path)
    make_older(path)
    damaged = max(Folders(path).segments.iterdir())
    damaged.write_bytes(b"no Parquet")
    lines = list(remap(Folders(path), CurrentPrices(), everything=False))
    assert f"{damaged.name}: is damaged; left as it is" in lines
    assert len(lines) == 2
    assert damaged.read_bytes() == b"no Parquet"


def test_without_a_store_nothing_is_made(path: Path) -> None:
    assert list(remap(Folders(path), CurrentPrices(), everything=True)) == []
    assert not path.exists()
