"""Damage is found and named by ``inspect``, and ``repair`` keeps everything that is good."""

import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pytest

from actors.clock import steady_seconds, utc_now
from actors.span_store.columns.rows import span_rows
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.embedded.maintenance.trusted_clock import TrustedClock
from actors.span_store.embedded.sealed.index import open_index
from actors.span_store.embedded.store import SpanStore
from actors.span_store.embedded.upkeep.inspection import inspect
from actors.span_store.embedded.upkeep.repair import repair
from actors.span_store.messages import SearchSpans
from tests.spans import span

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]

EVERYTHING = SearchSpans(service_name="tests", limit=100_000)


def own_clock(path: Path) -> TrustedClock:
    return TrustedClock(path.with_suffix(".clock"), wall=utc_now, steady=steady_seconds)


async def fill(path: Path, sealed: int, recent: int = 0) -> None:
    """So many segments of ten spans, and a journal with so many spans of one batch each."""
    store = await SpanStore.open(path, readers=1, limits=Limits(flush_at=1 << 40), clock=own_clock(path))
    for number in range(sealed):
        numbers = range(number * 10, number * 10 + 10)
        await store.write([span_rows(span(n + 1, trace_id=n + 1, attributes=noise(n)) for n in numbers)])
        await store.write([span_rows([span(1, trace_id=1)])])  # sent again
        await store.flusher.flush_if(lambda _: True)
    for number in range(recent):
        await store.write([span_rows([span(1000 + number, trace_id=1000 + number, attributes=noise(number))])])
    await store.close()


async def stored(path: Path) -> list[int]:
    """The numbers of all spans, read whole."""
    store = await SpanStore.open(path, readers=1, limits=Limits(), clock=own_clock(path))
    try:
        page = await store.reads.query(EVERYTHING)
        assert store.problems.sentences() == ()
    finally:
        await store.close()
    return sorted(int(each.name.split()[1]) for each in page.spans)


def noise(seed: int) -> dict[str, str]:
    return {"noise": random.Random(seed).randbytes(500).hex()}


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def flip(path: Path, place: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 0x10
    path.write_bytes(data)


def spoil(path: Path, sql: str) -> None:
    with open_index(path) as connection:
        connection.execute(sql)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.duckdb"


async def test_a_whole_store_is_whole(path: Path) -> None:
    assert inspect(Folders(path)) == []
    await fill(path, sealed=3, recent=2)
    assert inspect(Folders(path)) == []
    assert list(repair(Folders(path))) == []
    assert await stored(path) == [*range(1, 31), 1000, 1001]


SEGMENT = range(11, 21)  # the spans of the second one


@pytest.mark.parametrize(
    ("harm", "said", "lost"),
    [
        pytest.param(lambda f: files(f.segments)[1].unlink(), "is missing", SEGMENT, id="vanished"),
        pytest.param(lambda f: shutil.copy(files(f.segments)[0], files(f.segments)[1]), "", SEGMENT, id="another"),
        pytest.param(lambda f: flip(files(f.segments)[1], 0.4), "checksum is wrong", SEGMENT, id="flipped"),
        pytest.param(lambda f: files(f.segments)[1].write_bytes(b""), "has 0 bytes", SEGMENT, id="emptied"),
        pytest.param(lambda f: f.index.unlink(), "index is missing", [], id="index-lost"),
        pytest.param(lambda f: f.index.write_bytes(b"x" * 9999), "index cannot be opened", [], id="index-damaged"),
        pytest.param(
            lambda f: spoil(f.index, "DELETE FROM span WHERE position = 3"), "other spans", [], id="index-rows"
        ),
        pytest.param(
            lambda f: spoil(f.index, "UPDATE trace_part SET span_count = 2"), "trace_part says 20", [], id="summaries"
        ),
        pytest.param(
            lambda f: spoil(f.index, "DELETE FROM segment WHERE segment = 1"), "does not know", [], id="row-lost"
        ),
        pytest.param(lambda f: flip(files(f.journals)[0], 0.7), "is damaged", [1001], id="journal"),
    ],
)
async def test_damage_is_found_and_what_is_good_is_kept(
    path: Path, harm: Callable[[Folders], object], said: str, lost: Sequence[int]
) -> None:
    await fill(path, sealed=3, recent=2)
    folders = Folders(path)
    harm(folders)
    faults = inspect(folders)
    assert any(said in fault for fault in faults), faults
    assert list(repair(folders)) != []
    assert inspect(folders) == []
    expected = [number for number in [*range(1, 31), 1000, 1001] if number not in lost]
    assert await stored(path) == expected
    assert list(repair(folders)) == []


async def test_a_store_that_went_on_without_its_index_has_every_span_once_after_repair(path: Path) -> None:
    await fill(path, sealed=2, recent=2)
    folders = Folders(path)
    folders.index.unlink()
    await fill(path, sealed=1, recent=4)  # some of it sent again, which the studio cannot know
    assert [fault for fault in inspect(folders) if "is not in the index" in fault]
    list(repair(folders))
    assert inspect(folders) == []
    assert await stored(path) == [*range(1, 21), *range(1000, 1004)]
    with duckdb.connect(path, read_only=True) as connection:
        assert connection.execute("SELECT count(DISTINCT seq) FROM span").fetchall() == [(connection_rows(connection),)]


def connection_rows(connection: duckdb.DuckDBPyConnection) -> int:
    [(rows,)] = connection.execute("SELECT count(*) FROM span").fetchall()
    return int(rows)
