"""A statement as DuckDB's own parser reads it: exactly one SELECT, as a tree of dictionaries and lists."""

import re
from typing import Any, Final, TypeAlias

import duckdb
import orjson

from actors.span_store.embedded.reads.sql.faults import column_of, fault

Node: TypeAlias = dict[str, Any]

_DEEPEST: Final = 50  # brackets inside of each other: the parser tries each several ways
# Signs one after the other take the parser the square of their number.
_SIGNS: Final = re.compile(r"(?:[-+~@!](?:\s|/\*.*?\*/)*){25}", re.DOTALL)
_MOST_SIGNS: Final = 1500
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_ONE_SELECT = "a statement is one SELECT"


def parse(connection: duckdb.DuckDBPyConnection, sql: str) -> Node:
    """The tree of the statement. A fault ``sql_error`` for what is none, ``sql_forbidden`` for what is no SELECT."""
    _demand_shallow(sql)
    found = _serialized(connection, sql)
    if found["error"]:
        if found["error_type"] == "not implemented":
            raise fault("sql_forbidden", _ONE_SELECT, _first(sql))
        raise fault("sql_error", found["error_message"], column_of(sql, found.get("position")))
    statements: list[Node] = found["statements"]
    if not statements:
        raise fault("sql_error", "there is no statement")
    if len(statements) > 1:
        raise fault("sql_forbidden", _ONE_SELECT, column_of(sql, _begin(statements[1])))
    node: Node = statements[0]["node"]
    return node


def written(connection: duckdb.DuckDBPyConnection, node: Node) -> str:
    """The SQL of a tree."""
    tree = orjson.dumps({"error": False, "statements": [{"node": node, "named_param_map": []}]}).decode()
    [(text,)] = connection.execute("SELECT json_deserialize_sql(?)", [tree]).fetchall()
    return str(text)


def _serialized(connection: duckdb.DuckDBPyConnection, sql: str) -> Node:
    try:
        [(text,)] = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
        found: Node = orjson.loads(text)
    except (orjson.JSONDecodeError, duckdb.Error):  # deeper than JSON may be, or what no parser can read
        raise fault("sql_error", "the statement cannot be read") from None
    return found


def _demand_shallow(sql: str) -> None:
    if "\0" in sql or any("\ud800" <= character <= "\udfff" for character in sql):
        raise fault("sql_error", "text must be valid Unicode without a null character")
    depth = 0
    for place, character in enumerate(sql):
        depth += (character in _OPENING) - (character in _CLOSING and depth > 0)
        if depth > _DEEPEST:
            raise fault("sql_forbidden", f"more than {_DEEPEST} brackets inside of each other", place + 1)
    signs = _SIGNS.search(sql)
    if signs or sum(map(sql.count, "-+~@!")) > _MOST_SIGNS:
        raise fault("sql_forbidden", "too many signs", signs.start() + 1 if signs else 1)


def _first(sql: str) -> int:
    """The column of what comes first that is no comment."""
    found = re.match(r"(?:\s|;|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", sql, re.DOTALL)
    return (found.end() if found else 0) + 1


def _begin(node: Any) -> int | None:  # noqa: ANN401 - a part of a tree
    """The first place that a part of a tree stands at."""
    if isinstance(node, list):
        places = [_begin(each) for each in node]
    elif isinstance(node, dict):
        here = node.get("query_location")
        places = [here if isinstance(here, int) and here < 2**63 else None, *map(_begin, node.values())]
    else:
        return None
    return min((place for place in places if place is not None), default=None)
