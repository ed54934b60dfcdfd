"""What is said of a trace by all of its spans, at the bounds of it."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pytest

from actors.span_store.columns.rows import span_rows
from actors.span_store.columns.spans import Span
from actors.span_store.messages import GetOutline, GetSpanDetail, GetTrace
from actors.span_store.traces.outlines import outline
from actors.span_store.traces.previews import NOTHING, Preview, Previews
from actors.span_store.traces.summaries import in_order, trace_spans
from actors.span_store.traces.summary import MOST_SPANS, TraceSpans
from actors.span_store.traces.views import TraceViews
from tests.actors.span_store.conformance.list_storage import ListStorage
from tests.spans import START, span

pytestmark = pytest.mark.unit

TRACE = f"{1:032x}"


def rows_of(spans: Iterable[Span]) -> pa.Table:
    return in_order(pa.Table.from_batches([span_rows(spans).batch]))


def trace_of(*spans: Span) -> TraceSpans:
    """A trace of which all spans count."""
    rows = rows_of(spans)
    return trace_spans(rows, set(range(rows.num_rows)), {})


def call(number: int, **attributes: Any) -> Span:
    return span(number, parent=99, attributes={"openinference.span.kind": "LLM", **attributes})


def first_key(spans: pa.Table) -> list[Preview]:
    return [(each[0][0], None) if each else NOTHING for each in spans["attributes"].to_pylist()]


async def test_previews_are_those_of_spans_of_a_known_type_and_of_the_root() -> None:
    storage = ListStorage()
    kinds = {"openinference.span.kind": "AGENT"}
    children = (span(number, parent=1, attributes={"said": 1} | kinds) for number in range(3, 1200))
    await storage.write([span_rows([span(1, attributes={"asked": 1} | kinds), span(2, parent=1), *children])])
    views = TraceViews(storage, Previews(("attributes",), first_key))
    found = await views.trace(GetTrace(trace_id=TRACE))
    assert [each.input_preview for each in found.spans] == ["asked", None, *["said"] * 1197]
    assert found.trace.input_preview == "asked"
    assert (await views.outline(GetOutline(trace_id=TRACE))).trace == found.trace
    detail = await views.detail(GetSpanDetail(trace_id=TRACE, span_id=f"{3:016x}"))
    assert detail.span == found.spans[2]


def test_of_more_than_fifty_thousand_spans_the_oldest_are_answered() -> None:
    found = trace_of(*(span(number, start=START + number) for number in range(1, MOST_SPANS + 2)))
    assert (found.truncated, len(found.spans), found.trace.span_count) == (True, MOST_SPANS, MOST_SPANS + 1)
    assert found.spans[-1].name == f"span {MOST_SPANS}"
    assert found.trace.end_time_unix_nano == START + MOST_SPANS + 1001


def test_spans_that_start_together_are_in_the_order_of_their_ids() -> None:
    assert [each.name for each in trace_of(span(3), span(1), span(2)).spans] == ["span 1", "span 2", "span 3"]


def test_lists_ascend_and_have_twenty_names_at_most() -> None:
    found = trace_of(*(call(number, **{"llm.model_name": f"m{number:02}"}) for number in range(30, 0, -1)))
    assert found.trace.models == tuple(f"m{number:02}" for number in range(1, 21))


def test_the_root_is_the_earliest_span_without_a_parent() -> None:
    trace = trace_of(span(1, start=START + 5), span(2, start=START + 3), span(3, parent=1)).trace
    assert trace.root is not None
    assert trace.root.name == trace.name == "span 2"


def test_the_session_is_that_of_the_root_else_the_first_that_is_said() -> None:
    of_root = span(1, start=START + 9, attributes={"session.id": "root"})
    others = [span(2, parent=1, attributes={"session.id": "first"}), span(3, parent=1)]
    assert trace_of(*others).trace.session_id == "first"
    assert trace_of(of_root, *others).trace.session_id == "root"
    assert trace_of(span(3)).trace.session_id is None


def test_tokens_that_nobody_sent_are_none_and_those_that_were_are_summed() -> None:
    tokens = trace_of(call(1, **{"llm.token_count.prompt": 5}), call(2), call(3, **{"llm.token_count.prompt": 6}))
    assert tokens.trace.tokens is not None
    assert (tokens.trace.tokens.input, tokens.trace.tokens.output) == (11, None)
    assert trace_of(call(1)).trace.tokens is None
    huge = trace_of(*(call(number, **{"llm.token_count.prompt": 2**62}) for number in range(1, 5)))
    assert huge.trace.tokens is None  # no reader of JSON could hold it


def test_a_clock_that_was_put_back_gives_no_negative_duration() -> None:
    back = span(1)._replace(end_time_unix_nano=START - 1)
    found = trace_of(back)
    assert (found.spans[0].duration_ns, found.trace.duration_ns) == (0, 0)
    assert outline(rows_of([back]), set(), {}).columns["duration_us"].to_pylist() == [0]


def test_numbers_that_otlp_does_not_know_are_unspecified() -> None:
    odd = span(1)._replace(kind=77, status_code=9)
    [found] = trace_of(odd).spans
    assert (found.kind, found.status) == ("unspecified", "unset")
    assert outline(rows_of([odd]), set(), {}).columns["status"].to_pylist() == [0]


def test_the_latest_times_there_are() -> None:
    last = 2**64 - 1
    late = span(1)._replace(start_time_unix_nano=last - 10, end_time_unix_nano=last)
    found = trace_of(late, span(2, start=0))
    assert found.trace.duration_ns == last
    columns = outline(rows_of([late, span(2, start=0)]), set(), {}).columns
    assert columns["start_us"].to_pylist() == [0, (last - 10) // 1000]
