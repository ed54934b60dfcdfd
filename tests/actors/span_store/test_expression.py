"""An expression means the same in SQL, in Arrow and for what is ruled out as it does for one span after the other."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from actors.span_store.columns.logs import Log
from actors.span_store.columns.rows import INDEX_COLUMNS, numbered, rows_of
from actors.span_store.columns.spans import Span, span_columns
from actors.span_store.query.arrow import ArrowFilter
from actors.span_store.query.expression import (
    COUNTED,
    EVERYTHING,
    LOG_RECORDS,
    NOTHING,
    SPANS,
    And,
    Attribute,
    Between,
    Contains,
    Equals,
    Expression,
    IsNull,
    Matches,
    Not,
    OneOf,
    Or,
    Promoted,
    Resource,
    Text,
    columns_of,
    equal,
    normal_form,
    weakened,
)
from actors.span_store.query.pruning import ngram_condition, reach
from actors.span_store.query.sql import condition
from actors.span_store.query.text.searched_columns import grams_of_rows
from tests.actors.span_store.naive_query import expressions, is_true, known, mixed_lists, span_lists
from tests.actors.span_store.plain_counting import counted_of, filter_among
from tests.actors.span_store.states import mixed_rows
from tests.spans import span

pytestmark = pytest.mark.unit

INDEX = frozenset([*INDEX_COLUMNS, COUNTED])
THOROUGH = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
connection = duckdb.connect()


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    connection.close()


def table_of(spans: Sequence[Span]) -> pa.Table:
    """Rows in two chunks, as they lie in memory."""
    rows = numbered(rows_of(span_columns(spans)), 0)
    half = rows.num_rows // 2
    return pa.Table.from_batches([rows.slice(0, half), rows.slice(half)])


def naively(expression: Expression, spans: Sequence[Span]) -> list[int]:
    return [each.seq for each in known(spans) if is_true(expression, each)]


def by_sql(expression: Expression, table: pa.Table) -> tuple[list[int], bool]:
    """The numbers of those that fulfil the condition, and whether it says that it is exact."""
    made = condition(expression, INDEX)
    asked = columns_of(expression)
    indexed = table.select(INDEX_COLUMNS)
    connection.register("indexed", indexed.append_column(COUNTED, counted_of(table)) if COUNTED in asked else indexed)
    found = connection.execute(f"SELECT seq FROM indexed WHERE {made.text} ORDER BY seq", made.parameters).fetchall()
    return [seq for (seq,) in found], made.exact


@given(spans=span_lists(), expression=expressions)
@settings(THOROUGH, max_examples=200)
def test_all_interpreters_agree_with_the_naive_one(spans: list[Span], expression: Expression) -> None:
    table, right = table_of(spans), naively(expression, spans)
    assert filter_among(expression, table).rows(table)["seq"].to_pylist() == right
    found, exact = by_sql(expression, table)
    assert set(found) >= set(right)
    assert not exact or found == right
    assert exact or not columns_of(normal_form(expression)) <= INDEX
    if right:
        assert ngram_condition(expression).may_be_in(memoryview(grams_of_rows(table)))
    where = reach(expression)
    for row in table.take(pa.array(right, pa.int64())).to_pylist():
        start, services = row["start_time_unix_nano"], frozenset({row["service_name"]})
        assert where.admits(start, start, services)
        assert where.admits(start - 1, start + 1)
        assert where.traces is None or row["trace_id"] in where.traces
        assert where.first_seq <= row["seq"] <= where.last_seq


@given(items=mixed_lists(), expression=expressions)
@THOROUGH
def test_a_question_about_spans_sees_no_log_record(items: list[Span | Log], expression: Expression) -> None:
    rows = numbered(mixed_rows(items), 0)
    table, of_spans = pa.Table.from_batches([rows]), And([expression, SPANS])
    right = [each.seq for each in known(items) if is_true(expression, each)]
    assert filter_among(of_spans, table).rows(table)["seq"].to_pylist() == right
    found, exact = by_sql(of_spans, table)
    assert set(found) >= set(right)
    assert not exact or found == right
    others = set(range(len(items))) - {each.seq for each in known(items)}
    assert others.isdisjoint(found)
    assert set(ArrowFilter(LOG_RECORDS).rows(table)["seq"].to_pylist()) == others


@given(
    spans=span_lists(),
    expression=expressions,
    covered=st.frozensets(st.sampled_from([*INDEX_COLUMNS, "attributes", "resource_json", "status_message"])),
)
@settings(THOROUGH, max_examples=100)
def test_what_some_columns_say_is_true_of_every_span_of_which_the_whole_is(
    spans: list[Span], expression: Expression, covered: frozenset[str]
) -> None:
    weak, exact = weakened(expression, covered)
    found, right = naively(weak, spans), naively(expression, spans)
    assert columns_of(weak) <= covered
    assert set(found) >= set(right)
    assert not exact or found == right


@given(spans=span_lists(), expression=expressions)
@settings(THOROUGH)
def test_not_is_true_of_all_the_others(spans: list[Span], expression: Expression) -> None:
    table = table_of(spans)
    both = [filter_among(each, table).rows(table).num_rows for each in (expression, Not(expression))]
    assert sum(both) == table.num_rows


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        (Equals(Attribute("n"), 2**53), {"exact"}),
        (Equals(Attribute("n"), 2**53 + 1), {"one more"}),
        (Equals(Attribute("n"), True), {"true"}),
        (Equals(Attribute("n"), 1), {"one", "whole"}),
        (Not(Equals(Attribute("n"), 1)), {"exact", "one more", "true", "text", "nothing", "unset"}),
        (IsNull(Attribute("n")), {"nothing", "unset"}),
        (Between(Attribute("n"), 1, 2**53 + 1), {"exact", "one", "whole"}),
        (Equals(Promoted("input_tokens"), 2.0**53), {"exact"}),
        (Between(Promoted("input_tokens"), low=2.0**53, low_included=False), {"one more"}),
        (Contains(Attribute("n"), "1"), {"text"}),
        (Matches(Attribute("n"), "^ONE$"), set()),
        (OneOf(Attribute("n"), ("one", 1.0)), {"one", "whole", "text"} - {"text"}),
        (And(), {"exact", "one more", "true", "one", "whole", "text", "nothing", "unset"}),
        (Or(), set()),
    ],
)
def test_values_are_told_apart_as_the_language_says(expression: Expression, names: set[str]) -> None:
    values: dict[str, Any] = {
        "exact": 2**53,
        "one more": 2**53 + 1,
        "true": True,
        "one": 1,
        "whole": 1.0,
        "text": "1",
        "nothing": math.nan,
    }
    spans = [
        span(number, name=name, attributes={"n": value, "gen_ai.usage.input_tokens": value})
        for number, (name, value) in enumerate(values.items(), 1)
    ]
    spans.append(span(99, name="unset"))
    assert set(ArrowFilter(expression).rows(table_of(spans))["name"].to_pylist()) == names
    assert {each.span.name for each in known(spans) if is_true(expression, each)} == names


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Promoted("seq"),
        lambda: Promoted("name; DROP TABLE span"),
        lambda: Equals(Promoted("cost"), math.nan),
        lambda: Equals(Promoted("name"), "\ud800"),
        lambda: Between(Promoted("cost")),
        lambda: Between(Promoted("cost"), 1, "2"),
        lambda: Between(Attribute("k"), True, 2),
        lambda: Matches(Promoted("name"), "("),
        lambda: Matches(Promoted("name"), r"(a)\1"),
    ],
)
def test_what_cannot_be_asked_is_no_expression(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        wrong()


def test_the_simplest_form_is_found() -> None:
    is_root, of_tests = IsNull(Promoted("parent_span_id")), Equals(Promoted("service_name"), "tests")
    assert normal_form(Not(Or([is_root, Not(of_tests)]))) == And([Not(is_root), of_tests])
    assert normal_form(And([EVERYTHING, And([is_root, of_tests])])) == And([is_root, of_tests])
    assert normal_form(Or([is_root, EVERYTHING])) == EVERYTHING
    assert normal_form(Not(And([NOTHING, is_root]))) == EVERYTHING
    assert equal(parent_span_id=None, service_name="tests") == And([is_root, of_tests])
    assert weakened(And([is_root, Equals(Resource("zone"), "a")]), INDEX) == (is_root, False)
    assert weakened(Or([is_root, Contains(Text(), "a")]), INDEX) == (EVERYTHING, False)
