"""The Vercel AI SDK's attributes: ``ai.prompt.messages`` on provider calls, ``ai.prompt`` on their parent spans."""

from collections.abc import Mapping

from actors.conversation import parameters
from actors.conversation.form import Message, Tool
from actors.conversation.json_values import objects, text
from actors.conversation.messages import message_of, said_by
from actors.conversation.parameters import Parameters
from actors.conversation.span import Convention, Span
from actors.conversation.tools import tools_in

_SETTINGS = "ai.settings."
_NO_PARAMETERS = frozenset(("maxRetries", "maxSteps", "context", "output"))


def _inputs(span: Span) -> list[Message]:
    messages = span.objects("ai.prompt.messages")
    return [message_of(message, "input") for message in messages] if messages else _outer(span.json("ai.prompt"))


def _outer(prompt: object) -> list[Message]:
    """Messages of ``{system?, prompt? or messages?}``; a prompt may be a list of messages too."""
    if not isinstance(prompt, Mapping):
        return []
    given = objects(prompt.get("messages")) or objects(prompt.get("prompt"))
    messages = [message_of(message, "input") for message in given]
    if not messages and isinstance(prompt.get("prompt"), str):
        messages = said_by("user", "input", prompt["prompt"])
    return [*said_by("system", "input", prompt.get("system")), *messages]


def _outputs(span: Span) -> list[Message]:
    """The answer of a call, whose parts are attributes of their own. An object that was asked for is its JSON text."""
    said = span.first("ai.response.text", "ai.result.text")
    if said is None:
        made = span.first("ai.response.object", "ai.result.object")
        said = made if made is None else text(made)
    message = message_of(
        {
            "role": "assistant",
            "reasoning_content": span.first("ai.response.reasoning"),
            "content": [part for part in (said, *span.objects("ai.response.files")) if part is not None],
            "tool_calls": span.objects("ai.response.toolCalls") or span.objects("ai.result.toolCalls"),
            "finish_reason": span.first("ai.response.finishReason", "ai.finishReason"),
        },
        "output",
    )
    return [message] if message.parts else []


def _tools(span: Span) -> tuple[Tool, ...]:
    return tools_in(span.json("ai.prompt.tools"))


def _parameters(span: Span) -> Parameters:
    found: Parameters = {}
    for name, value in span.attributes.items():
        if name.startswith(_SETTINGS) and name[len(_SETTINGS) :] not in _NO_PARAMETERS:
            parameters.add(found, name[len(_SETTINGS) :], value)
    parameters.add(found, "tool_choice", span.json("ai.prompt.toolChoice"))
    parameters.add_schema(found, span.json("ai.schema"))
    return found


def _provider(span: Span) -> object:
    return span.first("ai.model.provider")


def _model(span: Span) -> object:
    return span.first("ai.model.id", "ai.response.model")


VERCEL = Convention(
    inputs=_inputs, outputs=_outputs, tools=_tools, parameters=_parameters, provider=_provider, model=_model
)
