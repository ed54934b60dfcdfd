"""Patterns and paths that a statement may look for: those that take the time of the text, and not of its powers.

DuckDB looks for interruptions between 2,048 rows, never inside of one value.
"""

import re
from typing import Any, Final

from actors.span_store.embedded.reads.sql.parsed import Node

_LONGEST: Final = 500  # characters of an expression
_MOST_COPIES: Final = 100  # of a part of it: each is a state that goes through the text
_COUNTS: Final = re.compile(r"\{(\d*),?(\d*)\}")
_EXPRESSIONS: Final = frozenset({"regexp_matches", "regexp_full_match", "regexp_extract"})
_PATHS: Final = frozenset(
    {
        "->",
        "->>",
        "json_extract",
        "json_extract_string",
        "json_extract_path",
        "json_extract_path_text",
        "json_value",
        "json_exists",
        "json_type",
        "json_array_length",
        "json_keys",
    }
)


def fault_of(name: str, node: Node) -> str | None:
    """What is wrong with the pattern or path of a call, if anything is."""
    if name not in _EXPRESSIONS | _PATHS:
        return None
    further = [each["expression"] for each in node["arguments"][1:]]
    if name in _EXPRESSIONS:
        return fault_of_expression(further[0]) if further else None
    return next(filter(None, map(fault_of_path, further)), None)


def fault_of_expression(node: Node) -> str | None:
    text = _literal(node)
    if text is None:
        return "a regular expression that is no plain text is"
    copies = 1
    for least, most in _COUNTS.findall(text):
        copies *= max(1, *(int(count[:6] or 0) for count in (least, most)))
    if len(text) > _LONGEST or copies > _MOST_COPIES:
        return f"a regular expression of more than {_LONGEST} characters, or {_MOST_COPIES} repetitions, is"
    return None


def fault_of_path(node: Node) -> str | None:
    """Each level of a value comes out of ``..`` once more: the square of its length."""
    if node["class"] == "FUNCTION" and node["function_name"] == "list_value":
        return next(filter(None, (fault_of_path(each["expression"]) for each in node["arguments"])), None)
    text = _literal(node)
    if text is None:
        return "a path into JSON that is no plain text or number is"
    return "a path into JSON through all levels is" if text[:1] == "$" and (".." in text or "**" in text) else None


def _literal(node: Node) -> str | None:
    """The text of a constant."""
    literal: Any = node.get("literal")
    return str(literal["text"]) if node["class"] == "CONSTANT" and literal.get("text") is not None else None
