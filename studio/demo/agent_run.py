"""A support agent that answers a customer: plans, calls tools, searches, meets a failing tool, answers.

Half of the spans use OpenInference, half OpenTelemetry's GenAI conventions, as in programs that mix libraries.
"""

import json
import secrets

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from studio.demo.drafts import Attributes, EventDraft, SpanDraft, TraceDraft

SERVICE = "demo-support-agent"

_QUESTION = "My order 4711 should have been here on Monday. Where is it, and can I have my money back?"
_ANSWER = (
    "Your order 4711 left our warehouse on Friday and is held up at customs; the carrier now expects it on Thursday. "
    "Orders that are more than five days late are refunded in full. I could not start the refund myself just now, "
    "so I have passed your case to a colleague, who will write to you today."
)
_ORDER = {"order_id": "4711", "status": "in_transit", "held_at": "customs", "expected": "Thursday"}
_POLICY = (
    ("refunds-3", 0.91, "Orders that arrive more than five days late are refunded in full on request."),
    ("refunds-1", 0.74, "Refunds are paid to the original means of payment within three working days."),
    ("shipping-8", 0.52, "Customs may hold international parcels for up to ten days."),
)
_LOOKUP_SCHEMA = {
    "type": "function",
    "function": {
        "name": "lookup_order",
        "description": "Where an order is",
        "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
    },
}
_TIMEOUT = "payments.internal did not answer within 800 ms"


def agent_run() -> TraceDraft:
    """Make a new run, in its own session."""
    conversation = f"demo-{secrets.token_hex(4)}"
    spans = (
        SpanDraft(
            key="agent",
            name="support-agent",
            at=(0, 4210),
            attributes={
                "openinference.span.kind": "AGENT",
                "agent.name": "support-agent",
                "input.value": _QUESTION,
                "input.mime_type": "text/plain",
                "output.value": _ANSWER,
                "output.mime_type": "text/plain",
                **_person(conversation),
            },
        ),
        SpanDraft(
            key="plan",
            name="ChatCompletion",
            at=(12, 1380),
            parent="agent",
            kind=Span.SPAN_KIND_CLIENT,
            attributes={**_plan(), **_person(conversation)},
        ),
        SpanDraft(key="lookup", name="lookup_order", at=(1390, 1472), parent="agent", attributes=_lookup()),
        SpanDraft(key="policy", name="search policies", at=(1390, 1533), parent="agent", attributes=_policy_search()),
        _refund(),
        SpanDraft(
            key="answer",
            name="chat claude-sonnet-4-5",
            at=(2410, 4195),
            parent="agent",
            kind=Span.SPAN_KIND_CLIENT,
            attributes={**_answer(), "gen_ai.conversation.id": conversation, "user.id": "customer-308"},
        ),
    )
    return TraceDraft(service=SERVICE, scope="demo", spans=spans)


def _person(conversation: str) -> Attributes:
    return {"session.id": conversation, "user.id": "customer-308"}


def _plan() -> Attributes:
    """Attributes of the planning call: a reasoning model chooses a tool, and part of the prompt came from the cache."""
    return {
        "openinference.span.kind": "LLM",
        "llm.provider": "openai",
        "llm.system": "openai",
        "llm.model_name": "gpt-5-mini",
        "llm.invocation_parameters": '{"max_completion_tokens": 2048, "reasoning_effort": "low"}',
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "You are the support agent of a shop. Use the tools; never guess.",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": _QUESTION,
        "llm.tools.0.tool.json_schema": json.dumps(_LOOKUP_SCHEMA),
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.tool_calls.0.tool_call.id": "call_lookup_1",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "lookup_order",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"order_id": "4711"}',
        "llm.finish_reason": "tool_calls",
        "llm.token_count.prompt": 1312,
        "llm.token_count.prompt_details.cache_read": 1024,
        "llm.token_count.completion": 181,
        "llm.token_count.completion_details.reasoning": 128,
        "llm.token_count.total": 1493,
        "llm.cost.total": 0.0004596,
    }


def _lookup() -> Attributes:
    return {
        "openinference.span.kind": "TOOL",
        "tool.name": "lookup_order",
        "tool_call.id": "call_lookup_1",
        "input.value": '{"order_id": "4711"}',
        "input.mime_type": "application/json",
        "output.value": json.dumps(_ORDER),
        "output.mime_type": "application/json",
    }


def _policy_search() -> Attributes:
    attributes: dict[str, str | float] = {
        "openinference.span.kind": "RETRIEVER",
        "input.value": "refund for a late order",
        "input.mime_type": "text/plain",
    }
    for number, (document, score, content) in enumerate(_POLICY):
        prefix = f"retrieval.documents.{number}.document"
        attributes |= {f"{prefix}.id": document, f"{prefix}.score": score, f"{prefix}.content": content}
    return attributes


def _refund() -> SpanDraft:
    """The failing tool, by the GenAI conventions: status, error type, and an event with the exception."""
    exception = {
        "exception.type": "TimeoutError",
        "exception.message": _TIMEOUT,
        "exception.stacktrace": f'  File "refunds.py", line 41, in start_refund\nTimeoutError: {_TIMEOUT}\n',
        "exception.escaped": "False",
    }
    return SpanDraft(
        key="refund",
        name="execute_tool start_refund",
        at=(1540, 2391),
        parent="agent",
        attributes={
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "start_refund",
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": "call_refund_1",
            "gen_ai.tool.call.arguments": '{"order_id": "4711", "amount": "full"}',
            "error.type": "TimeoutError",
        },
        events=(EventDraft(at=2390, name="exception", attributes=exception),),
        error=_TIMEOUT,
    )


def _answer() -> Attributes:
    prompt = [
        {"role": "user", "parts": [{"type": "text", "content": _QUESTION}]},
        {
            "role": "assistant",
            "parts": [
                {"type": "tool_call", "id": "call_lookup_1", "name": "lookup_order", "arguments": {"order_id": "4711"}}
            ],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_lookup_1", "response": _ORDER}]},
    ]
    said = [{"role": "assistant", "parts": [{"type": "text", "content": _ANSWER}], "finish_reason": "stop"}]
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-sonnet-4-5",
        "gen_ai.request.max_tokens": 1024,
        "gen_ai.request.temperature": 0.2,
        "gen_ai.response.model": "claude-sonnet-4-5-20250929",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 1894,
        "gen_ai.usage.cache_read.input_tokens": 1536,
        "gen_ai.usage.output_tokens": 342,
        "gen_ai.usage.reasoning.output_tokens": 256,
        "gen_ai.input.messages": json.dumps(prompt),
        "gen_ai.output.messages": json.dumps(said),
        "server.address": "api.anthropic.com",
    }
