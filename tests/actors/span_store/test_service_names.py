"""A flood of service names costs neither the list of services nor memory more than a bound."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.reads.service_names import service_names
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.manifest import Manifest, in_reach
from actors.span_store.messages import GetStoreState, ListServices, SearchSpans
from actors.span_store.query.pruning import Reach
from tests.actors.span_store.stage import SEALED_AT_ONCE, add_segment, all_sealed, ingest, running_store, state_when
from tests.spans import START, span

pytestmark = [pytest.mark.integration, pytest.mark.security]

MOST = 4 * 1024 * 1024
CUT = "the list of services was cut"
NONE = pa.chunked_array([[]], pa.string())


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    folders = Folders(tmp_path / "traces.duckdb")
    with index.open_index(folders.index) as opened:
        folders.make()
        yield opened


def sealed(connection: duckdb.DuckDBPyConnection, folder: Path, *segments: Sequence[str]) -> Manifest:
    """A segment with a span of each of the services, for each list of them."""
    for number, names in enumerate(segments, 1):
        spans = [span(place, service=name, start=START + place) for place, name in enumerate(names, 1)]
        add_segment(connection, folder / "traces.segments", number, *spans)
    return Manifest(connection)


def test_names_of_all_places_are_listed_once(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = [f"service {number}" for number in range(2000)]
    catalogue = sealed(connection, tmp_path, ["b", "ä"], many)
    recent = pa.chunked_array([["c", "b"], ["service 7"]])
    assert service_names(connection, catalogue.segments, recent) == tuple(sorted({"b", "ä", "c", *many}))
    assert service_names(connection, (), NONE) == ()
    assert CUT not in capsys.readouterr().out


@pytest.mark.parametrize("names", [[f"service {number}" for number in range(1001)], ["a", "x" * 65_536]])
def test_names_of_a_flood_are_not_kept_in_memory(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, names: list[str]
) -> None:
    catalogue = sealed(connection, tmp_path, ["a"], names, ["a"])
    kept = {segment.number: segment.services for segment in catalogue.segments}
    assert kept == {1: frozenset("a"), 2: None, 3: frozenset("a")}
    assert kept[1] is kept[3]
    of_other = Reach(services=frozenset({"other"}))
    assert sorted(segment.number for segment in in_reach(catalogue.segments, of_other)) == [2]
    assert len(service_names(connection, catalogue.segments, NONE)) == len({"a", *names})


def test_the_longest_names_are_left_out(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flood = [f"{number:04d}" + "ä" * 5_000 for number in range(1500)]
    catalogue = sealed(connection, tmp_path, ["honest"], flood[:700])
    listed = service_names(connection, catalogue.segments, pa.chunked_array([["zeal", *flood[700:]]]))
    assert {"honest", "zeal"} < set(listed)
    size = sum(len(name.encode()) + 3 for name in listed)
    assert MOST - 11_000 < size <= MOST
    assert list(listed) == sorted(listed)
    assert CUT in capsys.readouterr().out


@pytest.mark.parametrize("recent", [["b"], ["y" * (MOST + 1), "b"]])
@pytest.mark.parametrize("length", [10, MOST - 20, MOST - 3, MOST + 1])
def test_one_name_that_is_too_long_is_left_out(
    connection: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    length: int,
    recent: list[str],
) -> None:
    catalogue = sealed(connection, tmp_path, ["a", "x" * length])
    listed = service_names(connection, catalogue.segments, pa.chunked_array([recent]))
    fits = length <= MOST - 20
    assert listed == (("a", "b", "x" * length) if fits else ("a", "b"))
    assert (CUT in capsys.readouterr().out) == (not fits or len(recent) > 1)


def test_more_names_than_the_index_has_memory_for(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """It has 112 MB, and these are 400."""
    catalogue = sealed(connection, tmp_path, ["honest", "x" * 65_536])
    for first in range(0, 40_000, 1000):
        connection.execute(
            "INSERT INTO segment_service SELECT 1, i || repeat('x', 10000), 1 FROM range(?, ?) each(i)",
            [first, first + 1000],
        )
    listed = service_names(connection, catalogue.segments, NONE)
    assert "honest" in listed
    assert len(listed) == 1 + (MOST - 9) // 10_004  # those of one to four digits vary by less than a name


def test_a_segment_that_was_replaced_meanwhile_is_asked_for_again(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    catalogue = sealed(connection, tmp_path, ["a", "x" * 65_536])
    with index.transaction(connection):
        index.remove(connection, [1])
    with pytest.raises(FileNotFoundError):
        service_names(connection, catalogue.segments, NONE)


async def test_spans_of_one_service_are_found_in_a_flood(tmp_path: Path) -> None:
    names = [f"service {number}" for number in range(1200)]
    async with running_store(tmp_path / "traces.duckdb", SEALED_AT_ONCE) as bus:
        await ingest(bus, *(span(place, service=name, trace_id=place) for place, name in enumerate(names, 1)))
        await state_when(bus, all_sealed)
        page = await bus.ask(SearchSpans(service_name="service 77", limit=10))
        assert [each.service_name for each in page.spans] == ["service 77"]
        assert (await bus.ask(SearchSpans(service_name="service", limit=10))).spans == ()
        assert await bus.ask(ListServices()) == tuple(sorted(names))
        assert not (await bus.ask(GetStoreState())).problems
