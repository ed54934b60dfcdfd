"""What somebody asks for in words: the text of a filter as an expression."""

from actors.errors import InvalidRequest
from actors.span_store.query.expression import Expression, demand_bounds
from actors.span_store.query.language.compiled import compiled
from actors.span_store.query.language.faults import FilterFault
from actors.span_store.query.language.parsing import MOST_CHARACTERS, tree_of

__all__ = ["MOST_CHARACTERS", "FilterFault", "expression_of"]


def expression_of(text: str) -> Expression:
    """The expression of a filter; an empty text asks for every span.

    ``FilterFault`` says what is wrong in which column. A text has 4,096 characters at most, and an expression the
    bounds of all of them, see ``demand_bounds``.
    """
    expression = compiled(tree_of(text))
    try:
        demand_bounds(None, None, expression)
    except InvalidRequest as refused:
        raise FilterFault("query_syntax", 1, refused.detail) from None
    return expression
