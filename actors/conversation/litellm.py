"""LiteLLM's span of the raw request: ``llm.PROVIDER.MEMBER`` for each member of request and answer, as text."""

import re
from typing import Any

from actors.conversation.answers import answers_in
from actors.conversation.form import Message, Tool
from actors.conversation.parameters import Parameters
from actors.conversation.request_body import messages_in, parameters_in, tools_of_body
from actors.conversation.span import Convention, Span

_MEMBER = re.compile(r"llm\.[A-Za-z0-9_-]+\.([A-Za-z_]+)")
_OF_THE_ANSWER = frozenset(
    (
        *("id", "choices", "content", "created", "object", "role", "stop_reason", "stop_sequence", "usage", "output"),
        *("candidates", "service_tier", "system_fingerprint", "type", "data", "user"),
    )
)


def _inputs(span: Span) -> list[Message]:
    return messages_in(_request(span))


def _outputs(span: Span) -> list[Message]:
    return answers_in({name: value for name, value in _members(span).items() if name in _OF_THE_ANSWER})


def _parameters(span: Span) -> Parameters:
    return parameters_in(_request(span))


def _tools(span: Span) -> tuple[Tool, ...]:
    return tools_of_body(_request(span))


def _model(span: Span) -> object:
    return _members(span).get("model")


def _request(span: Span) -> dict[str, Any]:
    return {name: value for name, value in _members(span).items() if name not in _OF_THE_ANSWER}


def _members(span: Span) -> dict[str, Any]:
    if span.name != "raw_gen_ai_request":
        return {}
    found = {match[1]: name for name in span.attributes if (match := _MEMBER.fullmatch(name))}
    return {member: span.json(name) for member, name in found.items()}


LITELLM = Convention(inputs=_inputs, outputs=_outputs, tools=_tools, parameters=_parameters, model=_model)
