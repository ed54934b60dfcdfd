"""Circles that are overlooked cost megabytes at the most."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from studio import garbage
from studio.garbage import GarbageWatch, leave_the_start_alone, resident_bytes

pytestmark = pytest.mark.unit

MB = 1024 * 1024


class Circle:
    """Holds itself, and much more."""

    def __init__(self, size: int) -> None:
        self.me = self
        self.much = b"x" * size


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_few_objects_that_hold_much_are_collected(no_collector: None) -> None:
    watch = GarbageWatch()
    left = weakref.ref(Circle(200 * MB))
    assert left() is not None
    watch.look()
    assert left() is None


def test_little_growth_is_no_reason(no_collector: None) -> None:
    sizes = iter([100 * MB, 100 * MB, 120 * MB, 80 * MB, 140 * MB])
    watch = GarbageWatch(lambda: next(sizes))
    left = weakref.ref(Circle(1))
    for _ in range(4):
        watch.look()
        assert left() is not None


def test_it_rests_between_two_collections(no_collector: None) -> None:
    size = 0

    def growing() -> int:
        nonlocal size
        size += 100 * MB
        return size

    watch = GarbageWatch(growing)
    collected = 0
    for _ in range(30):
        left = weakref.ref(Circle(1))
        watch.look()
        collected += left() is None
    assert 3 <= collected <= 6


async def test_it_looks_again_and_again(no_collector: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "_LOOK_SECONDS", 0.001)
    looked = asyncio.Event()
    count = 0

    def resident() -> int:
        nonlocal count
        count += 1
        if count > 3:
            looked.set()
        return 0

    GarbageWatch(resident).start()
    async with asyncio.timeout(20):
        await looked.wait()


def test_what_the_process_has_is_known() -> None:
    before = resident_bytes()
    much = b"x" * (50 * MB)
    assert resident_bytes() - before > 40 * MB or before == 0
    assert much


def test_what_stands_after_the_start_is_not_looked_through() -> None:
    try:
        leave_the_start_alone()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
