"""Every convention fills the same columns."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.span_store.columns.attribute_column import attribute_maps
from actors.span_store.columns.conventions import COLUMNS
from actors.span_store.columns.promoted import promoted_columns

pytestmark = pytest.mark.unit


def promoted(attributes: dict[str, Any]) -> dict[str, Any]:
    columns, _ = attribute_maps([{}, attributes])
    found = {name: values.to_pylist() for name, values in promoted_columns(columns, 2).items()}
    assert {values[0] for values in found.values()} == {None}
    return {name: values[1] for name, values in found.items() if values[1] is not None}


@pytest.mark.parametrize(
    ("attributes", "columns"),
    [
        pytest.param(
            {
                "openinference.span.kind": "LLM",
                "llm.model_name": "gpt-4o",
                "llm.provider": "openai",
                "llm.token_count.prompt": 7,
                "llm.token_count.completion": 3,
                "llm.token_count.prompt_details.cache_read": 2,
                "llm.token_count.completion_details.reasoning": 1,
                "llm.cost.total": 0.25,
                "session.id": "s",
                "user.id": "u",
            },
            {
                "openinference_span_kind": "LLM",
                "type": "llm",
                "model": "gpt-4o",
                "provider": "openai",
                "input_tokens": 7,
                "output_tokens": 3,
                "cache_read_tokens": 2,
                "reasoning_tokens": 1,
                "cost": 0.25,
                "session_id": "s",
                "user_id": "u",
            },
            id="OpenInference",
        ),
        pytest.param(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "anthropic",
                "gen_ai.request.model": "asked",
                "gen_ai.response.model": "answered",
                "gen_ai.usage.input_tokens": 7,  # without the cached ones, as Anthropic counts
                "gen_ai.usage.output_tokens": 3,
                "gen_ai.usage.cache_read.input_tokens": 5,
                "gen_ai.usage.cache_write.input_tokens": 4,
                "gen_ai.usage.reasoning.output_tokens": 1,
                "gen_ai.conversation.id": "c",
            },
            {
                "gen_ai_operation_name": "chat",
                "type": "llm",
                "provider": "anthropic",
                "model": "answered",
                "request_model": "asked",
                "input_tokens": 16,
                "output_tokens": 3,
                "cache_read_tokens": 5,
                "cache_write_tokens": 4,
                "reasoning_tokens": 1,
                "session_id": "c",
            },
            id="GenAI today",
        ),
        pytest.param(
            {
                "gen_ai.system": "openai",
                "gen_ai.usage.prompt_tokens": 7,
                "gen_ai.usage.completion_tokens": 3,
                "gen_ai.usage.cache_creation.input_tokens": 4,
            },
            {"provider": "openai", "input_tokens": 7, "output_tokens": 3, "cache_write_tokens": 4},
            id="GenAI before 1.37 and OpenLLMetry",
        ),
        pytest.param(
            {"ai.model.id": "m", "ai.model.provider": "p", "ai.usage.promptTokens": 7.0},
            {"model": "m", "request_model": "m", "provider": "p", "input_tokens": 7},
            id="Vercel AI SDK, whole floats",
        ),
        pytest.param(
            {"junjo.span_type": "node", "junjo.id": "n", "junjo.parent_id": "w"},
            {"junjo_span_type": "node", "type": "node", "junjo_id": "n", "junjo_parent_id": "w"},
            id="Junjo up to 0.62",
        ),
        pytest.param(
            {
                "junjo.span_type": "node",
                "junjo.executable_runtime_id": "n",
                "junjo.parent_executable_runtime_id": "w",
            },
            {"junjo_span_type": "node", "type": "node", "junjo_id": "n", "junjo_parent_id": "w"},
            id="Junjo since 0.63",
        ),
        pytest.param(
            {
                "llm.model_name": 5,
                "llm.token_count.prompt": "many",
                "llm.token_count.completion": True,
                "llm.cost.total": float("nan"),
            },
            {},
            id="values of the wrong type fill nothing",
        ),
        pytest.param(
            {"llm.token_count.prompt": 1e300, "llm.token_count.completion": -1e19, "llm.cost.total": 1e300},
            {"cost": 1e300},
            id="numbers that are no counts fill none",
        ),
        pytest.param(
            {
                "gen_ai.usage.input_tokens": "12",
                "gen_ai.usage.output_tokens": "1012.0",
                "gen_ai.usage.cache_read_tokens": "0",
                "gen_ai.usage.reasoning_tokens": "1e3",
                "gen_ai.usage.cost": "0.0025",
            },
            {
                "input_tokens": 12,
                "output_tokens": 1012,
                "cache_read_tokens": 0,
                "reasoning_tokens": 1000,
                "cost": 0.0025,
            },
            id="numbers as text",
        ),
        pytest.param(
            {"gen_ai.usage.input_tokens": 2**63 - 1, "gen_ai.usage.output_tokens": str(2**63 - 1)},
            {"input_tokens": 2**63 - 1, "output_tokens": 2**63 - 1},
            id="the largest counts",
        ),
        pytest.param(
            {"gen_ai.usage.input_tokens": -1, "gen_ai.usage.prompt_tokens": 7, "gen_ai.usage.output_tokens": -(2**63)},
            {"input_tokens": 7},
            id="what is below zero is no count",
        ),
        pytest.param(
            {"gen_ai.usage.input_tokens": "n/a", "llm.token_count.prompt": "7", "ai.usage.promptTokens": 8},
            {"input_tokens": 7},
            id="the first text that fits wins",
        ),
        pytest.param(
            {"gen_ai.usage.input_tokens": 2.5, "llm.token_count.prompt": 7.0, "gen_ai.usage.output_tokens": 3},
            {"input_tokens": 7, "output_tokens": 3},
            id="the first one that fits wins",
        ),
    ],
)
def test_conventions_fill_the_columns(attributes: dict[str, Any], columns: dict[str, Any]) -> None:
    assert promoted(attributes) == columns


NO_COUNTS = ["", " 12", "12 ", "1_000", "1,000", "+5", "-5", "12.5", "0x10", "٣", "1e400", "9" * 5000, str(2**63)]
NO_NUMBERS = ["", "nan", "NaN", "inf", "-Infinity", "null", "true", "[1]", "1e999", "1.", ".5", "9" * 400, "1_0", " 1"]


@pytest.mark.parametrize("text", [*NO_COUNTS, *NO_NUMBERS], ids=lambda text: repr(text)[:12])
def test_text_that_is_no_count_fills_none(text: str) -> None:
    assert promoted({"gen_ai.usage.input_tokens": text, "gen_ai.usage.output_tokens": 3}) == {"output_tokens": 3}


@pytest.mark.parametrize("text", NO_NUMBERS, ids=lambda text: repr(text)[:12])
def test_text_that_is_no_amount_fills_none(text: str) -> None:
    assert promoted({"llm.cost.total": text, "gen_ai.usage.cost": 0.5}) == {"cost": 0.5}


@pytest.mark.parametrize(
    ("value", "text"), [(2, "2"), (-1, "-1"), (2**63 - 1, str(2**63 - 1)), (True, None), (1.5, None), ({"a": 1}, None)]
)
def test_whole_numbers_are_ids_and_versions_too(value: object, text: str | None) -> None:
    """Langfuse sends the version of a prompt as a number, and programs send ids of their databases."""
    names = {"prompt_version": "langfuse.observation.prompt.version", "session_id": "session.id", "user_id": "user.id"}
    found = promoted(dict.fromkeys(names.values(), value))
    assert found == ({} if text is None else dict.fromkeys(names, text))


SOURCES = sorted({source.key for column in COLUMNS for source in column.sources})
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats()
VALUES = st.text(max_size=2) | NUMBERS | NUMBERS.map(str) | st.booleans()
OBJECTS = st.sampled_from(
    ['{"prompt_tokens": 5, "input": 4}', "{'prompt_tokens_details': {'cached_tokens': 9}}", "{", "[]"]
)
WORDS = st.sampled_from(["LLM", "chat", "generation", "gpt-4o", "openai/gpt-4o", '"CHAT_MODEL"', "execute_tool"])
MANY = st.lists(
    st.dictionaries(st.sampled_from([*SOURCES, "a", "b", "ab"]), VALUES | OBJECTS | WORDS, max_size=4), max_size=6
)


@given(MANY)
def test_what_a_span_fills_has_nothing_to_do_with_its_neighbours(many: list[dict[str, Any]]) -> None:
    columns, _ = attribute_maps(many)
    found = {name: values.to_pylist() for name, values in promoted_columns(columns, len(many)).items()}
    for row, attributes in enumerate(many):
        assert {name: values[row] for name, values in found.items() if values[row] is not None} == promoted(attributes)


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        ('{"generations": [[{"generation_info": {"finish_reason": "length"}}]]}', "length"),
        ('{"generations": []}', None),
        ('{"generations": [[]]}', None),
        ('{"generations": {"0": {"0": {"generation_info": {"finish_reason": "stop"}}}}}', "stop"),
        ('{"generations": [5]}', None),
        ('{"generations": [["', None),
        ("[[]]", None),
    ],
)
def test_a_path_leads_into_arrays(completion: str, reason: str | None) -> None:
    found = promoted({"gen_ai.operation.name": "chat", "gen_ai.completion": completion})
    assert found.get("finish_reason") == reason


@pytest.mark.parametrize(
    ("sender", "total"),
    [
        ({"telemetry.sdk.name": "openlit"}, 100),  # who passes on what Anthropic says
        ({"telemetry.sdk.name": "opentelemetry"}, 60),
        ({"ai.response.providerMetadata": '{"anthropic": {"usage": {"input_tokens": 60}}}'}, 100),
        ({"ai.response.providerMetadata": '{"anthropic": {"usage": {"input_tokens": 20}}}'}, 60),
        ({"ai.response.providerMetadata": '{"anthropic": {"usage": {"input_tokens": "60"}}}'}, 60),
        ({"ai.response.providerMetadata": "{"}, 60),
        ({"gen_ai.usage.details.input_tokens": 60}, 100),  # Pydantic AI
        ({"gen_ai.usage.details.input_tokens": 20}, 60),
        ({"gen_ai.usage.details.input_tokens": 60, "gen_ai.provider.name": "openai"}, 60),
        ({}, 60),
    ],
)
def test_totals_of_a_provider_that_leave_the_cache_out_are_completed(sender: dict[str, str], total: int) -> None:
    usage = {
        "gen_ai.usage.input_tokens": 60,
        "gen_ai.usage.cache_read.input_tokens": 30,
        "gen_ai.usage.cache_creation.input_tokens": 10,
    }
    found = promoted({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic", **usage, **sender})
    assert found["input_tokens"] == total


@pytest.mark.parametrize(("candidates", "output"), [(18, 25), (25, 18), ("18", 18)])
def test_thoughts_that_a_total_leaves_out_are_added(candidates: object, output: int) -> None:
    answer = json.dumps({"usage_metadata": {"candidates_token_count": candidates, "thoughts_token_count": 7}})
    sent = {"gcp.vertex.agent.llm_response": answer, "gen_ai.usage.output_tokens": 18, "gen_ai.request.model": "gemini"}
    found = promoted({"gcp.vertex.agent.llm_request": '{"model": "gemini"}', **sent})
    assert (found["output_tokens"], found["reasoning_tokens"]) == (output, 7)


def test_totals_that_no_number_holds_stay_as_they_are() -> None:
    largest = {"gen_ai.usage.input_tokens": 2**63 - 1, "gen_ai.usage.cache_read.input_tokens": 2**63 - 1}
    sender = {"telemetry.sdk.name": "openlit", "gen_ai.provider.name": "anthropic", "gen_ai.operation.name": "chat"}
    assert promoted({**largest, **sender})["input_tokens"] == 2**63 - 1


@pytest.mark.parametrize(
    ("attributes", "columns"),
    [
        ({"haystack.component.type": "AnthropicChatGenerator"}, {"type": "llm"}),
        ({"haystack.component.type": "OpenAIDocumentEmbedder"}, {"type": "embedding"}),
        ({"haystack.component.type": "InMemoryBM25Retriever"}, {"type": "retriever"}),
        ({"haystack.component.type": "TransformersSimilarityRanker"}, {"type": "reranker"}),
        ({"haystack.component.type": "Agent"}, {"type": "agent"}),
        ({"haystack.component.type": "DocumentJoiner"}, {"type": "chain"}),
        ({"pydantic_ai.all_messages": "[]", "gen_ai.usage.input_tokens": 200}, {"type": "agent"}),  # a sum
        ({"all_messages_events": "[]", "gen_ai.usage.input_tokens": 200}, {"type": "agent"}),
        ({"tool_arguments": "{}", "gen_ai.tool.name": "lookup_order"}, {"type": "tool", "tool": "lookup_order"}),
        ({"gcp.vertex.agent.llm_request": "{}"}, {}),
        ({"gcp.vertex.agent.llm_request": "{}", "gen_ai.system": "gcp.vertex.agent"}, {"type": "llm"}),
        ({"gen_ai.completion.0.role": "assistant", "gen_ai.system": "openai"}, {"type": "llm", "provider": "openai"}),
        ({"haystack.tool.name": "lookup_order"}, {"type": "tool", "tool": "lookup_order"}),
        (
            {"logfire.msg_template": "Function: {name}", "logfire.msg": "Function: lookup_order failed: no such order"},
            {"type": "tool", "tool": "lookup_order"},
        ),
        (
            {"logfire.msg_template": "Agent run: {name!r}", "logfire.msg": "Agent run: 'support'"},
            {"type": "agent", "agent": "support"},
        ),
        ({"logfire.msg_template": "any other", "logfire.msg": "Function"}, {}),
    ],
)
def test_spans_without_a_type_are_known_by_what_they_say(attributes: dict[str, Any], columns: dict[str, Any]) -> None:
    assert promoted(attributes) == columns


@pytest.mark.parametrize(("value", "nanoseconds"), [(250, 250_000_000), (0.25, 250_000_000), (1.0, 1_000_000_000)])
def test_whole_numbers_of_one_key_are_milliseconds(value: float, nanoseconds: int) -> None:
    found = promoted({"gen_ai.operation.name": "chat", "gen_ai.server.time_to_first_token": value})
    assert found["time_to_first_token_ns"] == nanoseconds
