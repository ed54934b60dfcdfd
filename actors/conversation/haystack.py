"""Haystack: what went into a component and what came out, one JSON text each; a generator's are messages."""

from actors.conversation.answers import answers_in
from actors.conversation.form import Message
from actors.conversation.json_values import first
from actors.conversation.request_body import messages_in
from actors.conversation.span import Convention, Span

_INPUT, _OUTPUT = "haystack.component.input", "haystack.component.output"


def _inputs(span: Span) -> list[Message]:
    return messages_in({"messages": span.object(_INPUT).get("messages")})


def _outputs(span: Span) -> list[Message]:
    """The replies of a generator, or the last message of an agent."""
    replies = first(span.object(_OUTPUT), "replies", "last_message")
    return answers_in(replies if isinstance(replies, list) else [replies])


HAYSTACK = Convention(inputs=_inputs, outputs=_outputs)
