"""What tests of the playground share: errors in vendors' forms, any JSON, and a span of each convention."""

import json
from typing import Any

from hypothesis import strategies as st

from actors.playground.prompt import JsonObject
from actors.span_store.columns.spans import StoredSpan

FORMS: list[tuple[object, str]] = [
    ({"error": {"message": "no luck", "type": "x", "code": 5}}, "no luck"),
    ({"error": "no luck"}, "no luck"),
    ({"detail": "no luck"}, "no luck"),
    ({"message": "no luck"}, "no luck"),
    ({"object": "error", "message": "no luck", "code": 400}, "no luck"),
    ([{"error": {"message": "no luck"}}], "no luck"),
    ({"detail": [{"loc": ["body"], "msg": "no luck"}, {"msg": "nor later"}]}, "no luck; nor later"),
    ({"errors": [{"message": "no luck"}]}, "no luck"),
    ({"error": "Bad Request", "message": "no luck"}, "Bad Request: no luck"),
    ({"error": {"message": {"text": 5, "detail": "no luck"}}}, "no luck"),
    ({"error": True, "message": "no luck"}, "no luck"),
    ({"error": None, "message": "no luck"}, "no luck"),
    ({"error": "invalid_grant", "error_description": "no luck"}, "invalid_grant: no luck"),
    ({"error": {"type": "overloaded_error"}}, "overloaded_error"),
    ({"title": "no luck", "status": 400}, "no luck"),
    ("no luck", "no luck"),
    ({"error": {"code": 5}}, ""),
    (5, ""),
    (None, ""),
    ({}, ""),
]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("text", "content", "type", "value", "thinking")), inner, max_size=3)
    ),
    max_leaves=10,
)
SCHEMA: JsonObject = {"type": "object", "properties": {"city": {"type": "string"}}}
FUNCTION = {"name": "weather", "description": "Weather of a city", "parameters": SCHEMA}


def span_with(attributes: dict[str, Any], events: list[dict[str, Any]] | None = None) -> StoredSpan:
    return StoredSpan(
        trace_id="a" * 32,
        span_id="b" * 16,
        parent_span_id=None,
        service_name="tests",
        name="chat",
        kind=3,
        start_time_unix_nano=1,
        end_time_unix_nano=2,
        status_code=0,
        status_message="",
        trace_state="",
        flags=0,
        attributes_json=json.dumps(attributes),
        events_json=json.dumps(events or []),
        links_json="[]",
        dropped_attributes_count=0,
        dropped_events_count=0,
        dropped_links_count=0,
        resource_json="{}",
        scope_json="{}",
        exact_json=None,
    )


PARTS: list[dict[str, Any]] = [
    {"role": "user", "parts": [{"type": "text", "content": "weather?"}]},
    {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Oslo"}}],
    },
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "sunny"}]},
]
GEN_AI = {
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.max_tokens": 50,
    "gen_ai.request.stop_sequences": ["END"],
}
NEW = GEN_AI | {
    "gen_ai.system_instructions": [{"type": "text", "content": "be brief"}],
    "gen_ai.input.messages": PARTS,
    "gen_ai.tool.definitions": [{"type": "function", **FUNCTION}],
}
OPEN_INFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.provider": "openai",
    "llm.model_name": "gpt-4o",
    "llm.invocation_parameters": json.dumps({"temperature": 0.5, "max_tokens": 50, "stop": "END", "model": "gpt-4o"}),
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": "be brief",
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.contents.0.message_content.type": "text",
    "llm.input_messages.1.message.contents.0.message_content.text": "weather?",
    "llm.input_messages.2.message.role": "assistant",
    "llm.input_messages.2.message.tool_calls.0.tool_call.id": "c1",
    "llm.input_messages.2.message.tool_calls.0.tool_call.function.name": "weather",
    "llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments": '{"city":"Oslo"}',
    "llm.input_messages.3.message.role": "tool",
    "llm.input_messages.3.message.content": "sunny",
    "llm.input_messages.3.message.tool_call_id": "c1",
    "llm.tools.0.tool.json_schema": json.dumps({"type": "function", "function": FUNCTION}),
}


OPEN_LLMETRY = {
    "gen_ai.system": "OpenAI",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.max_tokens": 50,
    "llm.chat.stop_sequences": ["END"],
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": "be brief",
    "gen_ai.prompt.1.role": "user",
    "gen_ai.prompt.1.content": '[{"type":"text","text":"weather?"}]',
    "gen_ai.prompt.2.role": "assistant",
    "gen_ai.prompt.2.tool_calls.0.id": "c1",
    "gen_ai.prompt.2.tool_calls.0.name": "weather",
    "gen_ai.prompt.2.tool_calls.0.arguments": '{"city":"Oslo"}',
    "gen_ai.prompt.3.role": "tool",
    "gen_ai.prompt.3.content": "sunny",
    "gen_ai.prompt.3.tool_call_id": "c1",
    "gen_ai.completion.0.content": "nobody asks for this",
    "llm.request.functions.0.name": "weather",
    "llm.request.functions.0.description": "Weather of a city",
    "llm.request.functions.0.parameters": json.dumps(SCHEMA),
}
VERCEL_TALK = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": [{"type": "text", "text": "weather?"}]},
    {
        "role": "assistant",
        "content": [{"type": "tool-call", "toolCallId": "c1", "toolName": "weather", "input": {"city": "Oslo"}}],
    },
    {
        "role": "tool",
        "content": [
            {
                "type": "tool-result",
                "toolCallId": "c1",
                "toolName": "weather",
                "output": {"type": "text", "value": "sunny"},
            }
        ],
    },
]
VERCEL = {
    "ai.model.provider": "openai.chat",
    "ai.model.id": "gpt-4o",
    "ai.settings.temperature": 0.5,
    "ai.settings.maxOutputTokens": 50,
    "ai.settings.stopSequences": ["END"],
    "ai.prompt.messages": json.dumps(VERCEL_TALK),
    "ai.prompt.tools": [json.dumps({"type": "function", **FUNCTION, "inputSchema": SCHEMA})],
}

NAMES = (
    *NEW,
    *OPEN_INFERENCE,
    *OPEN_LLMETRY,
    *VERCEL,
    "ai.prompt",
    "ai.schema",
    "gen_ai.prompt",
    "junjo.agent.model.request",
    "junjo.agent.model.request.mode",
    "gcp.vertex.agent.llm_request",
    "langfuse.observation.type",
    "langfuse.observation.input",
    "langfuse.observation.model.name",
    "langfuse.observation.model.parameters",
    "events",
    "model_request_parameters",
    "request_data",
    "mlflow.spanType",
    "mlflow.spanInputs",
)
