"""Reading of a span: every convention is asked, and of each thing the first answer with something in it counts."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from actors.conversation.cut import ANSWERS, OTHERS, PROMPTS, is_cut
from actors.conversation.form import Conversation, Message, Side
from actors.conversation.gen_ai import GEN_AI, with_instructions
from actors.conversation.google_adk import GOOGLE_ADK
from actors.conversation.haystack import HAYSTACK
from actors.conversation.json_values import some_text, text
from actors.conversation.junjo_agent import JUNJO_AGENT
from actors.conversation.langfuse import LANGFUSE
from actors.conversation.langsmith import LANGSMITH
from actors.conversation.litellm import LITELLM
from actors.conversation.logfire import LOGFIRE
from actors.conversation.messages import finish_word, named
from actors.conversation.mlflow import MLFLOW
from actors.conversation.open_inference import OPEN_INFERENCE
from actors.conversation.open_llmetry import OPEN_LLMETRY
from actors.conversation.own_values import own_value
from actors.conversation.parameters import Parameters, add_all
from actors.conversation.pydantic_ai import PYDANTIC_AI
from actors.conversation.span import Convention, Span
from actors.conversation.vercel import VERCEL
from actors.span_store.columns.model_names import model_name

# A span may follow several conventions. Those with more details of a message come first.
_CONVENTIONS: Final = (
    *(JUNJO_AGENT, GEN_AI, OPEN_INFERENCE, OPEN_LLMETRY, VERCEL, GOOGLE_ADK, PYDANTIC_AI),
    *(LANGSMITH, LANGFUSE, MLFLOW, LOGFIRE, LITELLM, HAYSTACK),
)
_FINISH_REASONS = (
    *("gen_ai.response.finish_reasons", "gen_ai.response.finish_reason", "llm.finish_reason"),
    *("ai.response.finishReason", "anthropic.message.stop_reason", "langfuse.observation.metadata.finish_reason"),
    "gen_ai.completion.0.finish_reason",
)


def conversation_of(
    name: str,
    scope: str,
    attributes: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    logs: Sequence[Mapping[str, Any]] = (),
) -> Conversation:
    """What a span said, by its name, the name of its scope, its attributes, its events and its log records.

    Events are ``{"name", "attributes"}``, log records ``{"event_name", "body", "attributes"}``; other members are not
    looked at. Any value of any shape is taken; the time is linear in what was recorded.
    """
    span = Span(name, scope, attributes, _mappings(events), _mappings(logs))
    return attrs.evolve(
        _said(span),
        tools=_first(lambda convention: convention.tools(span)) or (),
        parameters=_parameters(span),
        provider=some_text(text(_first(lambda convention: convention.provider(span)))),
        model=model_name(text(_first(lambda convention: convention.model(span)))),
        cut=_cut(span, (*PROMPTS, *OTHERS, *ANSWERS)),
    )


def said_in(name: str, scope: str, attributes: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> Conversation:
    """Messages and values alone of ``conversation_of``, in half the time: for lists, which have many spans."""
    return _said(Span(name, scope, attributes, _mappings(events), ()))


def _said(span: Span) -> Conversation:
    asked, answered = [], []
    if not span.is_tool:
        asked, answered = with_instructions(span, _side(span, "input")), _finished(span, _side(span, "output"))
    given, made = _value(span, asked, "input"), _value(span, answered, "output")
    return Conversation(messages=(*_kept(asked, given), *_kept(answered, made)), input=given, output=made)


def _side(span: Span, side: Side) -> list[Message]:
    """The messages of the first convention that has some with parts, else of the first that has any."""
    empty: list[Message] = []
    for convention in _CONVENTIONS:
        found = convention.inputs(span) if side == "input" else convention.outputs(span)
        if _say(found):
            return named(found)
        empty = empty or found
    return empty


def _value(span: Span, messages: list[Message], side: Side) -> Any:  # noqa: ANN401 - any JSON value
    """What a side says that has no messages: its value, or the beginning of messages that were cut."""
    if _say(message for message in messages if message.role != "system"):
        return None
    value = own_value(span, side)
    if value is not None:
        return value
    cut = _cut(span, PROMPTS if side == "input" else ANSWERS)
    return span.attributes[cut[0]] if cut else None


def _kept(messages: list[Message], value: object) -> Iterator[Message]:
    """Messages of which nothing was recorded tell that they were there, unless something else tells more."""
    return (message for message in messages if message.parts or value is None)


def _say(messages: Iterable[Message]) -> bool:
    return any(message.parts for message in messages)


def _first(read: Callable[[Convention], Any]) -> Any:  # noqa: ANN401 - what the reader returns
    return next((found for convention in _CONVENTIONS if (found := read(convention))), None)


def _parameters(span: Span) -> Parameters:
    found: Parameters = {}
    for convention in _CONVENTIONS:
        add_all(found, convention.parameters(span))
    return found


def _cut(span: Span, names: Iterable[str]) -> tuple[str, ...]:
    unread = (name for name in names if isinstance(span.json(name), str))
    return tuple(name for name in unread if is_cut(span.attributes[name]))


def _finished(span: Span, outputs: list[Message]) -> list[Message]:
    """Answers with their finish reasons, where these stand beside them: one for each answer, or one for the last."""
    made = span.json(next((key for key in _FINISH_REASONS if span.attributes.get(key)), ""))
    reasons = [finish_word(reason) for reason in (made if isinstance(made, list) else [made])]
    answers = [index for index, message in enumerate(outputs) if message.role == "assistant"]
    given = dict(zip(answers if len(reasons) >= len(answers) else answers[-1:], reasons, strict=False))
    return [
        attrs.evolve(message, finish_reason=message.finish_reason or given.get(index))
        for index, message in enumerate(outputs)
    ]


def _mappings(items: object) -> list[Mapping[str, Any]]:
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list | tuple) else []
