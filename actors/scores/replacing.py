"""Filters without scores: with the traces that their comparisons of scores are true of."""

import asyncio
from collections.abc import AsyncIterator

from actors.errors import InvalidRequest
from actors.scores.comparisons import Condition, conditions, matching, one_of
from actors.scores.store import ScoreStore
from actors.span_store.query.expression import (
    MOST_TRACES,
    Expression,
    IsNull,
    Leaf,
    Matches,
    Not,
    OneOf,
    Promoted,
    Score,
    leaves,
    replaced,
)

_MOST_TEXTS = 10_000  # that a pattern is compared with


async def without_scores(store: ScoreStore, expression: Expression) -> Expression:
    """The expression with traces in place of scores. ``InvalidRequest`` when there are too many."""
    room = MOST_TRACES
    found: dict[int, Expression] = {}  # by the identity of the comparison: 1 and true are equal in Python
    for leaf in leaves(expression):
        if isinstance(leaf.field, Score):
            traces = await _traces(store, leaf, leaf.field.name, room)
            room -= len(traces)
            of_traces = OneOf(Promoted("trace_id"), sorted(traces))
            found[id(leaf)] = Not(of_traces) if isinstance(leaf, IsNull) else of_traces
    return replaced(expression, lambda leaf: found.get(id(leaf), leaf))


async def _traces(store: ScoreStore, leaf: Leaf, name: str, room: int) -> set[str]:
    traces: set[str] = set()
    async for condition in _conditions(store, leaf, name):
        traces.update(await store.traces_with(name, condition, room + 1))
    if len(traces) > room:
        raise InvalidRequest(f"more than {MOST_TRACES} traces have such scores: ask for fewer")
    return traces


async def _conditions(store: ScoreStore, leaf: Leaf, name: str) -> AsyncIterator[Condition]:
    if not isinstance(leaf, Matches):
        for condition in conditions(leaf):
            yield condition
        return
    texts = await store.texts(name, _MOST_TEXTS + 1)
    if len(texts) > _MOST_TEXTS:
        raise InvalidRequest(f"there are more than {_MOST_TEXTS} different scores of this name: name one of them")
    yield one_of(await asyncio.to_thread(matching, leaf.pattern, texts))
