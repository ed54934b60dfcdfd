"""Prompts that lost their end at the sender, which had a limit for the length of attributes."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

_PROMPTS = (
    "gen_ai.input.messages",
    "gen_ai.prompt",
    "gcp.vertex.agent.llm_request",
    "langfuse.observation.input",
    "events",
    "request_data",
    "mlflow.spanInputs",
    "ai.prompt.messages",
    "ai.prompt",
    "junjo.agent.model.request",
)
_REST: Final[Mapping[str, str]] = {
    "gen_ai.system_instructions": "the system instructions",
    "gen_ai.tool.definitions": "the tools",
    "llm.invocation_parameters": "the parameters",
    "langfuse.observation.model.parameters": "the parameters",
    "model_request_parameters": "the tools",
}
# What is left of a literal, a number or an escape that ends in its middle.
_HALF_TOKEN = re.compile(r"\s*|\\?u?[0-9a-fA-F]{0,4}|t(ru?)?|f(a|al|als)?|n(ul?)?|-?(I[a-z]*)?|Na?|\.|[eE][+-]?")


def cut_prompt(attributes: Mapping[str, Any]) -> str | None:
    """The name of the attribute that has the beginning of a prompt, if there is one."""
    return next((name for name in _PROMPTS if is_cut(attributes.get(name))), None)


def cut_rest(attributes: Mapping[str, Any]) -> list[str]:
    """What else of a request was cut, for people."""
    return [f"{what}: cut by the sender" for name, what in _REST.items() if is_cut(attributes.get(name))]


def is_cut(value: object) -> bool:
    """Whether a text is the beginning of a JSON array or object, without its end."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return False
    try:
        json.loads(value)
    except json.JSONDecodeError as fault:
        return fault.msg.startswith("Unterminated") or _ends_at(value, fault)
    except (RecursionError, ValueError):  # too deep, or a number of more digits than Python reads
        return False
    return False


def _ends_at(value: str, fault: json.JSONDecodeError) -> bool:
    return not fault.msg.startswith("Extra") and _HALF_TOKEN.fullmatch(value, fault.pos) is not None
