"""Spans that an expression is true of, as a condition of SQL, whatever the expression asks for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs

from actors.span_store.embedded.reads.aggregates.registered import registered
from actors.span_store.embedded.reads.aggregates.right_spans import right_spans
from actors.span_store.embedded.reads.aggregates.stored import Stored
from actors.span_store.embedded.reads.span_table import LISTED, SpanTable
from actors.span_store.query.expression import Expression
from actors.span_store.query.sql import Condition, condition


@contextmanager
def found_spans(
    stored: Stored, table: SpanTable, wanted: Expression, is_left: Callable[[], bool], name: str
) -> Iterator[Condition]:
    """A condition on ``table.relation``, as long as the block lasts. ``name`` is free on the cursor.

    What the index cannot say of spans is looked at first: see ``right_spans`` for what that raises.
    """
    made, right = condition(wanted, LISTED), right_spans(stored, table, wanted, is_left)
    if right is None:
        yield made
        return
    with registered(stored.cursor, name, right):
        yield attrs.evolve(made, text=f"({made.text}) AND seq IN (SELECT seq FROM {name})")  # noqa: S608 - own name
