"""Finds spans by what the index does not have of them: goes through those that it cannot rule out, newest start first.

Each is looked at as it is stored. A page says where the next one goes on when its time is up, so that a search through
everything is many short ones.
"""

import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import attrs
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.rows import ROWS
from actors.span_store.columns.types import AnyColumn, Untold
from actors.span_store.embedded.damage import Damage
from actors.span_store.embedded.hot.memtable import MemtableSnapshot
from actors.span_store.embedded.reads.row_location import RowLocation, cursor_at, in_file
from actors.span_store.embedded.sealed.manifest import Segment
from actors.span_store.embedded.sealed.row_groups import footer, in_turn, row_group
from actors.span_store.embedded.sealed.segment_file import ROOT_GROUP, segment_path
from actors.span_store.embedded.text.ngram_files import NgramFiles, SealedFile
from actors.span_store.messages import Cursor
from actors.span_store.query.arrow import ArrowFilter, CountedOf
from actors.span_store.query.expression import Expression, normal_form
from actors.span_store.query.pruning import ngram_condition

_MOST_ROWS, _MOST_GROUPS = 512, 16  # that are looked at before the clock is
_LEAST, _MOST = 256, 8192  # candidates that are listed at once
_NO: Untold = pa.scalar(False, pa.bool_())
_NO_NUMBERS = ROWS.empty_table().select(["seq"])


class Candidates(Protocol):
    """Places of spans that are not ruled out, newest first, behind a cursor. Fewer than asked for are the last ones."""

    def __call__(
        self, after: Cursor | None, limit: int, has_any: Callable[[Segment], bool], /
    ) -> Sequence[RowLocation]: ...


@attrs.frozen
class Found:
    """Places of spans that were looked for, and where a page goes on that has all of them; ``None`` at the end."""

    places: list[RowLocation]
    goes_on: Cursor | None


class Files:
    """The segments, as a walk reads them."""

    def __init__(self, folder: Path, ngrams: NgramFiles, sealed: Iterable[Segment], wanted: Expression) -> None:
        self._folder = folder
        self._ngrams = ngrams
        self._sealed = {segment.number: segment for segment in sealed}
        self._wanted = normal_form(wanted)
        self._condition = ngram_condition(wanted)
        self._groups: dict[int, frozenset[int] | None] = {}

    def has_any(self, segment: Segment) -> bool:
        """Whether a row group of it is not ruled out."""
        return self.may_have(segment.number)

    def may_have(self, number: int) -> bool:
        """As ``has_any``, by the number of a segment. One that is not known is not ruled out."""
        return self._left(number) != frozenset()

    def by_group(self, number: int, places: Iterable[RowLocation]) -> dict[int, list[int]]:
        """Row groups that are not ruled out, and where in them the places are."""
        facts, left = footer(self.path(number)), self._left(number)
        found: defaultdict[int, list[int]] = defaultdict(list)
        for place in places:
            group = bisect_right(facts.starts, in_file(place)) - 1
            if left is None or group in left:
                found[group].append(in_file(place) - facts.starts[group])
        return {group: rows for group, rows in found.items() if facts.zones.may_have(self._wanted, group)}

    def groups_left(self, numbers: Iterable[int], most: int) -> dict[int, list[int]] | None:
        """Row groups of these segments that are not ruled out, ``None`` when they are more than so many."""
        found: dict[int, list[int]] = {}
        count = 0
        for number in numbers:
            left = self._left(number)
            if left is None or left:
                facts = footer(self.path(number))
                some = range(len(facts.starts)) if left is None else sorted(left)
                found[number] = [group for group in some if facts.zones.may_have(self._wanted, group)]
                count += len(found[number])
            if count > most:
                return None
        return {number: groups for number, groups in found.items() if groups}

    def path(self, number: int) -> Path:
        return segment_path(self._folder, number)

    def _left(self, number: int) -> frozenset[int] | None:
        """The row groups that are not ruled out; ``None`` for all."""
        if number not in self._groups:
            segment = self._sealed.get(number)
            file = SealedFile(number, segment.bytes, segment.checksum) if segment else None
            groups = self._ngrams.groups(file, self._condition) if file else None
            self._groups[number] = None if groups is None else frozenset(groups)
        return self._groups[number]


class Walk:
    """One search. A page may take ``budget`` seconds, or ``soon`` if it has a span, before it says where to go on."""

    def __init__(
        self,
        wanted: Expression,
        files: Files,
        cursor: duckdb.DuckDBPyConnection,
        damage: Damage,
        *,
        counted_of: CountedOf,
        soon: float,
        budget: float,
    ) -> None:
        begin = time.monotonic()
        self._soon, self._deadline = begin + soon, begin + budget
        self._filter = ArrowFilter(wanted, counted_of)
        self._columns = [name for name in ROWS.names if name in self._filter.columns | {"seq"}]
        self._files = files
        self._visits: Counter[tuple[Path, int]] = Counter()
        self._known: dict[tuple[Path, int], dict[int, int]] = {}
        self._cursor = cursor
        self._damage = damage

    def run(self, candidates: Candidates, recent: MemtableSnapshot, after: Cursor | None, limit: int) -> Found:
        """So many places at most, of spans behind a place in the list."""
        found: list[RowLocation] = []
        goes_on: Cursor | None = None
        for piece in self._pieces(candidates, after):
            if goes_on is not None and time.monotonic() > (self._soon if found else self._deadline):
                return Found(found, goes_on)
            right = self.matching(piece, recent)
            found += [place for place in piece if place.seq in right]
            if len(found) >= limit:
                return Found(found[:limit], cursor_at(found[limit - 1]))
            goes_on = cursor_at(piece[-1])
        return Found(found, None)

    def _pieces(self, candidates: Candidates, after: Cursor | None) -> Iterator[Sequence[RowLocation]]:
        """All candidates, so many at a time as can be looked at soon."""
        size = _LEAST
        while True:
            places = candidates(after, size, self._files.has_any)
            yield from pieces(places)
            if len(places) < size:
                return
            after, size = cursor_at(places[-1]), min(4 * size, _MOST)

    def matching(self, piece: Iterable[RowLocation], recent: MemtableSnapshot) -> set[int]:
        """The numbers of those that are looked for. Those of a damaged segment are left out, and that is reported."""
        by_segment: defaultdict[int | None, list[RowLocation]] = defaultdict(list)
        for place in sorted(piece, key=in_file):
            by_segment[place.segment].append(place)
        right: set[int] = set()
        for number, places in by_segment.items():
            found: Iterable[AnyColumn] = (rows["seq"] for rows in self._rows(number, places, recent))
            right.update(*(numbers.to_pylist() for numbers in found))
        return right

    def _rows(self, number: int | None, places: Sequence[RowLocation], recent: MemtableSnapshot) -> Iterator[pa.Table]:
        if number is None:
            yield from map(self._filter.rows, recent.take([place.seq for place in places], self._columns))
            return
        read = partial(self._in_file, number, places)
        rows = self._damage.skipped(self._cursor, self._files.path(number).name, read)
        if rows is not None:
            yield rows

    def _in_file(self, number: int, places: Iterable[RowLocation]) -> pa.Table:
        path = self._files.path(number)
        sizes = footer(path).sizes
        groups = self._files.by_group(number, places).items()
        parts = [in_turn(sizes[group], partial(self._in_group, path, group, rows)) for group, rows in groups]
        return pa.concat_tables([_NO_NUMBERS, *parts])

    def _in_group(self, path: Path, group: int, rows: Sequence[int]) -> pa.Table:
        """Few rows are looked at by themselves. Those of a row group that comes again are all looked at, once."""
        visits = self._visits[path, group] = self._visits[path, group] + 1
        if visits == 1:
            some = row_group(path, group, self._columns).take(pa.array(rows, pa.int64()))
            return self._filter.rows(some).select(["seq"])
        known = self._known.get((path, group))
        if known is None:
            known = self._known[path, group] = self._matching_of(row_group(path, group, self._columns))
        return pa.table({"seq": pa.array([known[row] for row in rows if row in known], pa.uint64())})

    def _matching_of(self, rows: pa.Table) -> dict[int, int]:
        """The numbers of the rows that are looked for, by where they are."""
        places: Untold = pc.indices_nonzero(pc.fill_null(self._filter.mask(rows), _NO))
        return dict(zip(places.to_pylist(), rows["seq"].take(places).to_pylist(), strict=True))


def pieces(places: Sequence[RowLocation]) -> Iterator[Sequence[RowLocation]]:
    """Runs of neighbours in the list that have few rows in few row groups: each is looked at in milliseconds."""
    begin = 0
    groups: set[tuple[int | None, int]] = set()
    for end, place in enumerate(places):
        groups.add((place.segment, in_file(place) // ROOT_GROUP))
        if end - begin == _MOST_ROWS or len(groups) > _MOST_GROUPS:
            yield places[begin:end]
            begin, groups = end, {(place.segment, in_file(place) // ROOT_GROUP)}
    if begin < len(places):
        yield places[begin:]
