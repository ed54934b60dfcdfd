"""Answers a statement: looked at, given what it reads, run."""

import time
from collections.abc import Iterator, Mapping
from typing import Final, NoReturn

import duckdb

from actors.errors import DeadlineExceeded, NeedsRoom
from actors.span_store.asked.sql import SCORES, SECONDS, QuerySql, SqlAnswer
from actors.span_store.embedded.reads.aggregates.stored import Stored
from actors.span_store.embedded.reads.sql import sandbox
from actors.span_store.embedded.reads.sql.bodies import Bodies
from actors.span_store.embedded.reads.sql.checked import Checked, check
from actors.span_store.embedded.reads.sql.definitions import (
    BY_NAME,
    read_for,
    stored_name,
    view_statement,
)
from actors.span_store.embedded.reads.sql.feed import TOO_LONG, Feed, Projection
from actors.span_store.embedded.reads.sql.narrowed import Narrowed, narrowed
from actors.span_store.embedded.reads.sql.parsed import Node, parse, written
from actors.span_store.embedded.reads.sql.watch import Watch

_NARROWING: Final = "SELECT * FROM stored"


def new_watch() -> Watch:
    """To be given to ``answer_sql``, and told when nobody waits any more."""
    return Watch(SECONDS)


def answer_sql(stored: Stored, request: QuerySql, watch: Watch) -> SqlAnswer:
    """As ``QuerySql`` says. ``FileNotFoundError`` when a segment is replaced meanwhile."""
    begin = time.monotonic()
    with sandbox.opened() as connection, watch.watching(), watch.over(connection):
        answer = _Statement(connection, stored, request, watch).answer()
    size = answer.table.nbytes
    if request.room is not None and size > request.room:
        raise NeedsRoom(size)
    return SqlAnswer(
        columns=answer.columns,
        table=answer.table,
        truncated=answer.truncated,
        elapsed_ms=round((time.monotonic() - begin) * 1000, 3),
    )


class _Statement:
    """One statement in its sandbox."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, stored: Stored, request: QuerySql, watch: Watch) -> None:
        self._connection = connection
        self._stored = stored
        self._request = request
        self._watch = watch
        self._faults: list[BaseException] = []

    def answer(self) -> SqlAnswer:
        sql, limit = self._request.sql, self._request.limit
        checked = check(sql, parse(self._connection, sql))
        plain = written(self._connection, checked.node)
        feeds = self._feeds(checked)
        rows: dict[str, object] = {stored_name(view): feed for view, feed in feeds.items()}
        if "scores" in checked.references:
            rows[stored_name("scores")] = SCORES.empty_table() if self._request.scores is None else self._request.scores
        try:
            sandbox.fill(self._connection, rows, _views(checked))
            columns, table = sandbox.run(self._connection, sql, plain, limit)
        except duckdb.Error as error:
            self._refuse(error)
        finally:
            for feed in feeds.values():
                feed.close()
        return SqlAnswer(columns=columns, table=table.slice(0, limit), truncated=table.num_rows > limit, elapsed_ms=0.0)

    def _feeds(self, checked: Checked) -> Mapping[str, Feed]:
        bodies = Bodies(self._stored)
        return {
            view: Feed(self._stored, self._projection(checked, view), bodies, self._watch, self._faults)
            for view in checked.references
            if view != "scores"
        }

    def _projection(self, checked: Checked, view: str) -> Projection:
        less = narrowed(checked, view, self._request.limit, self._evaluated)
        columns = read_for(view, _named(checked, view))
        return Projection(view=view, columns=columns, narrowing=self._narrowing(less), needed=less.columns)

    def _narrowing(self, less: Narrowed) -> str:
        tree = parse(self._connection, f"{_NARROWING} LIMIT {less.limit or 1:d}")
        conditions, modifiers = list(less.conditions), tree["modifiers"] if less.limit is not None else []
        orders: list[Node] = [{"type": "ORDER_MODIFIER", "orders": list(less.orders)}] if less.orders else []
        where = _all(conditions)
        return written(self._connection, tree | {"where_clause": where, "modifiers": orders + modifiers})

    def _evaluated(self, node: Node) -> Node | None:
        """A constant as a value that the index reads the same; ``None`` where it has none."""
        text = written(self._connection, parse(self._connection, "SELECT 1") | {"select_list": [node]})
        try:
            [(kind, value)] = self._connection.sql(f"SELECT typeof(x), x::VARCHAR FROM ({text}) AS t(x)").fetchall()  # noqa: S608 - looked at
        except duckdb.Error:
            return None
        if value is None:
            return None
        quoted = value.replace("'", "''")
        found: Node = parse(self._connection, f"SELECT CAST('{quoted}' AS {kind})")["select_list"][0]
        return found

    def _refuse(self, error: duckdb.Error) -> NoReturn:
        if self._watch.is_over:
            raise DeadlineExceeded(TOO_LONG) from None
        if self._faults:
            raise self._faults[0]
        sandbox.refuse(self._request.sql, error)


def _all(conditions: list[Node]) -> Node | None:
    if len(conditions) < 2:  # noqa: PLR2004 - one is not joined with another
        return conditions[0] if conditions else None
    return {
        "class": "CONJUNCTION",
        "type": "CONJUNCTION_AND",
        "alias": "",
        "query_location": 2**64 - 1,
        "query_location_length": 0,
        "children": conditions,
    }


def _named(checked: Checked, view: str) -> frozenset[str]:
    return frozenset(
        column.name for column in BY_NAME[view].columns if checked.has_star or column.name in checked.names
    )


def _views(checked: Checked) -> Iterator[str]:
    for view in checked.references:
        wanted = (
            frozenset(column.name for column in BY_NAME[view].columns) if view == "scores" else _named(checked, view)
        )
        yield view_statement(BY_NAME[view], wanted)
