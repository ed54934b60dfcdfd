"""What of a span is looked through for text."""

from collections.abc import Iterator
from itertools import chain

import pyarrow as pa

from actors.span_store.attribute_column import STORED, Pairs
from actors.span_store.grams import grams_of

PLAIN = ("name", "status_message")
SEARCHED = (STORED, "events_json", *PLAIN)  # columns


def grams_of_rows(rows: pa.Table) -> bytes:
    """The set of all sequences in what is searched of these rows."""
    return grams_of(b"".join(_texts(rows)))


def _texts(rows: pa.Table) -> Iterator[memoryview]:
    """All of it, each text once, as the memory that Arrow has it in."""
    parts = [(pairs.keys, pairs.texts, pairs.others) for pairs in map(Pairs, rows[STORED].chunks)]
    for texts in (*chain.from_iterable(parts), *(rows[name] for name in SEARCHED[1:])):
        yield memoryview(texts.unique().buffers()[2] or b"")
