"""MLflow: every attribute is JSON text, and the arguments of the call are in ``mlflow.spanInputs``."""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.playground.replay.draft import Draft, as_json
from actors.playground.replay.request_body import Body, add_body, add_parameters, add_tools, body_in

Attributes = Mapping[str, Any]

_MODEL_CALLS = ("CHAT_MODEL", "LLM")


def read_messages(attributes: Attributes, _: Sequence[Attributes], draft: Draft) -> None:
    add_body(draft, _inputs(attributes))


def read_parameters(attributes: Attributes, draft: Draft) -> None:
    draft.provider = draft.provider or as_json(attributes.get("mlflow.llm.provider"))
    add_parameters(draft, _inputs(attributes))
    draft.model = draft.model or as_json(attributes.get("mlflow.llm.model"))


def read_tools(attributes: Attributes, draft: Draft) -> None:
    add_tools(draft, _inputs(attributes))


def _inputs(attributes: Attributes) -> Body:
    """The inputs of a model call; LangChain's are a list of messages, or a list of such lists."""
    if as_json(attributes.get("mlflow.spanType")) not in _MODEL_CALLS:
        return {}
    inputs = as_json(attributes.get("mlflow.spanInputs"))
    return {"messages": inputs} if isinstance(inputs, list) else body_in(inputs)
