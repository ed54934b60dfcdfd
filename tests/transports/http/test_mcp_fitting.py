"""Answers within a number of tokens, whatever they are made of; traces in few words, whatever their shape."""

import re
from collections import Counter
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.errors import NotFound
from actors.span_store.traces.summary import SpanSummary, TraceSpans, TraceSummary
from tests.source import PROJECT
from transports.http.mcp.fitting import Cut, fitted, most_that_fit, shortened, tokens_of, with_most
from transports.http.mcp.tools import TOOLS
from transports.http.mcp.trace_digest import digest, page

pytestmark = pytest.mark.unit

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=40) | st.text(min_size=300)
DOCUMENTS = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=60), inner))


@given(document=DOCUMENTS, most=st.integers(200, 2000))
@settings(max_examples=40)
def test_every_document_fits(document: Any, most: int) -> None:
    text = fitted(document, most)
    assert tokens_of(text) <= most
    read = orjson.loads(text)
    if tokens_of(orjson.dumps(document)) <= most:
        assert read == document


@pytest.mark.parametrize(
    "document", [{"a": "x" * 10**7}, [["é" * 5000] * 100] * 20, {str(number) * 90: {} for number in range(5000)}]
)
def test_however_large_it_is(document: Any) -> None:
    for most in (200, 5000, 50_000):
        assert tokens_of(fitted(document, most)) <= most


def test_what_is_left_out_is_said() -> None:
    cut = Cut(30, 4, 3)
    assert shortened("a" * 70 + "end", cut) == "a" * 20 + "… (+43 characters) …" + "a" * 7 + "end"
    assert shortened([*range(9)], cut) == [0, 1, "… (+5 items)", 7, 8]
    assert shortened(dict.fromkeys("abcdef", 1), cut) == {"a": 1, "b": 1, "c": 1, "d": 1, "…": "+2 members"}
    assert shortened([[[[1]]]], cut) == [[["…"]]]
    assert with_most({"rows": [*range(1000)]}, "rows", 200)["left_out"] > 700
    assert with_most({"rows": ["x" * 9000, 1]}, "rows", 200)["left_out"] == 1


@given(sizes=st.lists(st.integers(0, 400), max_size=40), most=st.integers(0, 2000))
def test_as_many_as_fit_are_found(sizes: list[int], most: int) -> None:
    def render(count: int) -> bytes:
        return b"x" * sum(sizes[:count])

    fit = most_that_fit(len(sizes), render, most)
    assert fit == 0 or tokens_of(render(fit)) <= most
    assert fit == len(sizes) or tokens_of(render(fit + 1)) > most


def summary(number: int, parent: int | None, *, failed: bool = False, name: str = "step") -> SpanSummary:
    values: dict[str, Any] = dict.fromkeys(field.name for field in SpanSummary.__attrs_attrs__)
    said = {
        "trace_id": f"{1:032x}",
        "span_id": f"{number:016x}",
        "parent_span_id": None if parent is None else f"{parent:016x}",
        "service": "tests",
        "name": name,
        "start_time_unix_nano": number,
        "end_time_unix_nano": number + 5,
        "status": "error" if failed else "unset",
        "status_message": "",
        "counted": False,
    }
    return SpanSummary(**values | said)


def trace(*spans: SpanSummary) -> TraceSpans:
    values: dict[str, Any] = dict.fromkeys(field.name for field in TraceSummary.__attrs_attrs__)
    lists = dict.fromkeys(("services", "models", "agents", "tools"), ())
    said = {"trace_id": f"{1:032x}", "name": "trace", "start_time_unix_nano": 0, "span_count": len(spans)}
    return TraceSpans(trace=TraceSummary(**values | lists | said), spans=spans, truncated=False)


@given(parents=st.lists(st.none() | st.integers(0, 60), min_size=1, max_size=60), most=st.integers(200, 1500))
def test_each_span_is_shown_or_counted_as_hidden(parents: list[int | None], most: int) -> None:
    """Also in a trace whose spans are each other's parents, or their own."""
    found = trace(*(summary(number, parent) for number, parent in enumerate(parents)))
    read = orjson.loads(digest(found, (), None, most))
    assert len(read["spans"]) + read["hidden"] == len(parents)
    whole = orjson.loads(digest(found, (), None, 50_000))["spans"]
    assert Counter(span["span_id"] for span in whole) == Counter(span.span_id for span in found.spans)
    behind = orjson.loads(page(found, (), None, whole[0]["span_id"], 50_000))
    assert [span["span_id"] for span in behind["spans"]] == [span["span_id"] for span in whole[1:]]


def test_what_failed_is_shown_first_with_its_place_in_the_tree() -> None:
    spans = [summary(0, None), *(summary(number, number - 1, failed=number == 40_000) for number in range(1, 50_000))]
    read = orjson.loads(digest(trace(*spans), (), None, 1000))
    shown = [(int(span["span_id"], 16), span["depth"], span.get("hidden", 0)) for span in read["spans"]]
    assert shown[0][:2] == (0, 0)
    assert 40_000 in {number for number, _, _ in shown}
    assert [depth for _, depth, _ in shown] == [*range(len(shown))]
    assert sum(hidden for _, _, hidden in shown) == read["hidden"] == 50_000 - len(shown)


def test_a_part_is_that_below_a_span() -> None:
    found = trace(summary(0, None), summary(1, 0), summary(2, 1), summary(3, 0))
    read = orjson.loads(digest(found, (), f"{1:016x}", 1000))
    assert [int(span["span_id"], 16) for span in read["spans"]] == [1, 2]
    assert read["spans"][0]["depth"] == 0
    for below, after in ((f"{9:016x}", f"{1:016x}"), (f"{1:016x}", f"{3:016x}")):
        with pytest.raises(NotFound):
            page(found, (), below, after, 1000)


def test_names_of_any_length_fit() -> None:
    spans = (summary(number, 0 if number else None, name="n" * 100_000) for number in range(50))
    assert tokens_of(digest(trace(*spans), (), None, 200)) <= 200


def test_the_document_has_every_tool_and_its_arguments() -> None:
    text = (PROJECT / "docs" / "mcp.md").read_text()
    rows = re.findall(
        r"^\| `(\w+)` \| ([^|]*)\|", text.partition("## Tools")[2].partition("## Tokens")[0], re.MULTILINE
    )
    told = {name: set(re.findall(r"`(\w+)`", arguments)) for name, arguments in rows}
    assert told == {name: {*tool.schema["properties"]} - {"max_tokens"} for name, tool in TOOLS.items()}
