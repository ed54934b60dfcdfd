"""The line of a span's input and that of its output, where its conversation is read."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import attrs
import orjson
import pyarrow as pa

from actors.conversation.preview import previews
from actors.conversation.reading import said_in
from actors.span_store.columns.attribute_column import STORED, json_objects

# Input and output, at most 200 characters each.
Preview: TypeAlias = tuple[str | None, str | None]
NOTHING: Preview = (None, None)


@attrs.frozen
class Previews:
    """How they are made: ``read`` gives one for each span of a table that has ``columns``."""

    columns: tuple[str, ...]  # none: nothing is read, and no span has a preview
    read: Callable[[pa.Table], Iterable[Preview]]


def _read(spans: pa.Table) -> Iterable[Preview]:
    """Of what attributes and events say; log records are read with the details of a span only."""
    texts: list[list[Any]] = [spans[name].to_pylist() for name in ("name", "scope_json", "events_json")]
    for name, scope, events, attributes in zip(*texts, json_objects(spans[STORED]), strict=True):
        scope_name = orjson.loads(scope).get("name") or ""
        yield previews(said_in(name, scope_name, orjson.loads(attributes), orjson.loads(events)))


PREVIEWS = Previews(("name", "scope_json", "events_json", STORED), _read)
