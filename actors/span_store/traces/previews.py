"""The line of a span's input and that of its output, where its conversation is read."""

import pyarrow as pa


def previews_of(spans: pa.Table) -> list[tuple[str | None, str | None]]:
    """Input and output of each span, at most 200 characters each. Nothing reads conversations yet."""
    return [(None, None)] * spans.num_rows
