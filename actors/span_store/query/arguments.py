"""What a tool was called with, as far as filters look into it: members of objects, wherever they stand in JSON text.

Libraries wrap arguments in objects of their own, and write JSON into JSON, so a member is looked for at every depth.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import orjson

from actors.span_store.query.text.needle import Needle

TOOL = "tool"  # the type of spans that have arguments
# Attributes that may have them, of all conventions.
ATTRIBUTES = (
    *("gen_ai.tool.call.arguments", "ai.toolCall.args", "ai.toolCall.input", "junjo.agent.tool.arguments"),
    *("junjo.agent.tool.requested_arguments", "gcp.vertex.agent.tool_call_args", "tool_arguments", "input.value"),
    *("mlflow.spanInputs", "langfuse.observation.input", "traceloop.entity.input", "haystack.agent.step.tool.input"),
    *("gen_ai.prompt", "gen_ai.task.input", "input"),
)
# Attributes of events that may have them, as Strands writes them.
EVENT_ATTRIBUTES = ("content", "gen_ai.input.messages")
_MOST_CHARACTERS = 64 * 1024  # of a text that is looked into
_MOST_DECODED = 4  # times that JSON text stands in JSON text
_BEGINS_AS_JSON = re.compile(r"\s*[\[{]")


@attrs.frozen
class Path:
    """The key of a member: a name, or names with dots between them."""

    key: str
    _names: tuple[str, ...] = attrs.field(init=False)
    needles: tuple[Needle, ...] = attrs.field(init=False, eq=False)  # all are said by a text that has the member

    def __attrs_post_init__(self) -> None:
        names = tuple(self.key.split("."))
        object.__setattr__(self, "_names", names)
        object.__setattr__(self, "needles", tuple(Needle(name) for name in names if name))

    def values_in(self, text: str) -> Iterator[Any]:
        """What members with this key say in a text; nothing if it is no JSON or too long."""
        if len(text) > _MOST_CHARACTERS:
            return
        pending: list[tuple[Any, int]] = [(text, 0)]
        while pending:
            value, decoded = pending.pop()
            if isinstance(value, str):
                if decoded < _MOST_DECODED and _BEGINS_AS_JSON.match(value):
                    pending.append((_json(value), decoded + 1))
                continue
            inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
            pending += [(each, decoded) for each in inner if isinstance(each, str | dict | list)]
            if isinstance(value, Mapping):
                yield from self._members(value)

    def _members(self, value: Mapping[str, Any]) -> Iterator[Any]:
        found = [value.get(self.key)]
        if len(self._names) > 1:
            found.append(self._at_path(value))
        yield from (each for each in found if each is not None)

    def _at_path(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        for name in self._names:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value


def _json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """``None`` for a text that is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
