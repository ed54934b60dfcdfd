"""Replay of a stored span as a prompt: every convention is tried, and the first with a value wins."""

from typing import Any, Final

import orjson

from actors.errors import Refused
from actors.playground.messages import Replay
from actors.playground.prompt import Prompt, SpanReference
from actors.playground.replay import (
    gen_ai,
    google_adk,
    junjo_agent,
    langfuse,
    langsmith,
    logfire,
    mlflow,
    open_inference,
    open_llmetry,
    pydantic_ai,
    vercel,
)
from actors.playground.replay.cut import cut_prompt, cut_rest
from actors.playground.replay.draft import Draft
from actors.playground.replay.fitting import fitting_model, fitting_parameters
from actors.span_store.columns.spans import StoredSpan

# A span may follow several conventions. Those with more details of a message come first.
_CONVENTIONS: Final = (
    junjo_agent,
    gen_ai,
    open_inference,
    open_llmetry,
    vercel,
    google_adk,
    pydantic_ai,
    langsmith,
    langfuse,
    mlflow,
    logfire,
)

_NONE = "This span holds no prompt"
_MOST_LOSSES = 100
_LONGEST_LOSS = 300  # characters


def replay_of(span: StoredSpan, *, any_openai_model: bool = False) -> Replay:
    """The prompt of this span, as ``/llm/generate`` takes it. ``Refused`` when no convention finds a message.

    ``any_openai_model`` says that the models of openai may have names of any form.
    """
    attributes: dict[str, Any] = orjson.loads(span.attributes_json)
    draft = _read(attributes, orjson.loads(span.events_json))
    if not draft.messages:
        cut = cut_prompt(attributes)
        raise Refused(f"The prompt of this span is cut: its sender ended {cut} early" if cut else _NONE)
    provider, model = fitting_model(draft, any_openai_model=any_openai_model)
    prompt = Prompt(
        provider=provider,
        model=model,
        messages=tuple(draft.messages),
        tools=tuple(draft.tools),
        json_mode=draft.json_mode,
        json_schema=draft.json_schema,
        replay_of=SpanReference(trace_id=span.trace_id, span_id=span.span_id),
        **fitting_parameters(draft),
    )
    return Replay(prompt=prompt, not_carried_over=_told(draft.lost))


def _read(attributes: dict[str, Any], events: list[dict[str, Any]]) -> Draft:
    """What the conventions say of a span together."""
    draft = Draft()
    for convention in _CONVENTIONS:
        if not draft.messages:
            convention.read_messages(attributes, events, draft)
        if not draft.tools:
            convention.read_tools(attributes, draft)
        convention.read_parameters(attributes, draft)
    draft.lost += cut_rest(attributes)
    return draft


def _told(lost: list[str]) -> tuple[str, ...]:
    """Each loss once, and not more than a person reads."""
    each = [text if len(text) <= _LONGEST_LOSS else text[: _LONGEST_LOSS - 1] + "…" for text in dict.fromkeys(lost)]
    more = len(each) - _MOST_LOSSES
    return tuple(each) if more <= 0 else (*each[:_MOST_LOSSES], f"and {more} more")
