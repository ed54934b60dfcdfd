"""An expression over Arrow tables of rows, exactly."""

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import TypeAlias

import attrs
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.attribute_column import STORED, Pairs, positions
from actors.span_store.columns.promoted import is_model_call
from actors.span_store.columns.types import AnyArray, AnyColumn, Booleans, Untold
from actors.span_store.query.comparable import TEXT, Bounds, Kind, bounds_for, kind_of, values_for
from actors.span_store.query.expression import (
    COUNTED,
    DURATION,
    And,
    Argument,
    Arrival,
    Attribute,
    Between,
    Contains,
    Equals,
    Event,
    Expression,
    IsNull,
    Leaf,
    Matches,
    Not,
    Numeric,
    OneOf,
    Or,
    Promoted,
    Resource,
    Text,
    Value,
    ValueField,
    columns_of,
    normal_form,
)
from actors.span_store.query.numeric import PATTERN
from actors.span_store.query.plain import holds
from actors.span_store.query.said_values import ValueTest, different, of_arguments, of_events, of_resources
from actors.span_store.query.text.needle import Needle
from actors.span_store.query.text.searched_columns import saying

# With their types: Arrow looks for pandas each time that it has to find one out, which takes longer than all the rest.
_YES = pa.scalar(True, pa.bool_())
_NO: Untold = pa.scalar(False, pa.bool_())  # stands in for values of arrays, which the stubs want to be arrays
_JSON_NULL = pa.scalar("null", pa.string())
_NO_TEXT: Untold = pa.scalar(None, pa.string())
_COSTS = {Promoted: 0, Arrival: 0, Resource: 1, Event: 1, Attribute: 2, Argument: 2, Text: 3}


CountedOf: TypeAlias = Callable[[pa.Table], AnyColumn]


@attrs.frozen(eq=False)
class ArrowFilter:
    """One expression for many tables, in one thread. What it knows of texts it makes once.

    ``counted_of`` says of each row of a table whether it stands for a model call. It is asked where an expression wants
    to know and the table has no such column. Without it each model call does, as far as a span says itself.
    """

    expression: Expression = attrs.field(converter=normal_form)
    counted_of: CountedOf | None = None
    _needles: dict[str, Needle] = attrs.field(factory=dict, init=False)

    @property
    def columns(self) -> frozenset[str]:
        """That a table needs to have."""
        columns = columns_of(self.expression)
        return (columns - {COUNTED}) | {"seq", "type"} if COUNTED in columns else columns

    def rows(self, table: pa.Table) -> pa.Table:
        """Those that the expression is true of."""
        return table if self.expression == And() else table.filter(self.mask(table))

    def mask(self, table: pa.Table) -> AnyColumn:
        """Of each row, whether the expression is true; null is no."""
        return self._mask(table, self.expression)

    def _mask(self, table: pa.Table, expression: Expression) -> AnyColumn:
        match expression:
            case And(members):
                return self._all(table, members)
            case Or(members):
                masks = [self._mask(table, member) for member in members]
                return reduce(pc.or_kleene, masks) if masks else _each(table, _NO)
            case Not(member):
                return pc.invert(pc.fill_null(self._mask(table, member), _NO))
            case _:
                return self._compared(table, expression)

    def _all(self, table: pa.Table, members: Sequence[Expression]) -> AnyColumn:
        """What is dear is asked last, and only when something is left."""
        cheap = [member for member in members if not _cost(member)]
        mask = reduce(pc.and_, (self._mask(table, each) for each in cheap)) if cheap else _each(table, _YES)
        if len(cheap) < len(members):
            for member in sorted((each for each in members if _cost(each)), key=_cost):
                if not pc.any(mask).as_py():
                    break
                mask = pc.and_(mask, self._mask(table, member))
        return mask

    def _compared(self, table: pa.Table, leaf: Leaf) -> AnyColumn:
        match leaf.field:
            case Text():
                return saying(table, self._needle(leaf))
            case Attribute(key):
                return _by_chunk(table[STORED], lambda chunk: _of_attributes(chunk, key, leaf))
            case Promoted(name) as field if name == COUNTED:
                return _of_column(self._counted(table), kind_of(field), leaf)
            case Promoted() | Arrival() as field:
                return _of_column(_column(table, field), kind_of(field), leaf)
            case field:
                test = ValueTest(leaf)
                return test.answer(_with_value(table, field.of if isinstance(field, Numeric) else field, test))

    def _counted(self, table: pa.Table) -> AnyColumn:
        if COUNTED in table.column_names:
            return table[COUNTED]
        return is_model_call(table["type"]) if self.counted_of is None else self.counted_of(table)

    def _needle(self, leaf: Leaf) -> Needle:
        if not isinstance(leaf, Contains):
            raise TypeError("of all that a span says only Contains is asked")
        return self._needles.setdefault(leaf.text, Needle(leaf.text))


def _with_value(table: pa.Table, field: ValueField, test: ValueTest) -> AnyColumn:
    """Of each row, whether the test is true of one of the values of the field."""
    match field:
        case Attribute(key):
            return _by_chunk(table[STORED], lambda chunk: _of_numbers(chunk, key, test))
        case Resource(key):
            return _by_chunk(table["resource_json"], lambda chunk: of_resources(chunk, key, test))
        case Event(key):
            return _by_chunk(table["events_json"], lambda chunk: of_events(chunk, key, test))
        case Argument(key):
            return of_arguments(table, key, test)
        case _:
            raise TypeError(f"no row has {field}")


def _cost(expression: Expression) -> int:
    match expression:
        case And(members) | Or(members):
            return max(map(_cost, members), default=0)
        case Not(member):
            return _cost(member)
        case _:
            field = expression.field
            if isinstance(field, Promoted) and field.name == COUNTED:
                return 1
            return _COSTS[type(field.of if isinstance(field, Numeric) else field)]


def _each(table: pa.Table, answer: pa.BooleanScalar) -> AnyColumn:
    return pa.chunked_array([pa.repeat(answer, table.num_rows)])


def _by_chunk(column: AnyColumn, compared: Callable[[AnyArray], AnyArray]) -> AnyColumn:
    return pa.chunked_array([compared(chunk) for chunk in column.chunks], pa.bool_())


def _column(table: pa.Table, field: Promoted | Arrival) -> AnyColumn:
    if isinstance(field, Arrival):
        return table["seq"]
    if field.name != DURATION:
        return table[field.name]
    start, end = table["start_time_unix_nano"], table["end_time_unix_nano"]
    return pc.subtract(pc.max_element_wise(start, end), start)


def _of_column(column: AnyColumn, kind: Kind, leaf: Leaf) -> AnyColumn:
    """Null where the column is, but for ``IsNull``."""
    match leaf:
        case IsNull():
            return pc.is_null(column)
        case Equals(_, value):
            return _among(column, values_for(kind, [value]))
        case OneOf(_, values):
            return _among(column, values_for(kind, values))
        case Between():
            return _between(column, bounds_for(kind, leaf))
        case Contains(_, text) | Matches(_, text):
            find = pc.match_substring if isinstance(leaf, Contains) else pc.match_substring_regex
            return find(column, text) if kind.is_text else _never(column)


def _never(column: AnyColumn | AnyArray) -> AnyColumn | AnyArray:
    return pc.and_(pc.is_null(column), _NO)


def _among(column: AnyColumn, values: list[Value]) -> AnyColumn:
    if len(values) == 1:
        return pc.equal(column, pa.scalar(values[0], column.type))
    return pc.is_in(column, value_set=pa.array(values, column.type))


def _between(column: AnyColumn, bounds: Bounds | None) -> AnyColumn:
    if bounds is None:
        return _never(column)
    masks = list(_on_either_side(column, bounds))
    return reduce(pc.and_, masks) if masks else pc.is_valid(column)


def _on_either_side(column: AnyColumn, bounds: Bounds) -> Iterator[AnyColumn]:
    if bounds.low is not None:
        compare = pc.greater_equal if bounds.low_included else pc.greater
        yield compare(column, pa.scalar(bounds.low, column.type))
    if bounds.high is not None:
        compare = pc.less_equal if bounds.high_included else pc.less
        yield compare(column, pa.scalar(bounds.high, column.type))


def _of_attributes(chunk: Untold, key: str, leaf: Leaf) -> Booleans:
    """Looks at the pairs with this key, of which a span has one at most."""
    pairs = Pairs(chunk)
    are_it = pc.equal(pairs.keys, pa.scalar(key, pa.string()))
    texts, others, rows = (each.filter(are_it) for each in (pairs.texts, pairs.others, pairs.rows))
    if isinstance(leaf, IsNull):
        there = rows.filter(pc.or_kleene(pc.is_null(others), pc.not_equal(others, _JSON_NULL)))
        return pc.invert(pc.is_in(positions(len(chunk)), value_set=there))
    by_text = pc.fill_null(_of_column(texts, TEXT, leaf), _NO)
    hits = pc.or_(by_text, different(others, lambda text: _of_json(text, leaf)))
    return pc.is_in(positions(len(chunk)), value_set=rows.filter(hits))


def _of_numbers(chunk: Untold, key: str, test: ValueTest) -> Booleans:
    """Of attributes as numbers: few texts are some."""
    pairs = Pairs(chunk)
    are_it = pc.equal(pairs.keys, pa.scalar(key, pa.string()))
    texts, others, rows = (each.filter(are_it) for each in (pairs.texts, pairs.others, pairs.rows))
    numbers = pc.if_else(pc.match_substring_regex(texts, PATTERN), texts, _NO_TEXT)
    hits = pc.or_(
        different(numbers, test), different(others, lambda text: _is_scalar(text) and test(orjson.loads(text)))
    )
    return pc.is_in(positions(len(chunk)), value_set=rows.filter(hits))


def _of_json(text: str, leaf: Leaf) -> bool:
    return _is_scalar(text) and holds(leaf, orjson.loads(text))


def _is_scalar(text: str) -> bool:
    """An array and a map, which nothing is compared with, are known without reading them."""
    return text[0] not in "[{"
