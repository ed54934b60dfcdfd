"""LangSmith: the inputs of a run in ``gen_ai.prompt``, its outputs in ``gen_ai.completion``: LangChain's, or a body."""

from typing import Any, Final

from actors.conversation import parameters
from actors.conversation.answers import answers_in
from actors.conversation.form import Message, Tool
from actors.conversation.parameters import Parameters
from actors.conversation.request_body import Body, messages_in, parameters_in, tools_of_body
from actors.conversation.span import Convention, Span

_METADATA: Final = {
    "langsmith.metadata.ls_temperature": "temperature",
    "langsmith.metadata.ls_max_tokens": "max_tokens",
}


def _inputs(span: Span) -> list[Message]:
    return messages_in(_body(span))


def _outputs(span: Span) -> list[Message]:
    answer: Any = span.json("gen_ai.completion") if _is_call(span) else None
    return [] if isinstance(answer, str) else answers_in(answer)


def _parameters(span: Span) -> Parameters:
    found = parameters_in(_body(span))
    for name, word in _METADATA.items():
        parameters.add(found, word, span.attributes.get(name))
    return found


def _tools(span: Span) -> tuple[Tool, ...]:
    return tools_of_body(_body(span))


def _model(span: Span) -> object:
    return _body(span).get("model")


def _body(span: Span) -> Body:
    """The inputs of a model call; chains and tools have inputs too, which are no prompts."""
    return span.object("gen_ai.prompt") if _is_call(span) else {}


def _is_call(span: Span) -> bool:
    return span.attributes.get("langsmith.span.kind", "llm") in ("llm", "LLM")


LANGSMITH = Convention(inputs=_inputs, outputs=_outputs, tools=_tools, parameters=_parameters, model=_model)
