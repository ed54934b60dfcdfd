"""Replay of a stored span as a prompt: what it said in, as a request that can be sent again."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from actors.conversation.cut import PROMPTS
from actors.conversation.form import Conversation, Message
from actors.conversation.json_values import DEEPEST, is_within, object_in
from actors.conversation.reading import conversation_of
from actors.errors import Refused
from actors.playground.messages import Replay
from actors.playground.prompt import Prompt, SpanReference, Tool
from actors.playground.replay.fitting import fitting_model, fitting_parameters
from actors.playground.replay.turns import turns_of
from actors.span_store.columns.spans import StoredSpan

_NONE = "This span holds no prompt"
_MOST_LOSSES = 100
_LONGEST_LOSS = 300  # characters
_CUT: Final[Mapping[str, str]] = {
    "gen_ai.system_instructions": "the system instructions",
    "gen_ai.tool.definitions": "the tools",
    "llm.invocation_parameters": "the parameters",
    "langfuse.observation.model.parameters": "the parameters",
    "model_request_parameters": "the tools",
}
_LIMIT = "max_completion_tokens"
_BODIES = ("llm.invocation_parameters", "request_data", "mlflow.spanInputs", "langfuse.observation.model.parameters")
_POLICY = "junjo.agent.model.request.mode"


def replay_of(span: StoredSpan, *, any_openai_model: bool = False, logs: Sequence[Mapping[str, Any]] = ()) -> Replay:
    """The prompt of this span, as ``/llm/generate`` takes it. ``Refused`` when nothing in it was said to a model.

    ``any_openai_model`` says that the models of openai may have names of any form; ``logs`` are its log records.
    """
    attributes: dict[str, Any] = orjson.loads(span.attributes_json)
    scope = orjson.loads(span.scope_json).get("name") or ""
    said = conversation_of(span.name, scope, attributes, orjson.loads(span.events_json), logs)
    turns = turns_of(_asked(said))
    if not turns.made:
        raise Refused(_NONE)
    lost = turns.lost
    provider, model = fitting_model(said, lost, any_openai_model=any_openai_model)
    prompt = Prompt(
        provider=provider,
        model=model,
        messages=tuple(turns.made),
        tools=_tools(said, lost),
        replay_of=SpanReference(trace_id=span.trace_id, span_id=span.span_id),
        **_parameters(said, attributes, lost),
    )
    lost += [f"{what}: cut by the sender" for name, what in _CUT.items() if name in said.cut]
    if (policy := attributes.get(_POLICY)) not in (None, "full"):
        lost.append(f"what junjo's {policy} recording left out")
    return Replay(prompt=prompt, not_carried_over=_told(lost))


def _asked(said: Conversation) -> list[Message]:
    """What was said to the model. The system alone asks nothing, unless a model was asked."""
    asked = [message for message in said.messages if message.side == "input"]
    speaking = [message for message in asked if message.parts]
    if any(message.role != "system" for message in speaking):
        return asked
    cut = next((name for name in PROMPTS if name in said.cut), None)
    if cut is None and speaking and said.model is not None:
        return asked
    raise Refused(f"The prompt of this span is cut: its sender ended {cut} early" if cut else _NONE)


def _parameters(said: Conversation, attributes: Mapping[str, Any], lost: list[str]) -> dict[str, Any]:
    """The parameters that fit. Requests have two limits of an answer, which are one word in a conversation."""
    found = fitting_parameters(said.parameters, lost)
    if "max_tokens" in found and any(object_in(attributes.get(name)).get(_LIMIT) is not None for name in _BODIES):
        found[_LIMIT] = found.pop("max_tokens")
    return found


def _tools(said: Conversation, lost: list[str]) -> tuple[Tool, ...]:
    """The functions on offer. A provider's own tools cannot be carried over, nor what is known by its name only."""
    found = []
    for tool in said.tools:
        if tool.description is None and tool.parameters is None:
            lost.append(f"tool {tool.name}")
            continue
        if tool.parameters is None or not is_within(tool.parameters, DEEPEST):
            lost.append(f"the parameters of tool {tool.name}")
        found.append(Tool(name=tool.name, description=tool.description or "", parameters=tool.parameters or {}))
    return tuple(found)


def _told(lost: list[str]) -> tuple[str, ...]:
    """Each loss once, and not more than a person reads."""
    each = [text if len(text) <= _LONGEST_LOSS else text[: _LONGEST_LOSS - 1] + "…" for text in dict.fromkeys(lost)]
    more = len(each) - _MOST_LOSSES
    return tuple(each) if more <= 0 else (*each[:_MOST_LOSSES], f"and {more} more")
