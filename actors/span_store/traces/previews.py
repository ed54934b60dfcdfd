"""The line of a span's input and that of its output, where its conversation is read."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

import attrs
import pyarrow as pa

# Input and output, at most 200 characters each.
Preview: TypeAlias = tuple[str | None, str | None]
NOTHING: Preview = (None, None)


@attrs.frozen
class Previews:
    """How they are made: ``read`` gives one for each span of a table that has ``columns``."""

    columns: tuple[str, ...]  # none: nothing is read, and no span has a preview
    read: Callable[[pa.Table], Iterable[Preview]]


def _nothing(spans: pa.Table) -> Iterable[Preview]:
    return [NOTHING] * spans.num_rows


# Nothing reads conversations yet.
PREVIEWS = Previews((), _nothing)
