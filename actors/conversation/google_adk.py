"""Google ADK: request and answer of the model, each one JSON text, by the names of Gemini's Python SDK."""

from collections.abc import Mapping
from typing import Any

from actors.conversation import google
from actors.conversation.form import Message, Tool
from actors.conversation.json_values import object_in
from actors.conversation.parameters import Parameters
from actors.conversation.span import Convention, Span


def _inputs(span: Span) -> list[Message]:
    return google.messages_in(_request(span))


def _outputs(span: Span) -> list[Message]:
    answer = span.object("gcp.vertex.agent.llm_response")
    return google.answer_of(answer) or google.answers_in(answer)


def _parameters(span: Span) -> Parameters:
    return google.parameters_in(object_in(_request(span).get("config")))


def _tools(span: Span) -> tuple[Tool, ...]:
    return google.tools_in_config(_request(span))


def _model(span: Span) -> object:
    return _request(span).get("model")


def _request(span: Span) -> Mapping[str, Any]:
    return span.object("gcp.vertex.agent.llm_request")


GOOGLE_ADK = Convention(inputs=_inputs, outputs=_outputs, tools=_tools, parameters=_parameters, model=_model)
