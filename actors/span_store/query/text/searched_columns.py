"""What of a span is looked through for text."""

from collections.abc import Iterator
from functools import reduce
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.attribute_column import STORED, Pairs, positions
from actors.span_store.columns.types import AnyColumn, Booleans, Untold
from actors.span_store.query.text.needle import Needle
from actors.span_store.query.text.ngrams import grams_of

PLAIN = ("name", "status_message")
SEARCHED = (STORED, "events_json", *PLAIN)  # columns
_NO = pa.scalar(False, pa.bool_())  # with its type: see ``rows``


def saying(rows: pa.Table, needle: Needle) -> AnyColumn:
    """Which of the rows say it, in anything that is searched."""
    batches = rows.select(SEARCHED).to_batches()
    return pa.chunked_array(map(_saying, batches, [needle] * len(batches)), pa.bool_())


def _saying(rows: pa.RecordBatch, needle: Needle) -> Booleans:
    found: list[Untold] = [
        _with_attributes(rows[STORED], needle),
        needle.said_in_events(rows["events_json"]),
        *(needle.said_in(rows[name]) for name in PLAIN),
    ]
    return reduce(pc.or_, (mask for mask in found if mask is not None), pa.repeat(_NO, rows.num_rows))


def _with_attributes(column: Untold, needle: Needle) -> Booleans | None:
    pairs = Pairs(column)
    found = needle.said_in(pairs.keys), needle.said_in(pairs.texts), needle.said_in_values(pairs.others)
    hits: list[Untold] = [mask for mask in found if mask is not None]
    if not hits:
        return None
    return pc.is_in(positions(len(column)), value_set=pairs.rows.filter(reduce(pc.or_, hits)))


def grams_of_rows(rows: pa.Table) -> bytes:
    """The set of all sequences in what is searched of these rows."""
    return grams_of(b"".join(_texts(rows)))


def _texts(rows: pa.Table) -> Iterator[memoryview]:
    """All of it, each text once, as the memory that Arrow has it in."""
    parts = [(pairs.keys, pairs.texts, pairs.others) for pairs in map(Pairs, rows[STORED].chunks)]
    texts: Untold
    for texts in (*chain.from_iterable(parts), *(rows[name] for name in SEARCHED[1:])):
        yield memoryview(texts.unique().buffers()[2] or b"")
