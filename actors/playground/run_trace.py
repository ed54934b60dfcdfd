"""A run as a span, with the attributes of both conventions: OpenTelemetry GenAI and OpenInference.

Names are those of the OpenTelemetry GenAI conventions (client inference span) and of OpenInference's specification.
"""

import json
from collections.abc import Iterator
from typing import Final

from actors.playground.prompt import ChatMessage, Image, ToolCall
from actors.playground.run_record import RunRecord
from actors.playground.well_formed import well_formed
from actors.span_store.columns.spans import AttributeValue, InstrumentationScope, Resource, Span, SpanLink

SERVICE = "playground"

_RESOURCE: Final = Resource({"service.name": SERVICE})
_SCOPE: Final = InstrumentationScope("junjo-ai-studio.playground")
_CLIENT = 3  # SPAN_KIND_CLIENT
_SAMPLED = 1
_ERROR = 2  # STATUS_CODE_ERROR
_OTEL_PROVIDERS = {"gemini": "gcp.gemini"}  # the others have the same name there
_OPENINFERENCE_PROVIDERS = {"gemini": "google"}

Attribute = tuple[str, AttributeValue]


def span_of(record: RunRecord) -> Span:
    """The span of a run that is over."""
    error = record.error
    return Span(
        trace_id=record.trace_id,
        span_id=record.span_id,
        parent_span_id="",
        trace_state="",
        flags=_SAMPLED,
        name=f"chat {record.prompt.model}",
        kind=_CLIENT,
        start_time_unix_nano=record.started_at,
        end_time_unix_nano=record.started_at + round(record.seconds * 1e9),
        attributes={name: value for name, value in _attributes(record) if value is not None},
        dropped_attributes_count=0,
        events=(),
        dropped_events_count=0,
        links=_links(record),
        dropped_links_count=0,
        status_code=0 if error is None else _ERROR,
        status_message="" if error is None else well_formed(error.detail),
        resource=_RESOURCE,
        scope=_SCOPE,
    )


def weight_of(record: RunRecord) -> int:
    """Approximate size of the run's span in bytes: each text stands in it in both conventions, and once for people."""
    texts = sum(len(message.content) for message in record.prompt.messages)
    return 4096 + 3 * (texts + len(record.text) + len(record.reasoning))


def _links(record: RunRecord) -> tuple[SpanLink, ...]:
    origin = record.prompt.replay_of
    if origin is None:
        return ()
    return (SpanLink(origin.trace_id, origin.span_id, "", {"playground.link": "replay_of"}),)


def _attributes(record: RunRecord) -> Iterator[Attribute]:
    yield from _run(record)
    yield from _gen_ai_request(record)
    yield from _gen_ai_response(record)
    yield from _open_inference(record)
    yield from _tokens(record)


def _run(record: RunRecord) -> Iterator[Attribute]:
    origin = record.prompt.replay_of
    yield "user.id", record.by.user_id
    yield "user.email", record.by.email
    yield "playground.run_id", record.run_id
    yield "playground.cancelled", None if record.cancelled is None else record.cancelled.value
    if origin is not None:
        yield "playground.replay_of.trace_id", origin.trace_id
        yield "playground.replay_of.span_id", origin.span_id


def _gen_ai_request(record: RunRecord) -> Iterator[Attribute]:
    prompt = record.prompt
    yield "gen_ai.operation.name", "chat"
    yield "gen_ai.provider.name", _OTEL_PROVIDERS.get(prompt.provider, prompt.provider)
    yield "gen_ai.request.model", prompt.model
    yield "gen_ai.request.temperature", prompt.temperature
    yield "gen_ai.request.top_p", prompt.top_p
    yield "gen_ai.request.max_tokens", _within_64_bits(prompt.max_completion_tokens or prompt.max_tokens)
    yield "gen_ai.request.stop_sequences", prompt.stop
    yield "gen_ai.request.reasoning.level", prompt.reasoning_effort
    yield "gen_ai.request.stream", True if record.run_id is not None else None
    yield "gen_ai.output.type", "json" if prompt.json_mode else "text"
    yield "gen_ai.input.messages", _json([_gen_ai_message(message) for message in prompt.messages])
    if prompt.tools:
        tools = [{"type": "function", **_tool(tool.name, tool.description, tool.parameters)} for tool in prompt.tools]
        yield "gen_ai.tool.definitions", _json(tools)


def _gen_ai_response(record: RunRecord) -> Iterator[Attribute]:
    completion = record.completion
    yield "error.type", None if record.error is None else type(record.error).__name__
    yield "gen_ai.response.time_to_first_chunk", record.time_to_first_token
    if completion is not None:
        yield "gen_ai.response.id", completion.id
        yield "gen_ai.response.model", completion.model
        if completion.finish_reason is not None:
            yield "gen_ai.response.finish_reasons", (completion.finish_reason,)
    parts = [*_reasoning_part(record.reasoning), *_text_part(record.text), *map(_call_part, record.tool_calls)]
    if parts:
        finish = {} if completion is None else {"finish_reason": completion.finish_reason}
        yield "gen_ai.output.messages", _json([{"role": "assistant", "parts": parts, **finish}])


def _open_inference(record: RunRecord) -> Iterator[Attribute]:
    prompt, completion = record.prompt, record.completion
    yield "openinference.span.kind", "LLM"
    yield "llm.provider", _OPENINFERENCE_PROVIDERS.get(prompt.provider, prompt.provider)
    yield "llm.model_name", prompt.model if completion is None else completion.model
    yield "llm.invocation_parameters", _json(_parameters(record))
    yield "llm.finish_reason", None if completion is None else completion.finish_reason
    for index, tool in enumerate(prompt.tools):
        schema = {"type": "function", "function": _tool(tool.name, tool.description, tool.parameters)}
        yield f"llm.tools.{index}.tool.json_schema", _json(schema)
    for index, message in enumerate(prompt.messages):
        yield from _flat(f"llm.input_messages.{index}.message", message)
    yield "input.mime_type", "application/json"
    yield "input.value", _json({"messages": [{"role": m.role, "content": m.content} for m in prompt.messages]})
    if record.text or record.tool_calls:
        answer = ChatMessage(role="assistant", content=record.text, tool_calls=record.tool_calls)
        yield from _flat("llm.output_messages.0.message", answer)
        yield "output.mime_type", "application/json" if prompt.json_mode else "text/plain"
        yield "output.value", record.text


def _tokens(record: RunRecord) -> Iterator[Attribute]:
    usage = record.usage
    yield "llm.cost.total", record.cost
    if usage is None:
        return
    yield "gen_ai.usage.input_tokens", usage.prompt_tokens
    yield "gen_ai.usage.output_tokens", usage.completion_tokens
    yield "gen_ai.usage.cache_read.input_tokens", usage.cache_read_tokens
    yield "gen_ai.usage.cache_write.input_tokens", usage.cache_write_tokens
    yield "gen_ai.usage.reasoning.output_tokens", usage.reasoning_tokens
    yield "llm.token_count.prompt", usage.prompt_tokens
    yield "llm.token_count.completion", usage.completion_tokens
    yield "llm.token_count.total", usage.total_tokens
    yield "llm.token_count.prompt_details.cache_read", usage.cache_read_tokens
    yield "llm.token_count.prompt_details.cache_write", usage.cache_write_tokens
    yield "llm.token_count.completion_details.reasoning", usage.reasoning_tokens


def _gen_ai_message(message: ChatMessage) -> dict[str, object]:
    if message.tool_call_id is not None:
        answer = {"type": "tool_call_response", "id": message.tool_call_id, "response": message.content}
        return {"role": message.role, "parts": [answer]}
    said = (*_text_part(message.content), *map(_image_part, message.images))
    return {"role": message.role, "parts": [*said, *map(_call_part, message.tool_calls)]}


def _text_part(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "content": text}] if text else []


def _reasoning_part(text: str) -> list[dict[str, str]]:
    return [{"type": "reasoning", "content": text}] if text else []


def _image_part(image: Image) -> dict[str, str | None]:
    if image.url is not None:
        return {"type": "uri", "modality": "image", "uri": image.url}
    return {"type": "blob", "modality": "image", "mime_type": image.media_type, "content": image.data}


def _call_part(call: ToolCall) -> dict[str, str]:
    return {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments}


def _flat(prefix: str, message: ChatMessage) -> Iterator[Attribute]:
    yield f"{prefix}.role", message.role
    yield f"{prefix}.content", message.content
    yield f"{prefix}.tool_call_id", message.tool_call_id
    for index, call in enumerate(message.tool_calls):
        yield f"{prefix}.tool_calls.{index}.tool_call.id", call.id
        yield f"{prefix}.tool_calls.{index}.tool_call.function.name", call.name
        yield f"{prefix}.tool_calls.{index}.tool_call.function.arguments", call.arguments


def _parameters(record: RunRecord) -> dict[str, object]:
    """The parameters of the prompt, without messages and tools, in the names of the REST contract."""
    prompt = record.prompt
    given = {
        "model": prompt.model,
        "temperature": prompt.temperature,
        "max_tokens": prompt.max_tokens,
        "top_p": prompt.top_p,
        "stop": prompt.stop,
        "reasoning_effort": prompt.reasoning_effort,
        "max_completion_tokens": prompt.max_completion_tokens,
        "json_mode": prompt.json_mode or None,
        "json_schema": prompt.json_schema,
    }
    return {name: value for name, value in given.items() if value is not None}


def _within_64_bits(number: int | None) -> int | None:
    return None if number is None else min(number, 2**63 - 1)


def _tool(name: str, description: str, parameters: object) -> dict[str, object]:
    return {"name": name, "description": description, "parameters": parameters}


def _json(value: object) -> str:
    """Serialise by the standard library, because a schema may hold integers that orjson refuses."""
    return well_formed(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
