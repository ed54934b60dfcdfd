"""What a span without messages says of itself: a tool's arguments and result, the values of a chain."""

from collections.abc import Mapping
from typing import Any, Final

from actors.conversation import events
from actors.conversation.form import Side, ToolCall, ToolResult
from actors.conversation.json_values import as_json, as_said, objects, plain, unflattened
from actors.conversation.langchain import usual
from actors.conversation.messages import message_of
from actors.conversation.parts import parts_of, result_value
from actors.conversation.span import Span

# The first that has a value. Those of a tool stand before those of any span.
_KEYS: Final[Mapping[Side, tuple[str, ...]]] = {
    "input": (
        *("gen_ai.tool.call.arguments", "ai.toolCall.args", "ai.toolCall.input", "junjo.agent.tool.arguments"),
        *("junjo.agent.tool.requested_arguments", "gcp.vertex.agent.tool_call_args", "tool_arguments"),
        *("input.value", "mlflow.spanInputs", "langfuse.observation.input", "traceloop.entity.input"),
        *("gen_ai.task.input", "gen_ai.prompt", "ai.prompt", "ai.values", "ai.value", "junjo.agent.input"),
        *("junjo.workflow.state.start", "gcp.vertex.agent.data", "haystack.component.input", "tool.parameters"),
        "input",
    ),
    "output": (
        *("gen_ai.tool.call.result", "ai.toolCall.result", "ai.toolCall.output", "junjo.agent.tool.result"),
        *("gcp.vertex.agent.tool_response", "tool_response"),
        *("output.value", "mlflow.spanOutputs", "langfuse.observation.output", "traceloop.entity.output"),
        *("gen_ai.task.output", "gen_ai.completion", "final_result", "junjo.agent.output"),
        *("junjo.workflow.state.end", "haystack.component.output", "output"),
    ),
}
# OpenInference's lists that stand beside values: what was embedded, and what was found.
_LISTS: Final[Mapping[Side, tuple[str, str]]] = {
    "input": ("embedding.embeddings.", "embedding."),
    "output": ("retrieval.documents.", "document."),
}
_ALWAYS_JSON = ("mlflow.", "ai.toolCall.", "ai.value", "junjo.")
# LangChain's callbacks put values into an object with more of their own around them.
_WRAPPERS = (("inputs", "kwargs"), ("outputs", "kwargs"), ("output", "kwargs"))


def own_value(span: Span, side: Side) -> Any:  # noqa: ANN401 - any JSON value
    """The value of a side; ``None`` if there is none."""
    for key in _KEYS[side]:
        given = span.attributes.get(key)
        if given is not None and given != "":
            return _unwrapped(_value(key, given, span), is_tool=span.is_tool)
    if span.is_tool:
        return _in_events(span, side)
    return _listed(span, *_LISTS[side])


def _listed(span: Span, prefix: str, of_each: str) -> Any:  # noqa: ANN401 - any JSON value
    found = [
        {name.removeprefix(of_each): as_said(value) for name, value in flat.items() if not name.endswith("vector")}
        for flat in unflattened(span.attributes, prefix)
    ]
    return found or None


def _value(key: str, given: object, span: Span) -> object:
    if key.startswith(_ALWAYS_JSON):
        made = as_json(given)
        return [as_json(item) for item in made] if key == "ai.values" and isinstance(made, list) else made
    if span.attributes.get(f"{key.partition('.')[0]}.mime_type") == "text/plain" and key.endswith(".value"):
        return given
    return as_said(given)


def _unwrapped(value: object, *, is_tool: bool) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        for name, beside in _WRAPPERS:
            if name in value and (beside in value or (is_tool and len(value) == 1)):
                return _unwrapped(value[name], is_tool=is_tool)
        if is_tool and usual(value) is not value:
            results = [part.result for part in message_of(value, "output").parts if isinstance(part, ToolResult)]
            return results[0] if results else plain(value)
    value = result_value(value) if is_tool else value
    return plain(value)


def _in_events(span: Span, side: Side) -> Any:  # noqa: ANN401 - any JSON value
    """Strands: the arguments of a tool as a message to it, and its result as what was chosen."""
    for entry in (entry for found in span.entries for entry in found):
        if side == "input" and entry.name == "gen_ai.tool.message":
            return as_said(entry.fields.get("content"))
        if side == "output" and entry.name == "gen_ai.choice":
            return _result(as_json(entry.fields.get("message")))
    for fields in events.details(span):
        for message in objects(fields.get(f"gen_ai.{side}.messages")):
            for part in parts_of(message.get("parts")):
                if isinstance(part, ToolCall):
                    return part.arguments
                if isinstance(part, ToolResult):
                    return part.result
    return None


def _result(said: object) -> Any:  # noqa: ANN401 - any JSON value
    """One text as that text, anything else as it is."""
    made = message_of({"role": "tool", "content": said}, "output").parts
    return made[0].result if len(made) == 1 and isinstance(made[0], ToolResult) else plain(said)
