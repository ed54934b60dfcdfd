"""Check that objects are freed without the garbage collector. Use ``no_collector`` in a test that checks."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

_ENOUGH = 20  # seconds; a test that waits so long would wait for ever


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What there is already is left out of ``held``, which looks through all else again and again."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.enable()


def held(*kinds: type) -> list[str]:
    """The names of the kinds of all such objects that the test has made."""
    return [type(each).__name__ for each in gc.get_objects() if isinstance(each, kinds)]


async def until_free(*kinds: type, but: int = 0) -> None:
    """Return when no more than so many such objects are left."""
    async with asyncio.timeout(_ENOUGH):
        while len(held(*kinds)) > but:  # noqa: ASYNC110 - nothing tells when an object is free
            await asyncio.sleep(0)
