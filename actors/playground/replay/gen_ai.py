"""OpenTelemetry's GenAI conventions, in their present names and those before v1.37.

Messages are attributes, JSON text or structured; before that they were events of the span, one for each message.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.playground.replay.bedrock import in_usual_form
from actors.playground.replay.cut import is_cut
from actors.playground.replay.draft import Draft, as_json, objects
from actors.playground.replay.parts import add_message

Attributes = Mapping[str, Any]

_REQUEST = "gen_ai.request."
_PARAMETERS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_tokens",
    "stop_sequences": "stop",
    "reasoning.level": "reasoning_effort",
}
_NO_PARAMETERS = frozenset(("model", "stream", "is_streaming"))
_PROMPT_EVENTS = ("gen_ai.system.message", "gen_ai.user.message", "gen_ai.assistant.message", "gen_ai.tool.message")


def read_messages(attributes: Attributes, events: Sequence[Attributes], draft: Draft) -> None:
    messages = objects(attributes.get("gen_ai.input.messages")) or objects(attributes.get("gen_ai.prompt"))
    if messages:
        _instructions(attributes, draft)
        for message in messages:
            add_message(draft, message)
    else:
        _events(events, draft)


def read_parameters(attributes: Attributes, draft: Draft) -> None:
    draft.provider = draft.provider or attributes.get("gen_ai.provider.name") or attributes.get("gen_ai.system")
    draft.model = draft.model or attributes.get(f"{_REQUEST}model") or attributes.get("gen_ai.response.model")
    for name, value in attributes.items():
        if name.startswith(_REQUEST):
            _parameter(name[len(_REQUEST) :], value, draft)
    if attributes.get("gen_ai.output.type") == "json":
        draft.json_mode = True


def read_tools(attributes: Attributes, draft: Draft) -> None:
    for tool in objects(attributes.get("gen_ai.tool.definitions")):
        draft.tool(tool)


def add_event(draft: Draft, name: object, fields: Attributes) -> None:
    """Add the message of an event, if it is of the prompt."""
    if name == "gen_ai.content.prompt":
        for message in objects(fields.get("gen_ai.prompt")):
            add_message(draft, message)
    elif name == "gen_ai.client.inference.operation.details":
        read_messages(fields, (), draft)
    elif name in _PROMPT_EVENTS:
        role = str(name).split(".")[1]
        answered = fields.get("id") if role == "tool" else None
        content = in_usual_form(fields.get("content"))
        calls = objects(fields.get("tool_calls"))
        message = {"role": role, "tool_call_id": answered, **fields, "content": content, "tool_calls": calls}
        add_message(draft, message)


def _instructions(attributes: Attributes, draft: Draft) -> None:
    instructions = as_json(attributes.get("gen_ai.system_instructions"))
    if instructions and not is_cut(instructions):
        add_message(draft, {"role": "system", "parts": instructions})


def _parameter(name: str, value: object, draft: Draft) -> None:
    if name in _PARAMETERS:
        draft.parameter(_PARAMETERS[name], value)
    elif name not in _NO_PARAMETERS:
        draft.lost.append(f"parameter {name}")


def _events(events: Sequence[Attributes], draft: Draft) -> None:
    for event in events:
        fields = event.get("attributes")
        add_event(draft, event.get("name"), fields if isinstance(fields, Mapping) else {})
