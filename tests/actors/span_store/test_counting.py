"""Each model call counts once, whoever tells of it."""

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from actors.span_store.columns.attribute_column import with_keys
from actors.span_store.columns.rows import span_rows
from actors.span_store.columns.spans import InstrumentationScope, Span, SpanColumns, SpanEvent
from actors.span_store.columns.types import Untold
from actors.span_store.traces.content import with_content
from actors.span_store.traces.counting import Calls
from actors.span_store.traces.summaries import in_order
from tests.spans import START, span
from transports.otlp.decode import decode_trace_request

pytestmark = pytest.mark.unit

RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
TRUTH: dict[str, list[dict[str, Any]]] = json.loads((RECORDINGS / "truth.json").read_text())
EMBEDDINGS: dict[str, list[dict[str, Any]]] = json.loads((RECORDINGS / "embeddings.json").read_text())
SDK, LIBRARY, OTHER = (InstrumentationScope(name) for name in ("sdk", "library", "other"))
SAYS = {"gen_ai.input.messages": '[{"role":"user"}]'}
# A library beside the SDK, neither with content: there the SDK's span counts, which is the inner one.
WITHOUT_CONTENT = "genai-anthropic-default-1.3b0.bin"


def counted_of(spans: Iterable[Span] | SpanColumns) -> set[str]:
    """The ids of those that count, of spans of any traces."""
    rows = pa.Table.from_batches([span_rows(spans).batch])
    traces: Untold = rows["trace_id"].unique()
    return {each for trace in traces for each in counted_in(rows.filter(pc.equal(rows["trace_id"], trace)))}


def counted_in(trace: pa.Table) -> set[str]:
    ordered = in_order(trace)
    ids: Untold = ordered["span_id"].to_pylist()
    calls = Calls.of(ordered)
    disputed = with_keys(ordered.take(pa.array(calls.disputed, pa.int64())))
    said = with_content(disputed)
    return {ids[row] for row in calls.counted({row for row, each in enumerate(ids) if each in said})}


def numbers(*spans: Span) -> list[int]:
    """The numbers of those that count; the order in which spans come does not matter."""
    shuffled = random.Random(len(spans)).sample(spans, len(spans))
    found = counted_of(spans)
    assert counted_of(shuffled) == counted_of(reversed(spans)) == found
    return sorted(int(span_id, 16) for span_id in found)


def call(
    number: int,
    scope: InstrumentationScope = LIBRARY,
    *,
    at: int = 0,
    takes: int = 100,
    answer: str = "",
    model: str = "gpt-4o",
    attributes: dict[str, Any] | None = None,
    **others: Any,
) -> Span:
    """A call of a model that says what it took. ``answer`` is the id of its answer."""
    said = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model, "gen_ai.usage.input_tokens": 7}
    said |= ({"gen_ai.response.id": answer} if answer else {}) | (attributes or {})
    end = START + at + takes
    return span(number, start=START + at, end_time_unix_nano=end, scope=scope, attributes=said, **others)


def typed(number: int, kind: str, **others: Any) -> Span:
    return span(number, attributes={"openinference.span.kind": kind}, **others)


@pytest.mark.parametrize("file", sorted(TRUTH))
def test_of_each_call_that_was_recorded_one_span_counts(file: str) -> None:
    spans = decode_trace_request((RECORDINGS / file).read_bytes()).spans
    rows = span_rows(spans).batch
    types = dict(zip(rows["span_id"].to_pylist(), rows["type"].to_pylist(), strict=True))
    sdk = {each["span_id"] for each in TRUTH[file] if each["duplicate_of_sdk_span"]}
    own = {each["span_id"] for each in TRUTH[file]} - sdk
    counted = counted_of(spans)
    assert {each for each in counted if types[each] == "llm"} == (sdk if file == WITHOUT_CONTENT else own)
    embeddings = {each["span_id"] for each in EMBEDDINGS.get(file, ())}
    assert {each for each in counted if types[each] != "llm"} == embeddings


def test_agents_chains_and_tools_do_not_count() -> None:
    spans = [typed(number, kind) for number, kind in enumerate(("AGENT", "CHAIN", "TOOL", "RETRIEVER"), 1)]
    assert numbers(*spans, span(9)) == []
    assert numbers() == []


def test_a_span_around_the_call_of_an_sdk_does_not_count_beside_it() -> None:
    assert numbers(call(1), call(2, SDK, parent=1)) == [2]
    assert numbers(call(1), span(2, parent=1), typed(3, "CHAIN", parent=2), call(4, SDK, parent=3)) == [4]
    assert numbers(call(1), call(2, OTHER, parent=1), call(3, SDK, parent=2)) == [3]


def test_the_one_with_content_counts() -> None:
    assert numbers(call(1, attributes=SAYS), call(2, SDK, parent=1)) == [1]
    assert numbers(call(1, attributes=SAYS), call(2, SDK, parent=1, attributes=SAYS)) == [2]
    event = SpanEvent(START, "gen_ai.user.message", {})
    assert numbers(call(1, events=(event,)), call(2, SDK, parent=1)) == [1]


def test_a_name_of_a_prompt_is_no_content() -> None:
    assert numbers(call(1, attributes={"gen_ai.prompt.name": "x"}), call(2, SDK, parent=1)) == [2]


def test_of_siblings_without_content_the_one_with_tokens_counts_else_the_earliest() -> None:
    silent = {"gen_ai.usage.input_tokens": ""}
    assert numbers(call(1, attributes=silent), call(2, SDK, at=1)) == [2]
    assert numbers(call(1), call(2, SDK, at=1)) == [1]


@pytest.mark.parametrize("kind", ["TOOL", "AGENT", "RETRIEVER", "GUARDRAIL"])
def test_calls_inside_of_what_makes_calls_of_its_own_count(kind: str) -> None:
    assert numbers(call(1), typed(2, kind, parent=1), call(3, parent=2)) == [1, 3]


def test_an_embedding_inside_of_a_call_counts_beside_it() -> None:
    inner = {"gen_ai.operation.name": "embeddings"}
    assert numbers(call(1), call(2, SDK, parent=1, attributes=inner)) == [1, 2]


def test_a_span_around_several_calls_is_none() -> None:
    assert numbers(call(1, attributes=SAYS), call(2, SDK, parent=1), call(3, SDK, parent=1, at=200)) == [2, 3]
    wrapped = [call(1), call(2, OTHER, parent=1), call(3, SDK, parent=2), call(4, SDK, parent=2, at=200)]
    assert numbers(*wrapped) == [3, 4]


def test_a_span_around_an_attempt_that_failed_and_the_next_one_with_its_answer() -> None:
    failed = call(2, SDK, parent=1, status_code=2)
    assert numbers(call(1, answer="a", attributes=SAYS), failed, call(3, SDK, parent=1, at=50, answer="a")) == [1, 2]


def test_the_same_answer_is_one_call_wherever_it_is_told_of() -> None:
    assert numbers(call(1, answer="a"), span(8), call(2, SDK, parent=8, at=500, answer="a")) == [2]
    assert numbers(call(1, answer="a"), call(2, answer="b")) == [1, 2]
    assert numbers(call(1, answer="a"), call(2, SDK, answer="b")) == [1, 2]


def test_an_answer_without_an_id_is_not_that_of_another_one() -> None:
    nameless = {"gen_ai.response.id": ""}
    assert numbers(call(1, attributes=nameless), call(2, at=200, attributes=nameless)) == [1, 2]
    assert numbers(call(1, attributes=nameless), call(2, SDK, at=10, attributes=nameless)) == [1]


def test_siblings_of_two_libraries_at_the_same_time_are_one_call() -> None:
    assert numbers(call(1, parent=9), call(2, SDK, at=10, takes=80, parent=9), span(9)) == [1]
    assert numbers(call(1, parent=9), call(2, SDK, at=10, takes=80, parent=9)) == [1]  # whose parent is elsewhere
    assert numbers(call(1), call(2, SDK, at=10, model="gpt-4o-2026-08-07")) == [1]
    assert numbers(call(1), call(2, SDK, at=10), call(3, OTHER, at=20)) == [1]


def test_siblings_that_differ_are_several_calls() -> None:
    assert numbers(call(1), call(2, SDK, at=10, model="gpt-5")) == [1, 2]
    assert numbers(call(1), call(2, SDK, at=100)) == [1, 2]
    assert numbers(call(1, parent=8), call(2, SDK, parent=9), span(8), span(9)) == [1, 2]


def test_parallel_calls_of_one_library_count_all() -> None:
    assert numbers(*(call(number, at=number) for number in range(1, 9))) == [*range(1, 9)]


def test_parallel_calls_that_two_libraries_tell_of_count_once_each() -> None:
    own = [call(number, at=number) for number in range(1, 9)]
    sdk = [call(100 + number, SDK, at=20 + number, takes=20) for number in range(1, 9)]
    assert numbers(*own, *sdk) == [*range(1, 9)]


def test_a_call_that_failed_and_the_one_that_was_made_again_both_count() -> None:
    assert numbers(call(1, status_code=2), call(2, at=200)) == [1, 2]
    assert numbers(call(1, status_code=2), call(2, at=50)) == [1, 2]


def test_attempts_that_an_sdk_tells_of_beside_a_library() -> None:
    """The library's span is that of the attempt that was answered, and the other one is a call of its own."""
    attempts = [call(2, SDK, at=1, takes=10, status_code=2), call(3, SDK, at=20, takes=50)]
    assert numbers(call(1), *attempts) == [1, 2]


def test_a_library_may_fail_where_its_sdk_did_not() -> None:
    assert numbers(call(1, status_code=2), call(2, SDK, at=1)) == [1]


def test_a_call_that_runs_has_no_end_yet() -> None:
    running = call(1)._replace(end_time_unix_nano=0)
    assert numbers(running, call(2, SDK, at=10**9)) == [1]


def test_parents_in_a_circle_and_spans_that_are_their_own_parent() -> None:
    assert numbers(call(1, parent=1)) == [1]
    assert len(numbers(call(1, parent=2), call(2, parent=1))) == 1
    assert numbers(call(1, parent=2), span(2, parent=3), span(3, parent=2)) == [1]
    assert numbers(call(1, parent=2), call(2, parent=1), call(3, parent=1), call(4, parent=2)) == [3, 4]


def many(count: int, kind: str) -> list[Span]:
    """Traces that were made to take long."""
    every = range(1, count + 1)
    match kind:
        case "answers":
            return [call(number, answer="a", at=number) for number in every]
        case "circle":
            return [call(number, parent=number % count + 1) for number in every]
        case "deep":
            return [call(number, parent=number - 1 or None) for number in every]
        case "deep in nothing":
            return [span(number, parent=number - 1 or None) for number in every[:-1]] + [call(count, parent=count - 1)]
        case "together":
            return [call(number, InstrumentationScope(str(number % 2)), takes=10**9) for number in every]
        case _:  # each by its own library, and half of them without an answer to compare
            scopes = (InstrumentationScope("one" if number <= count // 2 else str(number)) for number in every)
            return [
                call(number, scope, takes=10**9, answer=str(number))
                for number, scope in zip(every, scopes, strict=True)
            ]


@pytest.mark.parametrize(
    ("kind", "count"),
    [("answers", 1), ("circle", 1), ("deep", 1), ("deep in nothing", 1), ("together", 10_000), ("scopes", 20_000)],
)
def test_traces_that_were_made_to_take_long_are_counted(kind: str, count: int) -> None:
    """In quadratic time the suite would not end: there are two hundred million pairs."""
    assert len(counted_of(many(20_000, kind))) == count
