"""Content that lost its end at the sender, which had a limit for the length of attributes."""

import json
import re
from typing import Final

PROMPTS: Final = (
    *("gen_ai.input.messages", "gen_ai.prompt", "gcp.vertex.agent.llm_request", "langfuse.observation.input"),
    *("events", "request_data", "mlflow.spanInputs", "ai.prompt.messages", "ai.prompt", "junjo.agent.model.request"),
)
OTHERS: Final = (
    *("gen_ai.system_instructions", "gen_ai.tool.definitions", "llm.invocation_parameters"),
    *("langfuse.observation.model.parameters", "model_request_parameters"),
)
ANSWERS: Final = (
    *("gen_ai.output.messages", "gen_ai.completion", "gcp.vertex.agent.llm_response", "langfuse.observation.output"),
    *("response_data", "mlflow.spanOutputs", "ai.response.toolCalls", "junjo.agent.model.response"),
)
# What is left of a literal, a number or an escape that ends in its middle.
_HALF_TOKEN = re.compile(r"\s*|\\?u?[0-9a-fA-F]{0,4}|t(ru?)?|f(a|al|als)?|n(ul?)?|-?(I[a-z]*)?|Na?|\.|[eE][+-]?")


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
