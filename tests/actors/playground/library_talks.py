"""One conversation as libraries write it that have a convention of their own."""

import json
from typing import Any

from tests.actors.playground.stage import FUNCTION, PARTS, SCHEMA, VERCEL_TALK

_ARGUMENTS = '{"city":"Oslo"}'
_CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": _ARGUMENTS}}
_USE = {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Oslo"}}
_MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "weather?"},
    {"role": "assistant", "content": None, "tool_calls": [_CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
]
_BODY = {
    "model": "gpt-4o",
    "messages": _MESSAGES,
    "tools": [{"type": "function", "function": FUNCTION}],
    "temperature": 0.5,
    "max_tokens": 50,
    "stop": "END",
    "stream": False,
    "n": 1,
    "tool_choice": "auto",
}
_RESPONSES = {
    "model": "gpt-4o",
    "instructions": "be brief",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "weather?"}]},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": _ARGUMENTS},
        {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
    ],
    "tools": [{"type": "function", **FUNCTION}],
    "temperature": 0.5,
    "max_output_tokens": 50,
    "stop": ["END"],
}
_ANTHROPIC = {
    "model": "gpt-4o",
    "system": [{"type": "text", "text": "be brief"}],
    "messages": [
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Oslo"}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "sunny"}]},
    ],
    "tools": [{"name": "weather", "description": FUNCTION["description"], "input_schema": SCHEMA}],
    "temperature": 0.5,
    "max_tokens": 50,
    "stop_sequences": ["END"],
}
_SETTINGS = {
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.max_tokens": 50,
    "gen_ai.request.stop_sequences": ["END"],
}
_CALLED = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
_LANGSMITH = {"langsmith.span.kind": "llm", **_CALLED}


def _constructed(name: str, **fields: object) -> dict[str, Any]:
    """A message of LangChain, as it is serialized."""
    return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", name], "kwargs": fields}


_LANGCHAIN = [
    _constructed("SystemMessage", content="be brief", type="system"),
    _constructed("HumanMessage", content="weather?", type="human"),
    _constructed(
        "AIMessage",
        content=[_USE],
        tool_calls=[{"name": "weather", "args": {"city": "Oslo"}, "id": "c1", "type": "tool_call"}],
    ),
    _constructed("ToolMessage", content="sunny", type="tool", tool_call_id="c1"),
]
_WRITTEN_OUT = [
    {"type": "system", "content": "be brief"},
    {"type": "human", "content": [{"type": "text", "text": "weather?"}]},
    {"type": "ai", "content": "", "tool_calls": [{"name": "weather", "args": {"city": "Oslo"}, "id": "c1"}]},
    {"type": "tool", "content": "sunny", "tool_call_id": "c1"},
]
_ADK = {
    "model": "gpt-4o",
    "config": {
        "system_instruction": "be brief",
        "temperature": 0.5,
        "max_output_tokens": 50,
        "stop_sequences": ["END"],
        "labels": {"adk_agent_name": "support"},
        "tools": [
            {
                "function_declarations": [
                    {**FUNCTION, "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}
                ]
            }
        ],
    },
    "contents": [
        {"role": "user", "parts": [{"text": "weather?"}]},
        {"role": "model", "parts": [{"function_call": {"id": "c1", "name": "weather", "args": {"city": "Oslo"}}}]},
        {"role": "user", "parts": [{"function_response": {"id": "c1", "name": "weather", "response": "sunny"}}]},
    ],
}
_EVENTS = [
    {"event.name": "gen_ai.system.message", "gen_ai.message.index": 0, **_MESSAGES[0]},
    {"event.name": "gen_ai.user.message", "role": "user", "content": ["weather?"]},
    {"event.name": "gen_ai.assistant.message", "role": "assistant", "tool_calls": [_CALL]},
    {"event.name": "gen_ai.tool.message", "role": "tool", "id": "c1", "name": "weather", "content": "sunny"},
    {"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant", "content": "nobody asks for this"}},
]
_OFFERED = {
    "function_tools": [{"name": "weather", "description": FUNCTION["description"], "parameters_json_schema": SCHEMA}],
    "output_tools": [],
    "output_mode": "text",
}
_GENERATION = {
    "langfuse.observation.type": "generation",
    "langfuse.observation.model.name": "gpt-4o",
    "langfuse.observation.model.parameters": json.dumps(
        {"temperature": 0.5, "max_tokens": 50, "top_p": "Infinity", "stop": ["END"], "presence_penalty": 0}
    ),
}
_OFFER_AS_MESSAGE = {"role": "tool", "content": {"type": "function", "function": FUNCTION}}

ATTRIBUTES: dict[str, dict[str, Any]] = {
    "Google ADK": {**_CALLED, "gen_ai.system": "openai", "gcp.vertex.agent.llm_request": json.dumps(_ADK)},
    "LangSmith, LangChain's constructors": {
        **_LANGSMITH,
        **_SETTINGS,
        "gen_ai.system": "langchain",
        "gen_ai.prompt": json.dumps({"messages": [_LANGCHAIN]}),
        "gen_ai.tool.definitions": json.dumps([FUNCTION]),
    },
    "LangSmith, LangChain's messages": {
        **_LANGSMITH,
        "langsmith.metadata.ls_temperature": "0.5",
        "langsmith.metadata.ls_max_tokens": "50",
        "gen_ai.prompt": json.dumps({"messages": _WRITTEN_OUT, "tools": [FUNCTION], "stop": ["END"]}),
    },
    "LangSmith, a traced function": {**_LANGSMITH, "gen_ai.system": "openai", "gen_ai.prompt": json.dumps(_BODY)},
    "LangSmith, an Anthropic call": {**_LANGSMITH, "gen_ai.system": "openai", "gen_ai.prompt": json.dumps(_ANTHROPIC)},
    "Langfuse, a whole request": {
        **_GENERATION,
        "langfuse.observation.input": json.dumps({"messages": _MESSAGES, "tools": _BODY["tools"]}),
    },
    "Langfuse, of LangChain": {
        **_GENERATION,
        "langfuse.observation.input": json.dumps([*_MESSAGES, _OFFER_AS_MESSAGE]),
    },
    "Pydantic AI": {
        **_CALLED,
        **_SETTINGS,
        "gen_ai.system": "openai",
        "events": json.dumps(_EVENTS),
        "model_request_parameters": json.dumps(_OFFERED),
    },
    "Logfire": {"gen_ai.system": "openai", "request_data": json.dumps(_BODY)},
    "Logfire, Responses": {"gen_ai.system": "openai", "request_data": json.dumps(_RESPONSES)},
    "MLflow": {"mlflow.spanType": '"CHAT_MODEL"', "mlflow.spanInputs": json.dumps(_BODY)},
    "Vercel's messages in a request": {"request_data": json.dumps({**_BODY, "messages": VERCEL_TALK})},
    "GenAI's messages in a request": {
        "request_data": json.dumps({**_BODY, "messages": [_MESSAGES[0], *PARTS]}),
    },
}
