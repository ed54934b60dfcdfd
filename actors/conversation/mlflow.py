"""MLflow: every attribute is JSON text; the arguments of the call and its answer are in two of them."""

from actors.conversation.answers import answers_in
from actors.conversation.form import Message, Tool
from actors.conversation.parameters import Parameters
from actors.conversation.request_body import Body, messages_in, parameters_in, tools_of_body
from actors.conversation.span import Convention, Span
from actors.conversation.tools import tools_in

_MODEL_CALLS = ("CHAT_MODEL", "LLM")


def _inputs(span: Span) -> list[Message]:
    return messages_in(_body(span))


def _outputs(span: Span) -> list[Message]:
    return answers_in(span.json("mlflow.spanOutputs")) if _is_call(span) else []


def _parameters(span: Span) -> Parameters:
    return parameters_in(_body(span))


def _tools(span: Span) -> tuple[Tool, ...]:
    return tools_of_body(_body(span)) or tools_in(span.json("mlflow.chat.tools"))


def _provider(span: Span) -> object:
    return span.json("mlflow.llm.provider")


def _model(span: Span) -> object:
    return _body(span).get("model") or span.json("mlflow.llm.model")


def _is_call(span: Span) -> bool:
    return span.json("mlflow.spanType") in _MODEL_CALLS


def _body(span: Span) -> Body:
    """The inputs of a model call; LangChain's are a list of messages, or a list of such lists."""
    inputs = span.json("mlflow.spanInputs") if _is_call(span) else None
    return {"messages": inputs} if isinstance(inputs, list) else inputs if isinstance(inputs, dict) else {}


MLFLOW = Convention(
    inputs=_inputs, outputs=_outputs, tools=_tools, parameters=_parameters, provider=_provider, model=_model
)
