"""The source that the actor pulls from. A transport implements it."""

from collections.abc import Sequence
from typing import Protocol

import attrs

from actors.span_store.columns.spans import Span


@attrs.frozen(kw_only=True)
class PulledBatch:
    """One answer of the service.

    ``last_key`` is where the next pull begins: the key of the last row read, corrupt or not; ``None`` when nothing was
    read. ``more`` says that another pull is worthwhile at once.
    """

    spans: Sequence[Span]
    size: int  # bytes on the wire
    last_key: bytes | None
    corrupt: int
    remaining: int | None
    more: bool


class SpanSource(Protocol):
    """An external ingestion service: keeps spans in the order of their keys until they are pulled."""

    async def read(self, after: bytes, limit: int) -> PulledBatch:
        """Read at most ``limit`` rows with keys after ``after`` (b"" for all). ``Unavailable`` when that fails."""

    async def close(self) -> None:
        """Close the connection."""
