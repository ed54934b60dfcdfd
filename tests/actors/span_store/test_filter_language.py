"""The filter language: what a text means, as a tree and for spans, and what is said of a text that means nothing."""

from contextlib import suppress

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings

from actors.span_store.columns.rows import numbered, rows_of
from actors.span_store.columns.spans import Span, span_columns
from actors.span_store.query.expression import (
    DURATION,
    EVERYTHING,
    And,
    Between,
    Contains,
    Equals,
    Expression,
    IsNull,
    Matches,
    Not,
    Or,
    Promoted,
    Score,
    Text,
)
from actors.span_store.query.language.fields import BY_NAME, FIELDS
from actors.span_store.query.language.filter_text import FilterFault, expression_of
from actors.span_store.query.language.parsing import MOST_CHARACTERS, tree_of
from tests.actors.span_store.naive_query import known, span_lists
from tests.actors.span_store.plain_counting import filter_among
from tests.actors.span_store.plain_filter import found, texts
from tests.spans import span

pytestmark = pytest.mark.unit

SERVICE, MODEL, COST = Promoted("service_name"), Promoted("model"), Promoted("cost_usd")
A, B, C = (Contains(Text(), word) for word in "abc")


@given(spans=span_lists(), text=texts)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=300)
@example(spans=[span(1, end_time_unix_nano=0)], text="duration:<1s OR has:duration")
@example(spans=[span(1, kind=5), span(2, kind=0)], text="kind:unspecified")
def test_a_filter_finds_what_it_says(spans: list[Span], text: str) -> None:
    table = pa.Table.from_batches([numbered(rows_of(span_columns(spans)), 0)])
    assert filter_among(expression_of(text), table).rows(table)["seq"].to_pylist() == found(tree_of(text), known(spans))


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("", EVERYTHING),
        ("  ", EVERYTHING),
        ("a b", And([A, B])),
        ("a AND b", And([A, B])),
        ("a b OR c", Or([And([A, B]), C])),
        ("a OR b c", Or([A, And([B, C])])),
        ("a (b OR c)", And([A, Or([B, C])])),
        ("-a b", And([Not(A), B])),
        ("NOT a AND b", And([Not(A), B])),
        ("-(a b)", Not(And([A, B]))),
        ("and or not", And(Contains(Text(), word) for word in ("and", "or", "not"))),
        ("ORDER", Contains(Text(), "ORDER")),
        ('"a b"', Contains(Text(), "a b")),
        (r'"a \"b\" \\"', Contains(Text(), 'a "b" \\')),
        ("a*", A),
        ('"a*"', Contains(Text(), "a*")),
        ("*", EVERYTHING),
        ("service:shop", Equals(SERVICE, "shop")),
        ("service:7", Equals(SERVICE, "7")),
        ('service:"a b"', Equals(SERVICE, "a b")),
        ("service:http://a:80/b", Equals(SERVICE, "http://a:80/b")),
        ("model:gpt-4*", Between(MODEL, "gpt-4", "gpt-5")),
        ("model:*mini", Matches(MODEL, "(?s)mini$")),
        ("model:*4*", Contains(MODEL, "4")),
        ("model:g?t-*i", Matches(MODEL, r"(?s)^g.t\-.*i$")),
        ('model:"gpt-4*"', Equals(MODEL, "gpt-4*")),
        ("model:*", Not(IsNull(MODEL))),
        ("has:model", Not(IsNull(MODEL))),
        ("-has:parent", Not(Not(IsNull(Promoted("parent_span_id"))))),
        ("cost:>=$0.01", Between(COST, low=0.01)),
        ("cost:[0.01 TO *]", Between(COST, low=0.01, high_included=True)),
        ("counted:true", Equals(Promoted("counted"), True)),
        ("-counted:false", Not(Equals(Promoted("counted"), False))),
        ("status:error", Equals(Promoted("status_code"), 2)),
        ("trace:4BF9", Between(Promoted("trace_id"), "4bf9", "4bf9g")),
        (f"trace:{'ab' * 16}", Equals(Promoted("trace_id"), "ab" * 16)),
        ("ttft:>0.5s", Between(Promoted("time_to_first_token_ns"), low=500_000_000, low_included=False)),
        ("start:1970-01-01T00:00:01Z", Equals(Promoted("start_time_unix_nano"), 10**9)),
        ("score.helpful:<0.5", Between(Score("helpful"), high=0.5)),
    ],
)
def test_a_text_means_this(text: str, expression: Expression) -> None:
    assert expression_of(text) == expression


def test_a_span_that_runs_has_no_duration() -> None:
    ended = Between(Promoted("end_time_unix_nano"), low=0, low_included=False)
    assert expression_of("duration:<2s") == And([ended, Between(Promoted(DURATION), high=2 * 10**9)])


@pytest.mark.parametrize(
    ("text", "type_", "column", "message"),
    [
        ("a OR", "query_syntax", 5, "expected a condition, found the end"),
        ("OR a", "query_syntax", 1, "expected a condition"),
        ("a OR OR b", "query_syntax", 6, "expected a condition"),
        ("(a", "query_syntax", 3, 'expected ")", found the end'),
        ("a)", "query_syntax", 2, 'found ")"'),
        ("()", "query_syntax", 2, "expected a condition"),
        ("a - b", "query_syntax", 3, "expected a condition"),
        ("service:", "query_syntax", 9, "a value right behind the colon"),
        ("service: shop", "query_syntax", 9, "a value right behind the colon"),
        ("has:", "query_syntax", 5, "a value right behind the colon"),
        ("cost:>", "query_syntax", 7, "expected a value"),
        ("name:f(x)", "query_syntax", 6, "a parenthesis, a quote or a colon in it stands in quotes"),
        ('a "b', "query_syntax", 3, "the quote has no end"),
        ("tokens.input:[1 5]", "query_syntax", 17, "expected TO"),
        ("tokens.input:[1 TO", "query_syntax", 19, "expected a bound"),
        ("tokens.input:>[1 TO 5]", "query_syntax", 13, 'a range stands behind ":" alone'),
        (f"{'(' * 64}a{')' * 64}", "query_syntax", 1, "at most 64 levels"),
        ("-" * 65 + "a", "query_syntax", 1, "at most 64 levels"),
        ("a " * 2000, "query_syntax", 1, "at most 2000 conditions"),
        ("a" * (MOST_CHARACTERS + 1), "query_syntax", MOST_CHARACTERS + 1, "at most 4096 characters"),
        ("foo:1", "query_field", 1, 'there is no field "foo"'),
        ("a has:foo", "query_field", 7, 'there is no field "foo"'),
        ("attr.:1", "query_field", 1, "a key stands behind attr."),
        ("attr:1", "query_field", 1, "a key stands behind attr."),
        ("colour:true", "query_field", 1, 'there is no field "colour"'),
        ("counted:yes", "query_value", 9, 'counted takes true or false, not "yes"'),
        ("counted:>true", "query_value", 10, "has no order"),
        ("counted:[false TO true]", "query_value", 10, "has no order"),
        ("a duration:>2", "query_value", 13, "a number with a unit (ns us ms s m h), such as 2s"),
        ("tokens.input:many", "query_value", 14, "tokens.input takes a number"),
        ("tokens.input:1e999", "query_value", 14, "a number"),
        (f"tokens.input:{'9' * 4000}", "query_value", 14, "a number"),
        ("cost:€1", "query_value", 6, "US dollars"),
        ("time:>yesterday", "query_value", 7, "RFC 3339"),
        ("kind:clent", "query_value", 6, "unspecified internal server client producer consumer"),
        ("status:>ok", "query_value", 9, "has no order"),
        ("trace:xyz", "query_value", 7, "32 hex digits"),
        (f"span:{'a' * 17}", "query_value", 6, "16 hex digits"),
        ("kind:[a TO b]", "query_value", 7, "has no order"),
        ("attr.k:[1 TO b]", "query_value", 9, "both bounds are numbers"),
    ],
)
def test_what_is_wrong_is_said_with_its_column(text: str, type_: str, column: int, message: str) -> None:
    with pytest.raises(FilterFault) as caught:
        expression_of(text)
    assert (caught.value.type, caught.value.column) == (type_, column)
    assert caught.value.message.startswith(f"Column {column}: ")
    assert message in caught.value.message


@pytest.mark.parametrize("unit", ['"a', 'a"\\', "a:", "(", "-", "[", "a:[", "\\", '"', "AND ", "x:y ", "*", "a:*?"])
def test_any_text_of_the_largest_size_is_answered(unit: str) -> None:
    """Also those that nest deepest, and that a pattern could go back and forth in."""
    with suppress(FilterFault):
        expression_of((unit * MOST_CHARACTERS)[:MOST_CHARACTERS])


def test_every_field_can_be_asked_for() -> None:
    assert len(BY_NAME) == sum(1 + len(field.aliases) for field in FIELDS)
    for name in BY_NAME:
        expression_of(f"has:{name} {name}:*")
