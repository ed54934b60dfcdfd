"""Which spans of model calls have content: what was asked or answered, in whatever convention."""

import re
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.key_shapes import KeyShapes
from actors.span_store.columns.promoted import is_model_call
from actors.span_store.columns.types import AnyArray, Booleans, Texts, Untold

# Keys of OpenTelemetry's GenAI conventions, OpenInference, OpenLLMetry, Vercel, Langfuse, MLflow, LangSmith, Logfire,
# Pydantic AI, Google ADK and Junjo.
_CONTENT = re.compile(
    r"gen_ai\.(input|output)\.messages|gen_ai\.system_instructions"
    r"|gen_ai\.(prompt|completion)(\.[0-9].*)?|gen_ai\.content\..*"
    r"|llm\.(input|output)_messages(\..*)?|llm\.(prompts|completions)(\..*)?|(input|output)\.value"
    r"|ai\.prompt(\.messages)?|ai\.response\.(text|object|toolCalls|reasoning)|ai\.values?"
    r"|langfuse\.observation\.(input|output)|mlflow\.span(Inputs|Outputs)|traceloop\.entity\.(input|output)"
    r"|request_data|response_data|all_messages_events|pydantic_ai\.all_messages|events"
    r"|gcp\.vertex\.agent\.llm_(request|response)|embedding\.(text|embeddings)(\..*)?"
    r"|junjo\.agent\.model\.(input|output|messages|request|response).*"
)
_CONTENT_EVENT = '{"name":"gen_ai.'  # at the beginning of an event, as ``events_json`` has them
_LONGEST_KEY = 256  # that is remembered
_NOTHING: Untold = pa.scalar(None, pa.int32())


def is_content_key(key: str) -> bool:
    """Whether an attribute with this key is content."""
    return _remembered(key) if len(key) <= _LONGEST_KEY else _is_content_key(key)


def _is_content_key(key: str) -> bool:
    return _CONTENT.fullmatch(key) is not None


_remembered = lru_cache(maxsize=4096)(_is_content_key)


def has_content_event(events_json: Untold) -> Booleans:
    """Whether an event of each span is content."""
    return pc.match_substring(events_json, pattern=_CONTENT_EVENT)


def content_of_calls(keys: KeyShapes, events_json: Texts, types: Texts) -> AnyArray:
    """1 for spans of model calls with content, 0 for those without, null for other spans."""
    are_calls = is_model_call(types)
    if not pc.any(are_calls).as_py():
        return pa.nulls(len(types), pa.int32())
    said = pc.or_(keys.with_any(is_content_key), has_content_event(events_json))
    column: AnyArray = pc.if_else(are_calls, said.cast(pa.int32()), _NOTHING)
    return column
