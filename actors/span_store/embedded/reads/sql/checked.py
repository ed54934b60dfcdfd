"""A statement is looked at before it runs: nothing in its tree but what is allowed here.

What is not known is forbidden. DuckDB runs it without files, settings and extensions besides: see ``sandbox``.
"""

from collections.abc import Mapping
from typing import Any, Final, NoReturn

import attrs

from actors.span_store.asked.sql_views import VIEWS
from actors.span_store.embedded.reads.sql.faults import column_of, fault
from actors.span_store.embedded.reads.sql.functions import FUNCTIONS, HIDDEN_NAMES, TYPES
from actors.span_store.embedded.reads.sql.growth import demand_bounded
from actors.span_store.embedded.reads.sql.parsed import Node
from actors.span_store.embedded.reads.sql.patterns import fault_of, fault_of_path

VIEW_NAMES: Final = frozenset(view.name for view in VIEWS)
_DEEPEST: Final = 400  # levels of a tree
_QUERIES: Final = frozenset({"SELECT_NODE", "SET_OPERATION_NODE"})
_FROM: Final = frozenset({"BASE_TABLE", "SUBQUERY", "JOIN", "EMPTY", "EXPRESSION_LIST"})
_MODIFIERS: Final = frozenset({"LIMIT_MODIFIER", "ORDER_MODIFIER", "DISTINCT_MODIFIER"})
_ORDERS: Final = frozenset({"ORDER_DEFAULT", "ASCENDING", "DESCENDING"})
_EXPRESSIONS: Final = frozenset(
    {
        "BETWEEN",
        "CASE",
        "CAST",
        "COLUMN_REF",
        "COMPARISON",
        "CONJUNCTION",
        "CONSTANT",
        "FUNCTION",
        "LAMBDA",
        "OPERATOR",
        "POSITIONAL_REFERENCE",
        "STAR",
        "SUBQUERY",
        "TYPE",
        "WINDOW",
    }
)
_JOINS: Final = frozenset({"REGULAR", "CROSS", "NATURAL", "ASOF"})
_NAMES: Final[Mapping[str, str]] = {  # how people call what the parser calls so
    "TABLE_FUNCTION": "functions behind FROM are",
    "SHOW_REF": "DESCRIBE, SHOW and SUMMARIZE are",
    "RECURSIVE_CTE_NODE": "WITH RECURSIVE is",
    "PIVOT": "PIVOT and UNPIVOT are",
    "LAMBDA": "lambdas are",
    "PARAMETER": "parameters are",
    "COLLATE": "COLLATE is",
}


@attrs.define
class Checked:
    """What a statement reads: how often it names each view, and every name in it that a column may have.

    ``has_star`` when it may read columns that it does not name.
    """

    node: Node
    references: dict[str, int] = attrs.field(factory=dict)
    selects: dict[str, list[Node]] = attrs.field(factory=dict)  # the SELECTs that read a view alone
    names: set[str] = attrs.field(factory=set)
    has_star: bool = False


def check(sql: str, node: Node) -> Checked:
    """Look at a whole tree. A fault ``sql_forbidden`` at the first thing that is not allowed."""
    checked = Checked(node)
    walk = _Check(sql, checked)
    walk.visit(node, frozenset(), 0)
    checked.has_star |= walk.names_a_row()
    demand_bounded(sql, node)
    return checked


class _Check:
    """Walks through one tree. ``ctes`` are the names that WITH gives where it is."""

    def __init__(self, sql: str, checked: Checked) -> None:
        self._sql = sql
        self._checked = checked
        self._sources = set(VIEW_NAMES)  # whose names stand for whole rows

    def names_a_row(self) -> bool:
        """Whether a column may be a whole row of a view."""
        return not self._sources.isdisjoint(self._checked.names)

    def visit(self, node: Any, ctes: frozenset[str], depth: int) -> None:  # noqa: ANN401 - a part of a tree
        if depth > _DEEPEST:
            self._refuse("expressions inside of each other beyond that depth are")
        if isinstance(node, list):
            for each in node:
                self.visit(each, ctes, depth + 1)
        elif isinstance(node, dict):
            self._visit_node(node, ctes, depth)

    def _visit_node(self, node: Node, ctes: frozenset[str], depth: int) -> None:
        self._demand_kind(node)
        if node.get("sample") is not None or node.get("at_clause") is not None:
            self._refuse("samples and former states of a view are", node)
        if node.get("class") is None and node.get("type") == "BASE_TABLE":
            self._table(node, ctes)
        inner = ctes
        if "cte_map" in node:
            inner = self._with(node["cte_map"]["map"], ctes, depth)
            self._select(node, inner)
        for name, value in node.items():
            if name not in ("cte_map", "literal", "qualified_name"):
                self.visit(value, inner, depth + 1)

    def _with(self, entries: list[Node], ctes: frozenset[str], depth: int) -> frozenset[str]:
        """Each sees those before it. The names that what comes behind sees."""
        for entry in entries:
            value = entry["value"]
            if value["query_node"]["type"] not in _QUERIES:
                self._refuse(_NAMES.get(value["query_node"]["type"], "other statements behind WITH are"))
            if value.get("key_targets") or value.get("payload_aggregates"):
                self._refuse("USING KEY is")
            self.visit(value["query_node"], ctes, depth + 1)
            ctes |= {str(entry["key"]).lower()}
        return ctes

    def _demand_kind(self, node: Node) -> None:
        """Each node says what it is. Those that say nothing hold others together."""
        if "class" in node:
            if node["class"] not in _EXPRESSIONS:
                self._refuse(_NAMES.get(node["class"], f"{node['class']} is"), node)
            self._expression(node)
        elif "type" in node:
            kinds = _ORDERS if "null_order" in node else _QUERIES | _FROM | _MODIFIERS
            if node["type"] not in kinds:
                self._refuse(_NAMES.get(node["type"], f"{node['type']} is"), node)
            if node["type"] == "JOIN":
                self._join(node)

    def _expression(self, node: Node) -> None:
        match node["class"]:
            case "FUNCTION" | "WINDOW":
                self._function(node)
            case "COLUMN_REF":
                self._column(node)
            case "STAR":
                self._checked.has_star |= not node.get("columns")
                if node.get("expr") is not None or (node.get("columns") and self._is_written(node)):
                    self._refuse("COLUMNS is", node)
            case "TYPE":
                self._type(node)
            case "LAMBDA":
                self._arrow(node)

    def _function(self, node: Node) -> None:
        name = str(node["function_name"]).lower()
        if name not in FUNCTIONS or not _is_plain(node, "schema", "catalog") or node.get("export_state"):
            self._refuse(f"the function {name[:64]} is", node)
        if wrong := fault_of(name, node):
            self._refuse(wrong, node)

    def _arrow(self, node: Node) -> None:
        """What takes a value out of JSON: no function that takes a lambda is allowed."""
        if node.get("syntax_type") != "SINGLE_ARROW":
            self._refuse(_NAMES["LAMBDA"], node)
        if wrong := fault_of_path(node["expr"]):
            self._refuse(wrong, node)

    def _type(self, node: Node) -> None:
        name = str(node["type_name"]).lower()
        if name not in TYPES or not _is_plain(node, "schema", "catalog"):
            self._refuse(f"the type {name[:64]} is", node)

    def _column(self, node: Node) -> None:
        names = [str(name).lower() for name in node["column_names"]]
        if len(names) == 1 and names[0] in HIDDEN_NAMES:
            self._refuse(f"{names[0]} is", node)
        self._checked.names.update(names)

    def _join(self, node: Node) -> None:
        if node["ref_type"] not in _JOINS:
            self._refuse(f"{node['ref_type']} JOIN is", node)
        self._checked.has_star |= node["ref_type"] == "NATURAL"
        self._checked.names.update(str(name).lower() for name in node["using_columns"])

    def _table(self, node: Node, ctes: frozenset[str]) -> None:
        name = str(node["table_name"]).lower()
        self._sources.add(str(node["alias"]).lower())
        if not _is_plain(node, "schema_name", "catalog_name") or name not in ctes | VIEW_NAMES:
            self._refuse(f"the table {name[:64]} is", node)
        if name not in ctes:
            self._checked.references[name] = self._checked.references.get(name, 0) + 1

    def _select(self, node: Node, ctes: frozenset[str]) -> None:
        source = node.get("from_table") or {}
        name = str(source.get("table_name")).lower()
        if source.get("type") == "BASE_TABLE" and name not in ctes:
            self._checked.selects.setdefault(name, []).append(node)

    def _is_written(self, node: Node) -> bool:
        """Whether it stands in the statement itself: ORDER BY ALL has such a star, too."""
        return bool(node.get("query_location", 2**64) < 2**63)

    def _refuse(self, what: str, node: Node | None = None) -> NoReturn:
        at = None if node is None else node.get("query_location")
        raise fault("sql_forbidden", f"{what} not allowed here: see docs/sql.md", column_of(self._sql, at))


def _is_plain(node: Node, *homes: str) -> bool:
    """Whether it is named without a schema and a catalogue."""
    path = node.get("qualified_name", {}).get("path", [None])
    return len(path) == 1 and not any(node.get(home) for home in homes)
