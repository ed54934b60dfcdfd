"""LangSmith: the inputs of a run in ``gen_ai.prompt``, LangChain's or those of a traced function."""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.playground.replay.draft import Draft
from actors.playground.replay.request_body import Body, add_body, add_parameters, add_tools, body_in

Attributes = Mapping[str, Any]

_METADATA = {
    "langsmith.metadata.ls_temperature": "temperature",
    "langsmith.metadata.ls_max_tokens": "max_tokens",
}


def read_messages(attributes: Attributes, _: Sequence[Attributes], draft: Draft) -> None:
    add_body(draft, _inputs(attributes))


def read_parameters(attributes: Attributes, draft: Draft) -> None:
    add_parameters(draft, _inputs(attributes))
    for name, parameter in _METADATA.items():
        draft.parameter(parameter, attributes.get(name))


def read_tools(attributes: Attributes, draft: Draft) -> None:
    add_tools(draft, _inputs(attributes))


def _inputs(attributes: Attributes) -> Body:
    """The inputs of a model call; chains and tools have inputs too, which are no prompts."""
    kind = attributes.get("langsmith.span.kind", "llm")
    return body_in(attributes.get("gen_ai.prompt")) if kind == "llm" else {}
