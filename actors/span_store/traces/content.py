"""Which spans of model calls have content: what was asked or answered, in whatever convention."""

import re

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.attribute_column import KEYS
from actors.span_store.columns.types import Untold

COLUMNS = ("span_id", KEYS, "events_json")
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


def with_content(spans: pa.Table) -> set[str]:
    """The ids of those that have any. ``spans`` have ``COLUMNS``."""
    ids: Untold = spans["span_id"].to_pylist()
    said = pc.match_substring(spans["events_json"], pattern=_CONTENT_EVENT).to_pylist()
    rows = {row for row, has_event in enumerate(said) if has_event}
    first = 0
    for chunk in spans[KEYS].chunks:
        rows |= {first + row for row in _rows_with_content(chunk)}
        first += len(chunk)
    return {ids[row] for row in rows}


def _rows_with_content(lists: Untold) -> list[int]:
    keys: Untold = lists.flatten()
    different = keys.unique().to_pylist()
    wanted = pa.array([key for key in different if _CONTENT.fullmatch(key)], pa.string())
    parents: Untold = pc.list_parent_indices(lists)
    rows = parents.filter(pc.is_in(keys, value_set=wanted)).unique()
    found: list[int] = rows.to_pylist()
    return found
