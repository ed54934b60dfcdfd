"""Values of Arrow columns for Python, of many rows at once: Arrow makes an object of its own for each that it gives."""

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.types import AnyColumn, Untold

_NONE: Untold = pa.scalar(-1, pa.int64())


def integers(column: Untold) -> list[int]:
    """Whole numbers, -1 for null. Unsigned ones of 64 bits that are larger than signed ones are cut to these."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not len(array):
        return []
    if array.type == pa.uint64():
        array = pc.min_element_wise(array, pa.scalar(2**63 - 1, pa.uint64()))
    array = array.cast(pa.int64())
    array = pc.fill_null(array, _NONE) if array.null_count else array
    memory: Untold = array.buffers()[1]
    values = memoryview(memory).cast("q")
    numbers: list[int] = values[array.offset : array.offset + len(array)].tolist()
    return numbers


def words(column: Untold) -> list[str | None]:
    """Texts, of which many are the same."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = array.dictionary_encode(null_encoding="encode")
    known = encoded.dictionary.to_pylist()
    return [known[code] for code in integers(encoded.indices)]


def coded(column: Untold) -> list[int]:
    """A number for each different text, -1 for null."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return integers(array.dictionary_encode().indices)


def rows_of_ids(wanted: AnyColumn, ids: AnyColumn) -> list[int]:
    """The row of each id, -1 for one that is not there or null."""
    return integers(pc.index_in(wanted, value_set=ids))
