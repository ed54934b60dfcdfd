"""How much longer a statement can make a text, bounded before it runs.

DuckDB makes the texts of 2,048 rows at once, in memory that its limit does not count and without looking whether it was
interrupted. ``a || a`` in eight queries inside of each other is a text 256 times as long.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from actors.span_store.embedded.reads.sql.faults import column_of, fault
from actors.span_store.embedded.reads.sql.parsed import Node

MOST: Final = 16  # times the longest text that goes in
_LONG: Final = 1024  # characters of a constant that count as one text
_JOINED: Final = frozenset({"||", "concat", "concat_ws"})
_PACKED: Final = frozenset({"list_value", "struct_pack", "row"})  # whose texts escape what is inside
_GATHERED: Final = frozenset({"string_agg", "group_concat", "listagg", "list", "array_agg"})  # as long as rows are many
_FACTORS: Final[Mapping[str, int]] = {
    "to_json": 4,
    "translate": 2,
    "strftime": 4,
    "string_split": 8,
    "str_split": 8,
    "string_to_array": 8,
}


def demand_bounded(sql: str, query: Node) -> None:
    """A fault ``sql_forbidden`` where a text can become more than ``MOST`` times as long."""
    _Growth(sql).of_query(query, {}, 1)


@attrs.define
class _Scope:
    """What names stand for: those of WITH, those given in the same SELECT, and all others."""

    ctes: Mapping[str, int]
    base: int
    aliases: dict[str, int] = attrs.field(factory=dict)

    def of_names(self, names: Iterable[str]) -> int:
        return max([self.base, *(self.aliases.get(name.lower(), 1) for name in names)])


class _Growth:
    """Factors of the parts of one statement."""

    def __init__(self, sql: str) -> None:
        self._sql = sql

    def of_query(self, node: Node, ctes: Mapping[str, int], outer: int) -> int:
        """The factor of what comes out of a query. ``outer`` is that of the rows that it may refer to."""
        for entry in node["cte_map"]["map"]:
            ctes = {**ctes, str(entry["key"]).lower(): self.of_query(entry["value"]["query_node"], ctes, outer)}
        if node["type"] != "SELECT_NODE":
            found = max(self.of_query(child, ctes, outer) for child in node["children"])
            self._of_parts(node["modifiers"], _Scope(ctes, max(found, outer)))
            return found
        scope = _Scope(ctes, max(outer, self._of_source(node["from_table"], ctes, outer)))
        found = max(self._of_selected(each, scope) for each in node["select_list"])
        others = ("where_clause", "group_expressions", "having", "qualify", "modifiers")
        self._of_parts([node[name] for name in others], scope)
        return found

    def _of_selected(self, node: Node, scope: _Scope) -> int:
        found = self._of(node, scope)
        if node.get("alias"):
            scope.aliases[str(node["alias"]).lower()] = found
        return found

    def _of_source(self, node: Node, ctes: Mapping[str, int], outer: int) -> int:
        match node["type"]:
            case "BASE_TABLE":
                return ctes.get(str(node["table_name"]).lower(), 1)
            case "SUBQUERY":
                return self.of_query(node["subquery"]["node"], ctes, outer)
            case "JOIN":
                left = self._of_source(node["left"], ctes, outer)
                both = max(left, self._of_source(node["right"], ctes, max(outer, left)))
                self._of_parts(node["condition"], _Scope(ctes, max(outer, both)))
                return both
        return self._of_parts(node.get("values"), _Scope(ctes, outer))

    def _of_parts(self, node: Any, scope: _Scope) -> int:  # noqa: ANN401 - a part of a tree
        """The largest factor of what is inside."""
        if isinstance(node, list):
            return max((self._of_parts(each, scope) for each in node), default=1)
        if not isinstance(node, dict):
            return 1
        if "class" in node:
            return self._of(node, scope)
        return max((self._of_parts(value, scope) for value in node.values()), default=1)

    def _of(self, node: Node, scope: _Scope) -> int:
        """The factor of an expression."""
        match node["class"]:
            case "COLUMN_REF":
                return scope.of_names(node["column_names"])
            case "CONSTANT":
                return 1 + len(str((node.get("literal") or {}).get("text"))) // _LONG
            case "FUNCTION" | "WINDOW":
                found = self._of_call(node, scope)
            case "SUBQUERY":
                found = self.of_query(node["subquery"]["node"], scope.ctes, scope.of_names(scope.aliases))
                self._of_parts(node.get("child"), scope)
            case "STAR" | "POSITIONAL_REFERENCE":
                found = max(scope.base, self._of_parts(node.get("replace_list"), scope))
            case _:
                found = max((self._of_parts(value, scope) for value in node.values()), default=1)
        if found > MOST:
            at = column_of(self._sql, node.get("query_location"))
            raise fault("sql_forbidden", f"texts become more than {MOST} times as long, which is not allowed here", at)
        return found

    def _of_call(self, node: Node, scope: _Scope) -> int:
        name = str(node["function_name"]).lower()
        self._of_parts([value for key, value in node.items() if key != "arguments"], scope)
        factors = [self._of(each["expression"], scope) for each in node["arguments"]]
        if name in _JOINED:
            return sum(factors)
        if name in _PACKED:
            return 2 * sum(factors)
        if name in _GATHERED:
            return MOST // 2
        if name == "replace":
            return max(factors, default=1) * self._replacement(node)
        return max(factors, default=1) * _FACTORS.get(name, 1)

    def _replacement(self, node: Node) -> int:
        """How much longer a text becomes in which each character is replaced."""
        last = node["arguments"][-1]["expression"] if node["arguments"] else {}
        literal = last.get("literal") or {}
        return max(1, len(str(literal.get("text") or "").encode())) if last.get("class") == "CONSTANT" else MOST + 1
