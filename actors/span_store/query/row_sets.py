"""Many expressions over one table: what several of them ask is found out once.

A set of rows is a number whose bits are the rows, as Arrow packs masks. So conditions are put together without a call
of Arrow for each. Where filters ask for single values of a field, which is what most do, the rows of each value are
looked up, and hundreds of filters take little longer than one.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property, reduce
from itertools import accumulate
from operator import or_
from typing import TypeAlias

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.attribute_column import STORED, Pairs
from actors.span_store.columns.attributes import VALUE
from actors.span_store.columns.types import Untold
from actors.span_store.query import arguments
from actors.span_store.query.arrow import ArrowFilter
from actors.span_store.query.expression import (
    COUNTED,
    DURATION,
    And,
    Argument,
    Attribute,
    Equals,
    Expression,
    IsNull,
    Leaf,
    Not,
    Numeric,
    Or,
    Promoted,
    Value,
    ValueField,
    columns_of,
    normal_form,
)

RowSet: TypeAlias = int

_NO = pa.scalar(False, pa.bool_())
_VALUE_FIELDS = list(VALUE)
_FEW = 32  # rows that are looked at by themselves, where a comparison takes long
_CHEAP = (Promoted, Attribute)
_MADE = {COUNTED}  # which a row has not, and a table may have


def rows_in(some: RowSet) -> list[int]:
    """Its rows, ascending."""
    bits = f"{some:b}"[::-1]
    found, at = [], bits.find("1")
    while at >= 0:
        found.append(at)
        at = bits.find("1", at + 1)
    return found


class Plan:
    """One expression, made ready to be asked of one table after the other."""

    def __init__(self, expression: Expression) -> None:
        self.expression = normal_form(expression)
        self._filters: dict[int, tuple[Expression, ArrowFilter]] = {}
        self._keys: dict[int, tuple[Leaf, str]] = {}

    def filter_of(self, part: Expression) -> ArrowFilter:
        """Of a part of it."""
        if id(part) not in self._filters:
            self._filters[id(part)] = part, ArrowFilter(part)
        return self._filters[id(part)][1]

    @cached_property
    def asks_what_counts(self) -> bool:
        """Whether its table needs a column ``COUNTED``."""
        return COUNTED in columns_of(self.expression)

    def key_of(self, leaf: Leaf) -> str:
        """The same for comparisons that are the same. As a text: 1 and true are equal in Python."""
        if id(leaf) not in self._keys:
            self._keys[id(leaf)] = leaf, repr(leaf)
        return self._keys[id(leaf)][1]


class RowSets:
    """What is known of one table, which has all columns of the rows."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._all = (1 << table.num_rows) - 1
        self._known: dict[str, RowSet] = {}
        self._values: dict[ValueField, Mapping[str, RowSet]] = {}
        self._narrow: dict[str, pa.Table] = {}
        self._tables: dict[frozenset[str], pa.Table] = {}
        self._pairs: tuple[Pairs, Untold] | None = None

    def of(self, plan: Plan) -> RowSet:
        """The rows that the expression is true of."""
        return self._of(plan, plan.expression)

    def _of(self, plan: Plan, part: Expression) -> RowSet:
        match part:
            case And(members):
                return self._of_all(plan, members)
            case Or(members):
                return reduce(or_, (self._of(plan, member) for member in members), 0)
            case Not(member):
                return self._all & ~self._of(plan, member)
            case _:
                return self._of_leaf(plan, part)

    def _of_all(self, plan: Plan, members: Sequence[Expression]) -> RowSet:
        """What takes long comes last, and is asked of what is left where that is little."""
        found = self._all
        for member in sorted(members, key=_takes_long):
            if not found:
                break
            if _takes_long(member) and found.bit_count() <= _FEW:
                found = self._among(plan, found, member)
            else:
                found &= self._of(plan, member)
        return found

    def _among(self, plan: Plan, found: RowSet, member: Expression) -> RowSet:
        rows, made = rows_in(found), plan.filter_of(member)
        some = self._with(made.columns).take(pa.array(rows, pa.int64()))
        right = rows_in(_packed(made.mask(some)))
        return reduce(or_, (1 << rows[each] for each in right), 0)

    def _of_leaf(self, plan: Plan, leaf: Leaf) -> RowSet:
        key = plan.key_of(leaf)
        if key not in self._known:
            self._known[key] = self._found(plan, leaf)
        return self._known[key]

    def _found(self, plan: Plan, leaf: Leaf) -> RowSet:
        field = leaf.field.of if isinstance(leaf.field, Numeric) else leaf.field
        if isinstance(leaf, Equals) and isinstance(leaf.value, str) and _has_texts(leaf.field):
            return self._rows_of(leaf.field, leaf.value)
        if isinstance(field, Argument) and not self._rows_of(Promoted("type"), arguments.TOOL):
            return self._all if isinstance(leaf, IsNull) else 0
        made = plan.filter_of(leaf)
        return _packed(
            made.mask(self._narrowed(field.key) if isinstance(field, Attribute) else self._with(made.columns))
        )

    def _with(self, columns: frozenset[str]) -> pa.Table:
        """These columns in one piece, in which a comparison takes least."""
        if columns not in self._tables:
            wanted = (columns or {"seq"}) | (_MADE & set(self._table.column_names))
            self._tables[columns] = self._table.select(sorted(wanted)).combine_chunks()
        return self._tables[columns]

    def _rows_of(self, field: ValueField, value: Value) -> RowSet:
        if field not in self._values:
            made = self._attribute_values(field.key) if isinstance(field, Attribute) else self._column_values(field)
            self._values[field] = made
        return self._values[field].get(str(value), 0)

    def _column_values(self, field: ValueField) -> Mapping[str, RowSet]:
        [name] = columns_of(IsNull(field))
        values: Untold = self._table[name]
        return _by_value(enumerate(values.to_pylist()))

    def _attribute_values(self, key: str) -> Mapping[str, RowSet]:
        rows, texts, others = self._pairs_of(key)
        said = (
            text if other is None else orjson.loads(other) if other.startswith('"') else None
            for text, other in zip(texts.to_pylist(), others.to_pylist(), strict=True)
        )
        return _by_value(zip(rows.to_pylist(), said, strict=True))

    def _narrowed(self, key: str) -> pa.Table:
        """Only attributes with this key, of which a row has one at most."""
        if key not in self._narrow:
            rows, texts, others = self._pairs_of(key)
            has_one = [0] * self._table.num_rows
            for row in rows.to_pylist():
                has_one[row] = 1
            offsets = pa.array(accumulate(has_one, initial=0), pa.int32())
            keys = pa.array([key] * len(rows), pa.string())
            values = pa.StructArray.from_arrays([texts, others], fields=_VALUE_FIELDS)
            column = pa.MapArray.from_arrays(offsets, keys, values)  # type: ignore[call-overload] # offsets of 32 bits
            self._narrow[key] = pa.table({STORED: column})
        return self._narrow[key]

    def _pairs_of(self, key: str) -> tuple[Untold, Untold, Untold]:
        """Rows, texts and other values of the pairs with this key."""
        if self._pairs is None:
            whole: Untold = self._with(frozenset([STORED]))[STORED].combine_chunks()
            pairs = Pairs(whole)
            self._pairs = pairs, pairs.rows
        pairs, rows = self._pairs
        at: Untold = pc.indices_nonzero(pc.equal(pairs.keys, pa.scalar(key, pa.string())))
        return rows.take(at), pairs.texts.take(at), pairs.others.take(at)


def _has_texts(field: object) -> bool:
    """Whether its values are looked up by their texts."""
    return isinstance(field, Attribute) or (isinstance(field, Promoted) and field.name != DURATION)


def _takes_long(part: Expression) -> bool:
    """Whether it is asked of each row by itself."""
    match part:
        case And(members) | Or(members):
            return any(map(_takes_long, members))
        case Not(member):
            return _takes_long(member)
        case _:
            return not isinstance(part.field, _CHEAP)


def _by_value(pairs: Untold) -> Mapping[str, RowSet]:
    """The rows of each text. A number, which no text is equal to, has none."""
    found: defaultdict[str, RowSet] = defaultdict(int)
    for row, value in pairs:
        if isinstance(value, str):
            found[value] |= 1 << row
    return found


def _packed(mask: Untold) -> RowSet:
    """A mask as the bits of a number; null is no."""
    array = mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask
    whole: Untold = pc.fill_null(array, _NO)
    [_, bits] = whole.buffers()
    first, count = int(whole.offset), len(whole)
    packed = int.from_bytes(memoryview(bits)[: (first + count + 7) // 8], "little") >> first
    return packed & ((1 << count) - 1)
