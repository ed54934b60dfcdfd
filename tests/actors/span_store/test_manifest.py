"""What memory says of the segments is what the index says, and costs no span when it cannot be read."""

from pathlib import Path

import duckdb
import pytest

from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.manifest import Manifest, in_reach, services
from actors.span_store.messages import GetStoreState, IngestSummary
from actors.span_store.query.pruning import Reach
from tests.actors.span_store.stage import (
    SEALED_AT_ONCE,
    add_segment,
    all_sealed,
    healthy,
    ingest,
    names,
    running_store,
    state_when,
)
from tests.spans import START, span

pytestmark = pytest.mark.integration


def test_it_follows_the_index(tmp_path: Path) -> None:
    folders = Folders(tmp_path / "traces.duckdb")
    connection = index.open_index(folders.index)
    folders.make()
    catalogue = Manifest(connection)
    assert (catalogue.segments, catalogue.spans, catalogue.bytes, services(catalogue.segments)) == (
        (),
        0,
        0,
        frozenset(),
    )
    add_segment(
        connection, folders.segments, 1, span(1, service="a", start=START), span(2, service="b", start=START + 9)
    )
    add_segment(connection, folders.segments, 2, span(3, service="a", start=START + 20))
    assert not catalogue.segments
    catalogue.refresh(connection.cursor())
    assert [segment.number for segment in catalogue.segments] == [2, 1]
    assert catalogue.spans == 3
    assert services(catalogue.segments) == {"a", "b"}
    assert catalogue.bytes == sum(file.stat().st_size for file in folders.segments.iterdir())

    def numbers(service: str, until: int = 2**64 - 1) -> list[int]:
        where = Reach(services=frozenset({service}), last_start=until)
        return [segment.number for segment in in_reach(catalogue.segments, where)]

    assert numbers("a") == [2, 1]
    assert numbers("a", START + 20) == [2, 1]
    assert numbers("a", START + 19) == [1]
    assert numbers("b") == [1]
    assert numbers("c") == []
    with index.transaction(connection):
        index.remove(connection, [1])
    catalogue.refresh(connection)
    assert [segment.number for segment in catalogue.segments] == [2]
    connection.close()


def test_a_segment_that_was_replaced_is_not_looked_into_in_vain(tmp_path: Path) -> None:
    folders = Folders(tmp_path / "traces.duckdb")
    connection = index.open_index(folders.index)
    folders.make()
    add_segment(connection, folders.segments, 1, span(1))
    index.demand_all(connection, [1])
    with pytest.raises(FileNotFoundError):
        index.demand_all(connection, [1, 2])
    connection.close()


async def test_spans_are_not_sealed_twice_when_the_index_cannot_be_read_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "traces.duckdb"
    fails = iter([True])
    refresh = Manifest.refresh

    def fails_once(self: Manifest, connection: duckdb.DuckDBPyConnection) -> None:
        if next(fails, False):
            raise duckdb.IOException("the disk said nothing")
        refresh(self, connection)

    async with running_store(path, SEALED_AT_ONCE) as bus:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Manifest, "refresh", fails_once)
            await ingest(bus, span(1), span(2))
            await state_when(bus, all_sealed)
        await state_when(bus, healthy)
        assert await names(bus) == ["span 1", "span 2"]
        assert (await bus.ask(GetStoreState())).sealed_spans == 2
        assert await ingest(bus, span(1)) == IngestSummary(stored=0, duplicates=1)
    assert len(list(Folders(path).segments.iterdir())) == 1
