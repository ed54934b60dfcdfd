"""Junjo's attributes as columns of a span, from both generations of the SDK (contract, section 6).

An attribute leaves ``attributes_json`` only where a column of the same span shows it, so that nothing is lost: a state
on a node, an unknown span type and a value that is no string all stay.
"""

from typing import Any

import attrs
import orjson

from actors.workflows.graph_form import drawn_graph

# The front end refuses a page with any other.
_SPAN_TYPES = frozenset(("workflow", "subflow", "node", "run_concurrent"))
_WITH_STATE = frozenset(("workflow", "subflow"))


@attrs.frozen(kw_only=True)
class JunjoColumns:
    """Columns that the front end expects of any span, empty where the span has none. States are JSON of any shape."""

    id: str = ""
    runtime_id: str = ""  # under which its children name it as their parent
    parent_id: str = ""
    span_type: str = ""
    state_start: Any = attrs.field(factory=dict)
    state_end: Any = attrs.field(factory=dict)
    graph_structure: Any = attrs.field(factory=dict)
    store_id: str = ""


def junjo_columns(attributes: dict[str, Any]) -> tuple[dict[str, Any], JunjoColumns]:
    """Split attributes into those that remain and the columns."""
    remaining = dict(attributes)
    span_type = _take_span_type(remaining)
    runtime_id = _text(remaining, "junjo.executable_runtime_id")
    columns = JunjoColumns(
        id=_take_text(remaining, "junjo.id") or _name_in_graphs(remaining, span_type) or runtime_id,
        runtime_id=runtime_id,
        parent_id=_take_text(remaining, "junjo.parent_id") or _text(remaining, "junjo.parent_executable_runtime_id"),
        span_type=span_type,
    )
    if span_type in _WITH_STATE:
        columns = attrs.evolve(
            columns,
            state_start=_take_json(remaining, "junjo.workflow.state.start"),
            state_end=_take_json(remaining, "junjo.workflow.state.end"),
            graph_structure=_graph(remaining),
            store_id=_take_text(remaining, "junjo.workflow.store.id"),
        )
    return remaining, columns


def _name_in_graphs(attributes: dict[str, Any], span_type: str) -> str:
    """The name of a span in graphs, where it is not the span's own.

    Graphs of the newer SDK name a subflow by its definition, and everything else as its span does.
    """
    return _text(attributes, "junjo.executable_definition_id") if span_type == "subflow" else ""


def _text(attributes: dict[str, Any], name: str) -> str:
    value = attributes.get(name)
    return value if isinstance(value, str) else ""


def _take_text(attributes: dict[str, Any], name: str) -> str:
    text = _text(attributes, name)
    if isinstance(attributes.get(name), str):
        del attributes[name]
    return text


def _take_span_type(attributes: dict[str, Any]) -> str:
    return _take_text(attributes, "junjo.span_type") if _text(attributes, "junjo.span_type") in _SPAN_TYPES else ""


def _take_json(attributes: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - a state may have any shape
    """Take JSON text as JSON, other text as a JSON string. A null stays behind, because the front end wants none."""
    text = attributes.get(name)
    if not isinstance(text, str):
        return {}
    shown = _fragment(text)
    if shown is None:
        return {}
    del attributes[name]
    return shown


def _fragment(text: str) -> orjson.Fragment | str | None:
    """The text itself when it is JSON, so that no number in it changes; ``None`` for null."""
    try:
        return None if orjson.loads(text) is None else orjson.Fragment(text.strip())
    except orjson.JSONDecodeError:
        return text


def _graph(attributes: dict[str, Any]) -> Any:  # noqa: ANN401 - a graph may have any shape
    """The old SDK's graph as it came, else the new one's snapshot translated; the snapshot stays among the attributes.

    The translation is serialised here: one that is nested too deep would fail the whole page otherwise.
    """
    if "junjo.workflow.graph_structure" in attributes:
        return _take_json(attributes, "junjo.workflow.graph_structure")
    try:
        drawn = drawn_graph(orjson.loads(_text(attributes, "junjo.workflow.execution_graph_snapshot")))
        return orjson.Fragment(orjson.dumps(drawn or {}))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return {}
