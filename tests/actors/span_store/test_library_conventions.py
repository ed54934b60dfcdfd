"""Spans of real instrumentation libraries: what is promoted of each model call, held against what the model answered.

``truth.json`` says of each call what the provider had answered and which of the numbers the library sent at all. Stack
traces in the recordings were shortened.
"""

import json
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from actors.span_store.columns.remap import in_present_form, remapped
from actors.span_store.columns.rows import ROWS, numbered, span_rows
from transports.otlp.decode import decode_trace_request

pytestmark = pytest.mark.unit

RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
FILES = sorted(path.name for path in RECORDINGS.glob("*.bin") if ".logs" not in path.name)
TRUTH: dict[str, list[dict[str, Any]]] = json.loads((RECORDINGS / "truth.json").read_text())
EMBEDDINGS: dict[str, list[dict[str, Any]]] = json.loads((RECORDINGS / "embeddings.json").read_text())
CALLS = {file: [*TRUTH.get(file, ()), *EMBEDDINGS.get(file, ())] for file in FILES}
TOKENS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "reasoning": "reasoning_tokens",
}
# The number stands in the history of the conversation, as that of the call before.
OF_ANOTHER_CALL = {("oi-agno-1.0.15.bin", "b92aeeeaf8036243", "reasoning")}
# Calls that failed, of which the library says the provider and nothing else, or not even that.
WITHOUT_MODEL = {
    "oi-openai-agents-2.6.0.bin",
    "oi-smolagents-0.1.43.bin",
    "oi-haystack-0.1.46.bin",
    "haystack-3.4.1.bin",
}


@lru_cache
def rows_of(file: str) -> dict[str, dict[str, Any]]:
    request = decode_trace_request((RECORDINGS / file).read_bytes())
    assert not request.rejected
    return {row["span_id"]: row for row in span_rows(request.spans).batch.to_pylist()}


@pytest.mark.parametrize("file", FILES)
def test_the_tokens_of_each_call_are_those_of_the_answer(file: str) -> None:
    rows = rows_of(file)
    faults = [
        f"{call['name']} {call['span_id']}: {name} {rows[call['span_id']][TOKENS[name]]} for {call['tokens'][name]}"
        for call in CALLS[file]
        for name in call.get("sent", [])
        if rows[call["span_id"]][TOKENS[name]] != call["tokens"][name]
        if (file, call["span_id"], name) not in OF_ANOTHER_CALL
    ]
    assert not faults


@pytest.mark.parametrize("file", FILES)
def test_each_call_has_its_type_model_and_provider(file: str) -> None:
    for call in CALLS[file]:
        row = rows_of(file)[call["span_id"]]
        is_told = file not in WITHOUT_MODEL or not call["error"]
        assert row["type"] == call.get("type", "llm")
        assert row["provider"] == call["provider"] or (row["provider"] is None and not is_told)
        assert row["model"] or not is_told
        assert "/" not in (row["model"] or "")


@pytest.mark.parametrize("file", FILES)
def test_only_model_calls_have_tokens_and_costs(file: str) -> None:
    for row in rows_of(file).values():
        if row["type"] not in ("llm", "embedding", None):
            assert [row[name] for name in (*TOKENS.values(), "cost")] == [None] * 6


def test_every_kind_of_span_is_understood() -> None:
    types = Counter(row["type"] for file in FILES for row in rows_of(file).values())
    assert {"llm", "embedding", "tool", "agent", "chain"} <= set(types)


def test_sessions_users_tools_and_finish_reasons_are_found() -> None:
    rows = [row for file in FILES for row in rows_of(file).values()]
    assert {"session-77"} <= {row["session_id"] for row in rows}
    assert {"user-5"} <= {row["user_id"] for row in rows}
    assert {row["tool"] for row in rows if row["type"] == "tool"} == {"lookup_order", "final_answer"}
    reasons = {row["finish_reason"] for row in rows} - {None}
    assert reasons == {"stop", "tool_calls"}


def test_a_failed_call_has_an_error_type() -> None:
    failed = [(file, rows_of(file)[call["span_id"]]) for file in FILES for call in CALLS[file] if call["error"]]
    without = {file for file, row in failed if row["error_type"] is None}
    assert without <= {"oi-openai-agents-2.6.0.bin", "langfuse-5.0.4.bin", "langfuse-3.6.2.bin"}


@pytest.mark.parametrize("file", FILES)
def test_rows_of_an_earlier_version_are_derived_to_the_same_columns(file: str) -> None:
    request = decode_trace_request((RECORDINGS / file).read_bytes())
    rows = pa.Table.from_batches([numbered(span_rows(request.spans).batch, 7)])
    earlier = rows.drop_columns(["type", "tool", "error_type", "finish_reason", "version", "environment"])
    assert in_present_form(earlier.slice(2)).equals(rows.slice(2))
    assert remapped(rows).equals(rows)


def test_no_rows_are_no_rows_in_any_version() -> None:
    assert in_present_form(ROWS.empty_table().drop_columns(["type"])).equals(ROWS.empty_table())


def test_the_time_to_the_first_token_has_the_unit_of_its_sender() -> None:
    def seconds(file: str) -> list[float]:
        found = [row["time_to_first_token_ns"] for row in rows_of(file).values()]
        return sorted(one / 1e9 for one in found if one is not None)

    assert seconds("strands-1.62.0.bin") == [0.033, 0.665]  # which writes whole milliseconds
    assert (
        0 < min(seconds("openlit-1.45.0.bin")) < max(seconds("openlit-1.45.0.bin")) < 1
    )  # seconds, under the same key
    assert [round(one, 1) for one in seconds("vercel-ai-7.0.173.bin")] == [0.2]
    assert [round(one, 1) for one in seconds("pydantic-ai-2.68.0.bin")] == [0.5, 0.5]


def test_a_cost_of_nothing_is_not_known() -> None:
    """OpenLIT writes 0 where it has no price."""
    assert {row["cost"] for row in rows_of("openlit-1.45.0.bin").values()} == {None}


def test_what_only_makes_a_request_is_no_call() -> None:
    """OpenInference says that it is an LLM."""
    rows = rows_of("oi-llama-index-4.6.1.bin").values()
    prepared = [row for row in rows if row["name"] == "OpenAI._prepare_chat_with_tools"]
    assert [(row["openinference_span_kind"], row["type"]) for row in prepared] == [("LLM", "chain")] * 2
