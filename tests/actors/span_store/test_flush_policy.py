"""When memtables are flushed: whoever sends goes first, as long as memory and the WAL have room."""

from pathlib import Path

import attrs
import pytest

from actors.span_store.columns.rows import rows_of, span_keys
from actors.span_store.columns.spans import span_columns
from actors.span_store.embedded.hot.flush_policy import Burst, FlushPolicy
from actors.span_store.embedded.hot.memtable import Memtable
from actors.span_store.embedded.hot.memtables import Memtables
from actors.span_store.embedded.hot.wal import Wal
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.lifetime import Limits
from tests.spans import span

pytestmark = pytest.mark.integration

MB = 1024 * 1024


@attrs.define
class Store:
    """Memtables of a span each, and a clock that stands still."""

    memtables: Memtables
    now: float = 0.0
    written: int = 0

    def policy(self, **limits: int) -> FlushPolicy:
        return FlushPolicy(Limits(**limits), Burst(lambda: self.now), self.memtables)  # type: ignore[arg-type] # bytes

    def fill(self) -> None:
        self.written += 1
        rows = rows_of(span_columns([span(self.written, attributes={"text": "x" * 1000})]))
        self.memtables.active.append([rows], span_keys(rows))

    @property
    def size(self) -> int:
        """Of one memtable."""
        return self.memtables.bytes // self.written


@pytest.fixture
def store(tmp_path: Path) -> Store:
    folders = Folders(tmp_path / "traces.duckdb")
    folders.make()
    return Store(Memtables(folders, [Memtable(1, 0, Wal(folders.journals / "00000001.journal"))]))


def test_a_memtable_is_full_when_it_has_what_a_segment_should_have(store: Store) -> None:
    policy = store.policy(flush_at=1500)
    assert not policy.must_rotate()
    store.fill()
    store.fill()
    assert policy.must_rotate()
    store.memtables.rotate()
    assert not policy.must_rotate()


def test_a_flush_is_deferred_only_in_a_burst_and_only_for_half_of_the_wal(store: Store) -> None:
    store.fill()
    policy = store.policy(most_recent=5 * store.size)
    assert not policy.defers()
    policy.took(100 * MB)
    for _ in range(3):
        assert policy.defers()
        store.memtables.rotate()
        store.fill()
    assert store.memtables.full_bytes > 5 * store.size // 2
    assert not policy.defers()
    assert not policy.has_time()
    assert policy.seconds_deferred() < 0.2
    store.now += 0.2
    store.memtables.forget(store.memtables.full[0])
    assert not policy.defers()
    assert policy.has_time()
    assert not policy.is_idle()


def test_what_waits_is_evicted_when_there_is_more_than_memory_is_meant_for(store: Store) -> None:
    store.fill()
    policy = store.policy(most_in_memory=store.size)
    store.memtables.rotate()
    assert not policy.must_evict()
    store.fill()
    full = store.memtables.rotate()
    assert policy.must_evict()
    full.evict()
    assert not policy.must_evict()
    assert store.memtables.full_bytes == 2 * store.size


def test_what_nobody_would_miss_is_done_when_nothing_waits(store: Store) -> None:
    policy = store.policy()
    store.fill()
    assert policy.is_idle()
    policy.took(100 * MB)
    assert not policy.is_idle()
    store.now += 0.2
    assert policy.is_idle()
    store.memtables.rotate()
    assert not policy.is_idle()


async def test_writers_wait_when_the_wal_is_full(store: Store) -> None:
    store.fill()
    policy = store.policy(most_recent=store.size)
    assert not policy.is_behind()
    await policy.wait_for_room()
    store.fill()
    assert policy.is_behind()
