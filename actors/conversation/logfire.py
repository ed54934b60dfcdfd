"""Logfire: the body of the request to OpenAI or Anthropic in ``request_data``, the answer in ``response_data``.

For OpenAI's Agents it writes ``input`` and ``output``, and both together into the messages of ``request_data``.
"""

from actors.conversation.answers import answers_in
from actors.conversation.form import Message, Tool
from actors.conversation.parameters import Parameters
from actors.conversation.request_body import Body, messages_in, parameters_in, tools_of_body
from actors.conversation.span import Convention, Span

_OF_AGENTS = "logfire.openai_agents"


def _inputs(span: Span) -> list[Message]:
    request = _request(span)
    if span.scope == _OF_AGENTS and request:
        request = {**request, "messages": span.json("input")}
    return messages_in(request)


def _outputs(span: Span) -> list[Message]:
    if span.scope == _OF_AGENTS and _request(span):
        return answers_in(span.json("output"))
    return answers_in(span.object("response_data"))


def _parameters(span: Span) -> Parameters:
    return parameters_in(_request(span))


def _tools(span: Span) -> tuple[Tool, ...]:
    return tools_of_body(_request(span))


def _model(span: Span) -> object:
    return _request(span).get("model")


def _request(span: Span) -> Body:
    return span.object("request_data")


LOGFIRE = Convention(inputs=_inputs, outputs=_outputs, tools=_tools, parameters=_parameters, model=_model)
