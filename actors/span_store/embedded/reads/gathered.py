"""Rows that are put together for an answer, which has bounds in bytes."""

from bisect import bisect_right
from collections.abc import Iterable

import pyarrow as pa

from actors.errors import NeedsRoom

PAGE_BYTES = 32 * 1024 * 1024  # of a page of a list, as the spans are stored


class Gathered:
    """Tables that have memory of their own, together no more than there is room for."""

    def __init__(self, room: int | None) -> None:
        self.parts: list[pa.Table] = []
        self.bytes = 0
        self._room = room

    def add(self, table: pa.Table) -> None:
        """Take it too, or raise ``NeedsRoom``."""
        # Not ``nbytes``, which takes a tenth of a millisecond.
        self.bytes += table.get_total_buffer_size()
        if self._room is not None and self.bytes > self._room:
            raise NeedsRoom(self.bytes)
        self.parts.append(table)

    def add_all(self, tables: Iterable[pa.Table]) -> None:
        """Take them too, or raise ``NeedsRoom`` with what all of them need, so that asking once more is enough.

        Those that are too many are made one after the other and not kept.
        """
        left = iter(tables)
        for table in left:
            try:
                self.add(table)
            except NeedsRoom as need:
                self.parts.clear()
                raise NeedsRoom(need.bytes + sum(each.get_total_buffer_size() for each in left)) from None


def fitting(rows: pa.Table, room: int) -> int:
    """How many of the rows, from the first on, take no more than so many bytes."""
    if rows.get_total_buffer_size() <= room:
        return int(rows.num_rows)
    return bisect_right(range(1, rows.num_rows + 1), room, key=lambda count: int(rows.slice(0, count).nbytes))
