"""The Vercel AI SDK's attributes: ``ai.prompt.messages`` on provider calls, ``ai.prompt`` on their parent spans."""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.playground.replay.draft import Draft, as_json, objects
from actors.playground.replay.parts import add_message

Attributes = Mapping[str, Any]

_SETTINGS = "ai.settings."
_PARAMETERS = {
    "temperature": "temperature",
    "topP": "top_p",
    "maxTokens": "max_tokens",
    "maxOutputTokens": "max_tokens",
    "stopSequences": "stop",
}
_NO_PARAMETERS = frozenset(("maxRetries", "maxSteps", "context", "output"))


def read_messages(attributes: Attributes, _: Sequence[Attributes], draft: Draft) -> None:
    messages = objects(attributes.get("ai.prompt.messages"))
    if not messages:
        messages = _outer_messages(as_json(attributes.get("ai.prompt")))
    for message in messages:
        add_message(draft, message)


def read_parameters(attributes: Attributes, draft: Draft) -> None:
    draft.provider = draft.provider or attributes.get("ai.model.provider")
    draft.model = draft.model or attributes.get("ai.model.id") or attributes.get("ai.response.model")
    for name, value in attributes.items():
        if name.startswith(_SETTINGS):
            setting = name[len(_SETTINGS) :]
            if setting in _PARAMETERS:
                draft.parameter(_PARAMETERS[setting], value)
            elif setting not in _NO_PARAMETERS:
                draft.lost.append(f"parameter {setting}")
    draft.schema(attributes.get("ai.schema"))


def read_tools(attributes: Attributes, draft: Draft) -> None:
    tools = as_json(attributes.get("ai.prompt.tools"))
    for tool in tools if isinstance(tools, list) else ():
        draft.tool(tool)


def _outer_messages(prompt: object) -> list[dict[str, Any]]:
    """Messages of ``{system?, prompt? or messages?}``; a prompt may be a list of messages too."""
    if not isinstance(prompt, dict):
        return []
    messages = objects(prompt.get("messages")) or objects(prompt.get("prompt"))
    if not messages and isinstance(prompt.get("prompt"), str):
        messages = [{"role": "user", "content": prompt["prompt"]}]
    system = prompt.get("system")
    return [{"role": "system", "content": system}, *messages] if system else messages
