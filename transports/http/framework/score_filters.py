"""Scores in filters: every route that takes a filter gets one without them, which any engine can answer."""

from typing import Any, get_args

import attrs

from actors.errors import InvalidRequest, Problem
from actors.runtime.bus import Bus
from actors.scores.messages import ReplaceScores
from actors.span_store.query.expression import Score, leaves
from transports.http.framework.validation import echo, invalid
from transports.http.wire.filters import Filter

_SCORE = "score."


def has_filter(query: type) -> bool:
    """Whether the query of a route has any."""
    fields = attrs.fields(attrs.resolve_types(query))
    return any(Filter in (field.type, *get_args(field.type)) for field in fields)


async def without_scores(bus: Bus, query: object) -> object:
    """The query with the traces in place of scores in its filters. ``InvalidRequest`` when there are too many."""
    kind: Any = type(query)
    filters = {field.name: getattr(query, field.name) for field in attrs.fields(kind)}
    asked = {name: each for name, each in filters.items() if isinstance(each, Filter) and _has_scores(each)}
    if not asked:
        return query
    made = {name: await filter_without_scores(bus, name, each) for name, each in asked.items()}
    changed: Any = query
    return attrs.evolve(changed, **made)


def _has_scores(asked: Filter) -> bool:
    return any(isinstance(leaf.field, Score) for leaf in leaves(asked.expression))


async def filter_without_scores(bus: Bus, name: str, asked: Filter) -> Filter:
    """The filter, which stands under this name, with traces in place of scores.

    ``InvalidRequest`` at the first score of the text: which of several found too many does not matter.
    """
    if not _has_scores(asked):
        return asked
    try:
        return Filter(asked.text, await bus.ask(ReplaceScores(where=asked.expression)))
    except InvalidRequest as error:
        column = asked.text.lower().find(_SCORE) + 1
        message = f"Column {column}: {error.detail}"
        location = ("query", name, column)
        problem = Problem(type="query_value", location=location, message=message, input=echo(asked.text))
        raise invalid(problem) from None
