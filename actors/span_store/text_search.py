"""Finds spans by text in their name, status message, attributes and events.

Goes through the spans from the latest arrival back: first those in memory, then one sealed file after the other, and
stops when the page is full or its time is up: soon when it has found something, and later when not. A page says where
the next one goes on, so that a search through everything is many short ones.
"""

import time
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

import duckdb
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.attribute_column import STORED, matching
from actors.span_store.damage import Damage
from actors.span_store.messages import FoundSpans, SearchText
from actors.span_store.recent import Recent
from actors.span_store.row_groups import open_segment
from actors.span_store.rows import ROWS, SHOWN_COLUMNS, stored_spans

_PLAIN = ("name", "status_message")
_SEARCHED = ["seq", "service_name", "start_time_unix_nano", STORED, "events_json", *_PLAIN]
_WHOLE = ["seq", *SHOWN_COLUMNS]
_REST = [name for name in _WHOLE if name not in _SEARCHED]
_EMPTY = ROWS.empty_table().select(_WHOLE)
_A_FILE = 0.08  # seconds that a file takes at least, while spans come in
_SLICE = 4096  # recent rows that are searched at once


class TextSearch:
    """One search. A page may take ``budget`` seconds, or ``soon`` if it has a span, before it says where to go on."""

    def __init__(
        self, request: SearchText, segments: Path, damage: Damage, *, soon: float = 0.11, budget: float = 1.0
    ) -> None:
        self._request = request
        self._damage = damage
        self._segments = segments
        begin = time.monotonic()
        self._soon, self._deadline = begin + soon, begin + budget
        # As the text stands in JSON: quotes and control characters escaped, everything else as it is.
        self._pattern = orjson.dumps(request.text).decode()[1:-1]

    def run(self, cursor: duckdb.DuckDBPyConnection, recent: Recent) -> FoundSpans:
        """The page. Of the index only what came before the view of memory counts, so each span is seen once."""
        found: list[pa.Table] = []
        missing = self._request.limit
        before = time.monotonic()
        for first_seq, rows in self._parts(cursor, recent):
            found.append(rows.slice(0, missing))
            missing -= rows.num_rows
            if missing < 0:
                return self._page(found, found[-1]["seq"][-1].as_py())
            now = time.monotonic()
            next_ends, before = now + max(now - before, _A_FILE), now
            if missing == 0 or next_ends > (self._soon if missing < self._request.limit else self._deadline):
                return self._page(found, first_seq)
        return self._page(found, None)

    def _parts(self, cursor: duckdb.DuckDBPyConnection, recent: Recent) -> Iterator[tuple[int, pa.Table]]:
        """Matching rows of each part, latest first, and the number of the part's first span."""
        for first_seq, rows in recent.slices(_SLICE, latest_first=True):
            yield first_seq, self._latest(rows)
        for first_seq, file in self._files(cursor, recent.first_seq):
            found = self._damage.skipped(cursor, file, partial(self._in_file, self._segments / file))
            if found is not None:
                yield first_seq, found

    def _files(self, cursor: duckdb.DuckDBPyConnection, before: int) -> list[tuple[int, str]]:
        """Sealed files that may have matches, latest first."""
        request = self._request
        return cursor.execute(
            """
            SELECT first_seq, file FROM segment
            WHERE first_seq < ? AND last_start_time_unix_nano >= ? AND first_start_time_unix_nano < ?
            ORDER BY first_seq DESC
            """,
            [
                before if request.before is None else min(before, request.before),
                request.from_time_unix_nano or 0,
                request.to_time_unix_nano if request.to_time_unix_nano is not None else 2**64 - 1,
            ],
        ).fetchall()

    def _in_file(self, path: Path) -> pa.Table:
        """The latest matching rows of a file. In it they lie in another order."""
        found = [_EMPTY]
        with open_segment(path) as file:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group, columns=_SEARCHED, use_threads=False)
                mask = self._matches(rows)
                if pc.any(mask).as_py():
                    rest = file.read_row_group(group, columns=_REST, use_threads=False)
                    columns = [(rows if name in _SEARCHED else rest)[name] for name in _WHOLE]
                    found.append(self._first(pa.table(columns, _WHOLE).filter(mask)))
        return self._first(pa.concat_tables(found))

    def _latest(self, rows: pa.Table) -> pa.Table:
        return self._first(rows.select(_WHOLE).filter(self._matches(rows)))

    def _matches(self, rows: pa.Table) -> pa.ChunkedArray:
        request = self._request
        mask = matching(rows[STORED], request.text, self._pattern)
        mask = pc.or_(mask, pc.match_substring(rows["events_json"], self._pattern))
        for column in _PLAIN:
            mask = pc.or_(mask, pc.match_substring(rows[column], request.text))
        start = rows["start_time_unix_nano"]
        if request.service_name is not None:
            mask = pc.and_(mask, pc.equal(rows["service_name"], request.service_name))
        if request.from_time_unix_nano is not None:
            mask = pc.and_(mask, pc.greater_equal(start, pa.scalar(request.from_time_unix_nano, pa.uint64())))
        if request.to_time_unix_nano is not None:
            mask = pc.and_(mask, pc.less(start, pa.scalar(request.to_time_unix_nano, pa.uint64())))
        if request.before is not None:
            mask = pc.and_(mask, pc.less(rows["seq"], pa.scalar(request.before, pa.uint64())))
        return mask

    def _first(self, rows: pa.Table) -> pa.Table:
        """As many as a page may have, and one more, latest first."""
        return rows.sort_by([("seq", "descending")]).slice(0, self._request.limit + 1)

    def _page(self, found: list[pa.Table], before: int | None) -> FoundSpans:
        return FoundSpans(spans=tuple(chain.from_iterable(map(stored_spans, found))), before=before or None)
