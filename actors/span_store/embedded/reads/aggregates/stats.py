"""Sums by groups and over time: first which groups there are, then their cells, then the cells added up.

Memory goes with the number of cells, not with that of spans. Many groups or traces are gone through in parts.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Literal

import attrs
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from actors.errors import NeedsRoom, TooLarge
from actors.span_store.asked.buckets import Interval, edges_between, runs_of
from actors.span_store.asked.stats import GROUPED, GetStats, Group, Measures, Others, Stats, Subject
from actors.span_store.columns.types import AnyField, Untold
from actors.span_store.embedded.reads.aggregates.cells import TOP, Cells
from actors.span_store.embedded.reads.aggregates.items import keys_of, names_of, span_items, trace_items
from actors.span_store.embedded.reads.aggregates.levels import OTHERS, Level, Place
from actors.span_store.embedded.reads.aggregates.registered import arrow_of, registered
from actors.span_store.embedded.reads.aggregates.right_spans import right_spans
from actors.span_store.embedded.reads.aggregates.said_columns import said_column, with_said
from actors.span_store.embedded.reads.aggregates.stored import Stored
from actors.span_store.embedded.reads.aggregates.trace_scores import SCORES
from actors.span_store.embedded.reads.span_table import INDEXED, LISTED, SpanTable
from actors.span_store.query.expression import And, Expression, started_between
from actors.span_store.query.sql import Condition, condition

_RIGHT = "stats_right"
_IN_A_PART = 100_000  # groups or traces
_MOST_GROUPS = 1_000_000  # of traces
_POINT_BYTES = 256


@attrs.frozen
class _Found:
    """The largest groups, how many there are, and the first and the last start of any."""

    keys: pa.Table
    groups: int
    first: int | None
    last: int | None


def read_stats(stored: Stored, request: GetStats, is_left: Callable[[], bool]) -> Stats:
    """Answer what is asked. What the index cannot say of spans is looked at first.

    ``is_left`` says that nobody waits for it any more: then ``DeadlineExceeded``, which nobody hears.
    """
    table = SpanTable(stored.cursor, stored.view)
    right = right_spans(stored, table, _asked_of_spans(request), is_left)
    with ExitStack() as stack:
        spans = stack.enter_context(table.relation())
        if request.scores is not None:
            stack.enter_context(registered(stored.cursor, SCORES, request.scores))
        if right is not None:
            stack.enter_context(registered(stored.cursor, _RIGHT, right))
        wanted = _condition(request, has_right=right is not None)
        said = [name for name in request.group_by if name not in GROUPED]
        spans = stack.enter_context(with_said(stored, spans, _to_read(request, spans, wanted), said, is_left))
        return _Question(stored.cursor, spans, request, wanted).answer()


class _Question:
    """One request, and the relation that has the spans."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, spans: str, request: GetStats, wanted: Condition) -> None:
        self._cursor = cursor
        self._request = request
        self._of_traces = request.of is Subject.TRACES
        self._has_scores = request.scores is not None
        keys = _keys(request.group_by)
        self._names = names_of(keys)
        within = started_between(request.since, request.until)
        if self._of_traces:
            self._items = trace_items(spans, keys, wanted, condition(within, INDEXED), with_trace=self._has_scores)
        else:
            of_calls = request.of is Subject.CALLS
            self._items = span_items(spans, keys, wanted, only_calls=of_calls, with_trace=self._has_scores)
        self._parts = self._count_parts(["trace_id"] if self._of_traces else keys, spans, wanted)

    def answer(self) -> Stats:
        request = self._request
        found = self._find_groups()
        since = found.first if request.since is None else request.since
        until = (
            max(request.now, 0 if found.last is None else found.last + 1) if request.until is None else request.until
        )
        interval, edges = _buckets(request, since, until)
        self._demand_room((found.keys.num_rows + 1) * max(1, len(edges)))
        measures = self._measure(found, edges)
        return Stats(
            from_unix_nano=since,
            to_unix_nano=until,
            interval=interval,
            edges=edges,
            groups=_groups(found, measures),
            others=_others(found, measures),
        )

    def _count_parts(self, columns: list[str], spans: str, wanted: Condition) -> int:
        """So many that a part has groups, or traces, that there is memory for."""
        if not columns:
            return 1
        [(count,)] = self._cursor.execute(
            f"SELECT approx_count_distinct(hash({', '.join(columns)})) FROM {spans} WHERE {wanted.text}",  # noqa: S608 - own names
            wanted.parameters,
        ).fetchall()
        return 1 + int(count) // _IN_A_PART

    def _find_groups(self) -> _Found:
        found = _Found(_no_keys(self._names), 0, None, None)
        for part in self._joined() if self._of_traces else map(self._groups_in, range(self._parts)):
            found = self._with(found, part)
        return attrs.evolve(found, keys=found.keys.select(self._names))

    def _with(self, found: _Found, part: pa.Table) -> _Found:
        order: list[tuple[str, Literal["ascending", "descending"]]] = [("n", "descending")]
        order += [(name, "ascending") for name in self._names]
        keys = pa.concat_tables([found.keys, part.select(["n", *self._names])]).sort_by(order)
        starts = [each for each in (found.first, found.last, *_ends(part)) if each is not None]
        return _Found(
            keys.slice(0, self._request.limit),
            found.groups + part.num_rows,
            min(starts, default=None),
            max(starts, default=None),
        )

    def _groups_in(self, part: int) -> pa.Table:
        names = "".join(f"{name}, " for name in self._names)
        items = self._items.in_part(part, self._parts)
        query = f"""
            SELECT {names} count(*) AS n, min(start) AS first, max(start) AS last FROM {items} GROUP BY ALL
            HAVING n > 0
        """  # noqa: S608 - own names
        return arrow_of(self._cursor, query, self._items.parameters)

    def _joined(self) -> Iterator[pa.Table]:
        """All groups of traces: several parts have the same ones."""
        parts, rows = [], 0
        for part in map(self._groups_in, range(self._parts)):
            parts.append(part)
            rows += part.num_rows
            if rows > _MOST_GROUPS:
                raise TooLarge("There are too many groups: narrow down what is counted, or group by other fields")
        grouped = pa.concat_tables(parts).group_by(self._names)
        joined = grouped.aggregate([("n", "sum"), ("first", "min"), ("last", "max")])
        yield joined.rename_columns([name.partition("_")[0] for name in joined.column_names])

    def _demand_room(self, points: int) -> None:
        size = points * _POINT_BYTES
        if self._request.room is not None and size > self._request.room:
            raise NeedsRoom(size)

    def _measure(self, found: _Found, edges: tuple[int, ...]) -> dict[Place, Measures]:
        levels = [Level.GROUPS, Level.BUCKETS] if edges else [Level.GROUPS]
        parts = self._parts if self._of_traces else 1
        is_all = found.groups <= found.keys.num_rows
        cells = Cells(self._cursor, self._names, runs_of(edges), is_all=is_all)
        with ExitStack() as stack:
            if self._names:
                gids: Untold = pa.array(range(found.keys.num_rows), pa.int32())
                stack.enter_context(registered(self._cursor, TOP, found.keys.append_column("gid", gids)))
            for part in range(parts):
                items = self._items.in_part(part, parts)
                cells.add(items, self._items.parameters, with_speed=not self._of_traces, with_scores=self._has_scores)
            return cells.measures(levels)


def _condition(request: GetStats, *, has_right: bool) -> Condition:
    made = condition(_asked_of_spans(request), LISTED)
    if not has_right:
        return made
    return attrs.evolve(made, text=f"({made.text}) AND seq IN (SELECT seq FROM {_RIGHT})")  # noqa: S608 - own name


def _keys(names: Sequence[str]) -> list[str]:
    """Columns of what is grouped by."""
    said = {name: said_column(number) for number, name in enumerate(name for name in names if name not in GROUPED)}
    return [said[name] if name in said else keys_of([GROUPED[name]])[0] for name in names]


def _to_read(request: GetStats, spans: str, wanted: Condition) -> Condition:
    """The spans that are asked what they say."""
    if request.of is Subject.TRACES:
        of_traces = f"trace_id IN (SELECT trace_id FROM {spans} WHERE {wanted.text})"  # noqa: S608 - own names
        return attrs.evolve(wanted, text=of_traces)
    return attrs.evolve(wanted, text=f"counted AND ({wanted.text})") if request.of is Subject.CALLS else wanted


def _asked_of_spans(request: GetStats) -> Expression:
    """Which spans are meant: those of a trace may have started at other times than it."""
    if request.of is Subject.TRACES:
        return request.where
    return And([request.where, started_between(request.since, request.until)])


def _no_keys(names: list[str]) -> pa.Table:
    fields: list[AnyField] = [pa.field(name, pa.string()) for name in names]
    return pa.schema([pa.field("n", pa.int64()), *fields]).empty_table()


def _ends(part: pa.Table) -> tuple[int | None, int | None]:
    return pc.min(part["first"]).as_py(), pc.max(part["last"]).as_py()


def _buckets(request: GetStats, since: int | None, until: int) -> tuple[Interval | None, tuple[int, ...]]:
    if request.interval is None:
        return None, ()
    if since is None or since >= until:
        return request.interval.fitting(0), ()
    interval = request.interval.fitting(until - since)
    return interval, edges_between(since, until, interval, request.zone)


def _groups(found: _Found, measures: Mapping[Place, Measures]) -> tuple[Group, ...]:
    keys = (
        list(zip(*(column.to_pylist() for column in found.keys.columns), strict=True)) if found.keys.columns else [()]
    )
    points = _by_group(measures)
    return tuple(
        Group(key=key, total=measures.get(Place(gid, None), Measures()), points=points[gid])
        for gid, key in enumerate(keys)
    )


def _others(found: _Found, measures: Mapping[Place, Measures]) -> Others | None:
    others = found.groups - found.keys.num_rows
    if not found.keys.columns or others <= 0:
        return None
    total = measures.get(Place(OTHERS, None), Measures())
    return Others(groups=others, total=total, points=_by_group(measures)[OTHERS])


def _by_group(measures: Mapping[Place, Measures]) -> defaultdict[int, dict[int, Measures]]:
    points: defaultdict[int, dict[int, Measures]] = defaultdict(dict)
    for place, found in measures.items():
        if place.bucket is not None:
            points[place.gid][place.bucket] = found
    return points
