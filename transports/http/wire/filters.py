"""Filters in queries: a text of the filter language, and what it means."""

from typing import Final

import attrs

from actors.span_store.query.expression import Expression
from actors.span_store.query.language.filter_text import MOST_CHARACTERS, FilterFault, expression_of
from transports.http.framework.rules import Fault

__all__ = ["DESCRIPTION", "EXAMPLE", "MOST_CHARACTERS", "Filter", "filter_in"]

# Of the parameter ``q``, wherever it is taken.
DESCRIPTION: Final = "Filter, see docs/query.md: fields, ranges, words, AND, OR, NOT and parentheses"
EXAMPLE: Final = "service:shop status:error duration:>2s"


@attrs.frozen
class Filter:
    """What spans are asked for, as it was written and as an expression."""

    text: str
    expression: Expression = attrs.field(repr=False, eq=False)


def filter_in(text: str) -> Filter:
    """Parse a filter. A ``Fault`` at its column for a text that is none."""
    try:
        return Filter(text, expression_of(text))
    except FilterFault as fault:
        raise Fault(fault.type, fault.message, within=(fault.column,)) from None
