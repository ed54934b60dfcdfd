"""Pydantic AI: the events of a call as one JSON text, and the tools among the parameters of the request.

Logfire writes calls of OpenAI's Responses as such events too.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.playground.replay.draft import Draft, objects
from actors.playground.replay.gen_ai import add_event
from actors.playground.replay.request_body import body_in

Attributes = Mapping[str, Any]

_REQUEST = "model_request_parameters"


def read_messages(attributes: Attributes, _: Sequence[Attributes], draft: Draft) -> None:
    for event in objects(attributes.get("events")):
        content = event.get("content")
        parts = [_part(part) for part in content] if isinstance(content, list) else content
        add_event(draft, event.get("event.name"), {**event, "content": parts})


def read_parameters(attributes: Attributes, draft: Draft) -> None:
    answer = body_in(attributes.get(_REQUEST)).get("output_object")
    if isinstance(answer, Mapping):
        draft.schema(answer.get("json_schema"))


def read_tools(attributes: Attributes, draft: Draft) -> None:
    request = body_in(attributes.get(_REQUEST))
    for tool in (*objects(request.get("function_tools")), *objects(request.get("output_tools"))):
        draft.tool(tool)


def _part(part: object) -> object:
    """A part under the name that others give to its kind."""
    if isinstance(part, Mapping) and "kind" in part and "type" not in part:
        return {**part, "type": part["kind"]}
    return part
