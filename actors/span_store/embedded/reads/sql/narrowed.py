"""What of a view need not be read for a statement: rows that its WHERE leaves out, or that its LIMIT does.

The sandbox filters and sorts what it gets in any case. So nothing here changes what a statement says, only how many
rows are brought to it; and nothing here may leave out a row that it wants.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any, Final, TypeAlias

import attrs

from actors.span_store.embedded.reads.sql.checked import Checked
from actors.span_store.embedded.reads.sql.definitions import BODIES, BY_NAME
from actors.span_store.embedded.reads.sql.functions import AGGREGATES
from actors.span_store.embedded.reads.sql.parsed import Node

_MOST_SORTED: Final = 5000  # rows, which the index holds while it sorts
_PATTERNS: Final = frozenset({"~~", "!~~", "~~*", "!~~*"})
_TIMES: Final = frozenset(
    {
        "now",
        "-",
        "+",
        "trunc",
        "to_years",
        "to_months",
        "to_weeks",
        "to_days",
        "to_hours",
        "to_minutes",
        "to_seconds",
        "to_milliseconds",
        "to_microseconds",
    }
)
_TESTS: Final = frozenset({"OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "COMPARE_IN", "COMPARE_NOT_IN"})


# The value of a constant expression, as one; ``None`` where it has none.
Evaluate: TypeAlias = Callable[[Node], Node | None]


@attrs.frozen
class Narrowed:
    """Conditions that all wanted rows fulfil; and of an order the first so many, where those are all that is wanted."""

    conditions: tuple[Node, ...] = ()
    orders: tuple[Node, ...] = ()
    limit: int | None = None

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it names."""
        return frozenset(_columns([*self.conditions, *self.orders]))


def narrowed(checked: Checked, view: str, limit: int, evaluate: Evaluate) -> Narrowed:
    """What of a view a statement wants whose first ``limit`` rows are asked for."""
    selects = checked.selects.get(view, [])
    if checked.references[view] != 1 or len(selects) != 1 or selects[0]["from_table"]["column_name_alias"]:
        return Narrowed()
    return _OfSelect(view, selects[0], evaluate).narrowed(limit if selects[0] is checked.node else None)


class _OfSelect:
    """The only SELECT of a view in a statement."""

    def __init__(self, view: str, select: Node, evaluate: Evaluate) -> None:
        self._evaluate = evaluate
        self._select = select
        self._view = view
        source = select["from_table"]
        self._name = str(source["alias"] or source["table_name"]).lower()
        given = {str(each["alias"]).lower() for each in select["select_list"] if each.get("alias")}
        names = {column.name for column in BY_NAME[view].columns} - BODIES.get(view, frozenset()) - given
        self._columns = names & {"trace_id"} if view == "traces" else names

    def narrowed(self, limit: int | None) -> Narrowed:
        parts = list(_conjuncts(self._select["where_clause"]))
        simple = [self._valued(self._plain(part)) for part in parts if self._is_simple(part)]
        conditions = tuple(part for part in simple if part is not None)
        orders, most = self._first(limit) if len(conditions) == len(parts) else ([], None)
        return Narrowed(conditions, tuple(map(self._plain, orders)), most)

    def _valued(self, node: Any) -> Any:  # noqa: ANN401 - a part of a tree
        """The same with values in place of what has to be reckoned; ``None`` where one is not known."""
        if isinstance(node, list):
            found = [self._valued(each) for each in node]
            return None if any(each is None for each in found) else found
        if not isinstance(node, dict) or node.get("class") in ("CONSTANT", "COLUMN_REF"):
            return node
        if "class" in node and _is_constant(node):
            return self._evaluate(node)
        parts = {name: self._valued(value) for name, value in node.items() if value is not None}
        return None if any(value is None for value in parts.values()) else node | parts

    def _first(self, limit: int | None) -> tuple[Sequence[Node], int | None]:
        """The order, and how many rows of it are wanted, where rows come out as they go in."""
        select = self._select
        modifiers = {each["type"]: each for each in select["modifiers"]}
        if (
            self._view == "traces"
            or modifiers.keys() - {"ORDER_MODIFIER", "LIMIT_MODIFIER"}
            or select["group_expressions"]
            or select["group_sets"]
            or select["having"]
            or select["qualify"]
            or select["aggregate_handling"] != "STANDARD_HANDLING"
            or any(map(_gathers, select["select_list"]))
        ):
            return [], None
        most = _most(modifiers.get("LIMIT_MODIFIER"), limit)
        orders = modifiers.get("ORDER_MODIFIER", {}).get("orders", [])
        if (
            not orders
            or most is None
            or most > _MOST_SORTED
            or not all(self._is_column(o["expression"]) for o in orders)
        ):
            return [], None
        return orders, most

    def _is_simple(self, node: Node) -> bool:
        """A condition on columns of the index and constants that no value makes fail."""
        if node["class"] == "CONJUNCTION" or node["type"] == "OPERATOR_NOT":
            return all(map(self._is_simple, node["children"]))
        sides = _sides(node)
        return bool(sides) and all(map(self._is_side, sides))

    def _is_side(self, node: Node) -> bool:
        return self._is_column(node) or _is_constant(node)

    def _is_column(self, node: Node) -> bool:
        if node["class"] != "COLUMN_REF":
            return False
        *home, name = (str(each).lower() for each in node["column_names"])
        return name in self._columns and home in ([], [self._name])

    def _plain(self, node: Node) -> Node:
        """The same, with columns that have no name before theirs."""
        copied = deepcopy(node)
        for column in _references(copied):
            column["column_names"] = [str(column["column_names"][-1]).lower()]
        return copied


def _sides(node: Node) -> Sequence[Node]:
    """What a condition compares; nothing where it is no comparison."""
    match node["class"]:
        case "COMPARISON":
            return [node["left"], node["right"]]
        case "BETWEEN":
            return [node["input"], node["lower"], node["upper"]]
        case "OPERATOR" if node["type"] in _TESTS:
            return list(node["children"])
        case "FUNCTION" if node["function_name"] in _PATTERNS:
            return [each["expression"] for each in node["arguments"]]
    return []


def _conjuncts(node: Node | None) -> Iterator[Node]:
    if node is None:
        return
    if node["type"] == "CONJUNCTION_AND":
        for child in node["children"]:
            yield from _conjuncts(child)
    else:
        yield node


def _is_constant(node: Node) -> bool:
    """A value, or a time that is reckoned from now."""
    match node["class"]:
        case "CONSTANT":
            return True
        case "CAST":
            return _is_constant(node["child"])
        case "FUNCTION":
            arguments = [each["expression"] for each in node["arguments"]]
            return node["function_name"] in _TIMES and all(map(_is_constant, arguments))
    return False


def _gathers(node: Any) -> bool:  # noqa: ANN401 - a part of a tree
    """Whether a value is one of several rows, or of another query."""
    if isinstance(node, list):
        return any(map(_gathers, node))
    if not isinstance(node, dict):
        return False
    is_one = node.get("class") in ("WINDOW", "SUBQUERY") or str(node.get("function_name")).lower() in AGGREGATES
    return is_one or any(map(_gathers, node.values()))


def _most(modifier: Node | None, limit: int | None) -> int | None:
    """How many rows of an order are wanted at most; ``None`` where that is not a plain number."""
    if modifier is None:
        return None if limit is None else limit + 1
    if modifier["limit_type"] != "ROW_COUNT" or modifier["limit"] is None:
        return None
    numbers = [_number(modifier[name]) for name in ("limit", "offset") if modifier[name] is not None]
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def _number(node: Node) -> int | None:
    literal = node.get("literal") or {}
    text = str(literal.get("text"))
    return int(text) if literal.get("kind") == "INTEGER" and text.isdecimal() and len(text) <= 9 else None  # noqa: PLR2004 - digits


def _references(node: Any) -> Iterator[Node]:  # noqa: ANN401 - a part of a tree
    if isinstance(node, list):
        for each in node:
            yield from _references(each)
    elif isinstance(node, dict):
        if node.get("class") == "COLUMN_REF":
            yield node
        for value in node.values():
            yield from _references(value)


def _columns(nodes: Sequence[Node]) -> Iterator[str]:
    return (str(column["column_names"][-1]) for column in _references(list(nodes)))
