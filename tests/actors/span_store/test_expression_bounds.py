"""What is asked from outside is small enough for those that interpret it, or refused before any of them sees it."""

from functools import reduce
from pathlib import Path

import pytest

from actors.errors import InvalidRequest
from actors.span_store.messages import SearchSpans
from actors.span_store.query.expression import (
    MOST_DEPTH,
    MOST_NODES,
    And,
    Equals,
    Expression,
    IsNull,
    Not,
    OneOf,
    Or,
    Promoted,
    normal_form,
)
from tests.actors.span_store.stage import SEALED_AT_ONCE, ingest, store_in
from tests.spans import span
from transports.errors import ERRORS

pytestmark = [pytest.mark.unit, pytest.mark.security]

NAME = Promoted("name")
LEAF = IsNull(Promoted("model"))


def negated(levels: int, inner: Expression = LEAF) -> Expression:
    return reduce(lambda member, _: Not(member), range(levels), inner)


def doubled(levels: int) -> Expression:
    """Few objects, and more nodes than can ever be looked at."""
    expression: Expression = LEAF
    for _ in range(levels):
        expression = And([Or([expression, expression]), expression])
    return expression


@pytest.mark.parametrize(
    "expression",
    [
        negated(MOST_DEPTH),
        negated(100_000),
        And([LEAF] * MOST_NODES),
        And([LEAF] * 1_000_000),
        Or([And([LEAF] * (MOST_NODES // 2)), And([LEAF] * (MOST_NODES // 2))]),
        OneOf(NAME, ["x"] * MOST_NODES),
        And([OneOf(NAME, ["x"] * (MOST_NODES // 2))] * 2),
        doubled(30),
    ],
    ids=["deep", "very deep", "wide", "very wide", "wide twice", "values", "values twice", "doubled"],
)
def test_what_is_too_large_is_refused(expression: Expression) -> None:
    with pytest.raises(InvalidRequest, match="A filter has at most"):
        SearchSpans(where=expression)
    assert InvalidRequest in ERRORS


@pytest.mark.parametrize(
    "expression",
    [
        negated(MOST_DEPTH - 1),
        And([LEAF] * (MOST_NODES - 1)),
        OneOf(NAME, ["x"] * (MOST_NODES - 1)),
        negated(MOST_DEPTH - 2, Or([Equals(NAME, str(number)) for number in range(MOST_NODES - MOST_DEPTH)])),
    ],
    ids=["deep", "wide", "values", "both"],
)
def test_what_is_just_small_enough_is_taken(expression: Expression) -> None:
    assert SearchSpans(where=expression).where is expression
    assert normal_form(expression) is not None


@pytest.mark.integration
async def test_the_largest_is_answered_from_memory_and_from_files(tmp_path: Path) -> None:
    alternatives = Or([Equals(NAME, f"span {number}") for number in range(2, MOST_NODES - MOST_DEPTH + 2)])
    wanted = negated(MOST_DEPTH - 2, alternatives)
    for limits in (None, SEALED_AT_ONCE):
        async with store_in(tmp_path / str(limits is None), limits) as bus:
            await ingest(bus, span(1), span(2))
            page = await bus.ask(SearchSpans(where=wanted), timeout=60)
            assert [each.name for each in page.spans] == ["span 2"]
