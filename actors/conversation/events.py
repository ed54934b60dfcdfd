"""GenAI content in events, on the span or as log records: one event for each message, or one with all the details."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from actors.conversation.bedrock import in_usual_form
from actors.conversation.form import Message, Role, Side
from actors.conversation.json_values import as_json, objects, text
from actors.conversation.messages import finish_word, message_of, role_of, said_by
from actors.conversation.span import Entry, Span, with_inner

Fields = Mapping[str, Any]

DETAILS = "gen_ai.client.inference.operation.details"
_ASKED = ("gen_ai.system.message", "gen_ai.user.message", "gen_ai.assistant.message", "gen_ai.tool.message")
_SPEAKER = re.compile(r"^(system|developer|user|assistant|tool): ", re.MULTILINE)
_ANSWERED = "gen_ai.choice"
_PROMPT, _COMPLETION = "gen_ai.content.prompt", "gen_ai.content.completion"


def details(span: Span) -> Iterator[Fields]:
    """The fields of all events that have the details of an operation."""
    for each in span.entries:
        yield from (entry.fields for entry in each if entry.name == DETAILS)


def messages_in(found: Sequence[Entry], side: Side) -> list[Message]:
    """The messages of one side in events, in their order."""
    read = _asked if side == "input" else _answered
    return [message for entry in found for message in read(entry)]


def from_fields(name: object, fields: Fields, side: Side) -> list[Message]:
    """The messages of an event that stands in an attribute, with its name beside its fields."""
    return messages_in([Entry(text(name), with_inner(fields))], side)


def _asked(entry: Entry) -> list[Message]:
    fields = entry.fields
    if entry.name == _PROMPT:
        given = fields.get("gen_ai.prompt")
        return [message_of(message, "input") for message in objects(given)] or _text("user", "input", given)
    if entry.name not in _ASKED:
        return []
    role = entry.name.split(".")[1]
    answered = fields.get("id") if role == "tool" else None
    calls = objects(fields.get("tool_calls"))
    content = _content(fields.get("content"))
    return [
        message_of({"role": role, "tool_call_id": answered, **fields, "content": content, "tool_calls": calls}, "input")
    ]


def _content(content: object) -> object:
    """A content as parts, which Bedrock's have no types for, and Google's stand in an object."""
    made = in_usual_form(content)
    parts = made.get("parts") if isinstance(made, Mapping) else None
    return parts if isinstance(parts, list) else made


def _text(role: Role, side: Side, given: object) -> list[Message]:
    """A prompt or an answer that is a text alone, as OpenLIT writes them: a role before each message, if any."""
    if not isinstance(given, str) or given.startswith(("[", "{")):
        return []
    first, *told = _SPEAKER.split(given)
    if first or not told:
        return said_by(role, side, given)
    return [message for who, what in zip(told[::2], told[1::2], strict=True) for message in _said(who, side, what)]


def _said(who: str, side: Side, what: str) -> list[Message]:
    return said_by(role_of(who, side), side, what.removesuffix("\n"))


def _answered(entry: Entry) -> list[Message]:
    fields = entry.fields
    if entry.name == _COMPLETION:
        answers = objects(fields.get("gen_ai.completion"))
        said = [message_of({"role": "assistant", **each}, "output") for each in answers]
        return said or _text("assistant", "output", fields.get("gen_ai.completion"))
    if entry.name != _ANSWERED:
        return []
    said = as_json(fields.get("message"))
    if isinstance(said, Mapping):
        held = {"role": "assistant", **said, "content": _content(said.get("content"))}
    else:
        held = {"role": "assistant", **fields, "content": _content(fields.get("message", fields.get("content")))}
    message = message_of(held, "output")
    finish = finish_word(fields.get("finish_reason")) or message.finish_reason
    results = in_usual_form(fields.get("tool.result"))  # Strands: those of the calls, beside them
    beside = [message_of({"role": "tool", "content": results}, "output")] if results else []
    return [attrs.evolve(message, finish_reason=finish), *beside]
