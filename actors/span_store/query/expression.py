"""What can be asked of a span: one small expression, with the same meaning wherever it is evaluated.

A field has one value or none. None is: a column that is null, an attribute that is not there, and one that is null in
JSON, as unset values, NaN and the infinities are. Values are what the REST API shows of them, and have a kind:

- text, compared by code points, case and all; bytes are their hex text
- a number, compared by its mathematical value: 1 is 1.0, and 2**53 + 1 is not 2.0**53
- true or false, which are no numbers
- an array or a map, which nothing is compared with

Some fields may have several values: what the events of a span say, and what stands at several places of a tool's
arguments. A comparison is true of them when it is of one, and they have no value when there is none at all.

Every expression is true or false of a span, and never anything between. A comparison is false of a field without a
value and of a value of another kind, and ``Not`` is true of exactly the spans of which its member is false: so
``Not(Equals(field, 1))`` is true where the field has no value.
"""

import math
from collections.abc import Callable, Iterable
from typing import TypeAlias

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from actors.errors import InvalidRequest
from actors.span_store.columns.rows import INDEX_FIELDS
from actors.span_store.columns.spans import LOG

Value: TypeAlias = str | bool | int | float
DURATION = "duration_nano"  # from start to end; 0 for a span that ends before it starts
# Whether a span stands for a model call, true or false. That depends on the other spans of its trace: it is no column
# of rows, and known to whoever has all spans.
COUNTED = "counted"
# Of what somebody asks from outside. Interpreters call themselves for each level, and take time for each node.
MOST_NODES, MOST_DEPTH = 2000, 64
MOST_TRACES = 10_000  # ids that traces may have: what stands in place of scores, and is looked for all at once
_PROMOTED = {field.name for field in INDEX_FIELDS} | {"status_message", DURATION, COUNTED}


def _demand_text(_: object, __: object, text: str) -> None:
    text.encode()  # a ``ValueError`` for half a character, which no span has and no engine takes


def _demand_value(instance: object, attribute: object, value: Value) -> None:
    if isinstance(value, str):
        _demand_text(instance, attribute, value)
    elif not math.isfinite(value):
        raise ValueError("nothing is compared with NaN or infinity")


@attrs.frozen
class Promoted:
    """A column of its own: what every span has, and the promoted attributes."""

    name: str = attrs.field(validator=attrs.validators.in_(_PROMOTED))


_TRACE = Promoted("trace_id")


@attrs.frozen
class Attribute:
    """An attribute of the span, by its whole key."""

    key: str = attrs.field(validator=_demand_text)


@attrs.frozen
class Resource:
    """An attribute of the span's resource, by its whole key."""

    key: str = attrs.field(validator=_demand_text)


@attrs.frozen
class Text:
    """All that a span says: name, status message, attributes and events, however JSON spells it. For ``Contains``."""


@attrs.frozen
class Arrival:
    """The number of the span in the order of arrival. Of engines that number spans, which say it as a ``Position``."""


@attrs.frozen
class Event:
    """What the events of the span have under this key: their attributes, and as ``name`` their names, too."""

    key: str = attrs.field(validator=_demand_text)


@attrs.frozen
class Argument:
    """A member of what a tool was called with, wherever in it: see ``arguments``. Spans that are no tools have none.

    The key is the name of a member, or a path of names with dots between them.
    """

    key: str = attrs.field(validator=_demand_text)


@attrs.frozen
class Numeric:
    """The field's values as numbers: of text, the number that it is as a whole; others have no value here."""

    of: "Attribute | Resource | Event | Argument"


@attrs.frozen
class Score:
    """A score of this name that the trace was given.

    No engine has any: whoever has them says of which traces it is true, before an engine is asked, see ``replaced``.
    """

    name: str = attrs.field(validator=_demand_text)


ValueField: TypeAlias = Promoted | Attribute | Resource | Arrival | Event | Argument | Numeric | Score
Field: TypeAlias = ValueField | Text


@attrs.frozen
class Equals:
    """The field has this value."""

    field: ValueField
    value: Value = attrs.field(validator=_demand_value)


def _values(values: Iterable[Value]) -> tuple[Value, ...]:
    return tuple(values)


@attrs.frozen
class OneOf:
    """The field has one of these values; false of all spans without any."""

    field: ValueField
    values: tuple[Value, ...] = attrs.field(converter=_values, validator=attrs.validators.deep_iterable(_demand_value))


def _demand_order(_: object, __: object, value: Value | None) -> None:
    if isinstance(value, bool):
        raise ValueError("true and false have no order")  # noqa: TRY004 - as all that is wrong with a value


@attrs.frozen
class Between:
    """The field's value lies between two texts or two numbers: from ``low`` to right before ``high``, if not told else.

    ``None`` is no bound; one of them is needed, and says the kind.
    """

    field: ValueField
    low: str | float | None = attrs.field(
        default=None, validator=[_demand_order, attrs.validators.optional(_demand_value)]
    )
    high: str | float | None = attrs.field(
        default=None, validator=[_demand_order, attrs.validators.optional(_demand_value)]
    )
    low_included: bool = attrs.field(default=True, kw_only=True)
    high_included: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if len({isinstance(bound, str) for bound in (self.low, self.high) if bound is not None}) != 1:
            raise ValueError("bounds have one kind, and one of them is there")


def _demand_pattern(_: object, __: object, pattern: str) -> None:
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as fault:
        raise ValueError(str(fault)) from None


@attrs.frozen
class Matches:
    """The pattern matches somewhere in the field's text. Its syntax is RE2's, which takes linear time for any text.

    A dot is no line break, and ``^`` and ``$`` are the ends of the whole text, as RE2 has it without flags.
    """

    field: ValueField
    pattern: str = attrs.field(validator=[_demand_text, _demand_pattern])


@attrs.frozen
class Contains:
    """The text stands somewhere in the field's text; of ``Text``, in one of those that the span says."""

    field: Field
    text: str = attrs.field(validator=_demand_text)


@attrs.frozen
class IsNull:
    """The field has no value. An empty text is one."""

    field: ValueField


Leaf: TypeAlias = Equals | OneOf | Between | Matches | Contains | IsNull


def _all_of(members: Iterable["Expression"]) -> tuple["Expression", ...]:
    return tuple(members)


@attrs.frozen
class And:
    """All members are true, also when there are none."""

    members: tuple["Expression", ...] = attrs.field(converter=_all_of, default=())


@attrs.frozen
class Or:
    """One member is true at least."""

    members: tuple["Expression", ...] = attrs.field(converter=_all_of, default=())


@attrs.frozen
class Not:
    """The member is false."""

    member: "Expression"


Expression: TypeAlias = Leaf | And | Or | Not
EVERYTHING, NOTHING = And(), Or()
# The store has log records of spans beside spans, see ``log_rows``. Whoever asks for spans asks for these, too.
LOG_RECORDS: Expression = Equals(Promoted("kind"), LOG)
SPANS: Expression = Not(LOG_RECORDS)


def equal(**columns: str | None) -> And:
    """Promoted columns have these values, ``None`` for no value."""
    return And(
        IsNull(Promoted(name)) if value is None else Equals(Promoted(name), value) for name, value in columns.items()
    )


def started_between(first: int | None, end: int | None) -> Expression:
    """Spans that started at a time or later, and before another one."""
    return EVERYTHING if first is None and end is None else Between(Promoted("start_time_unix_nano"), first, end)


def demand_bounds(_: object, __: object, expression: Expression) -> None:
    """Validate an attribute of a message. ``InvalidRequest`` for more nodes, values among them, or levels than allowed.

    It looks at no more nodes than that, whatever is nested in what, and calls nothing for a level. Ids of traces have a
    bound of their own.
    """
    nodes, traces, pending = 0, 0, [(expression, 1)]
    while pending:
        node, depth = pending.pop()
        members, values = _members(node), len(node.values) if isinstance(node, OneOf) else 0
        are_traces = isinstance(node, OneOf) and node.field == _TRACE
        traces, nodes = traces + are_traces * values, nodes + 1 + (not are_traces) * values
        if nodes + len(pending) + len(members) > MOST_NODES or depth > MOST_DEPTH:
            raise InvalidRequest(f"A filter has at most {MOST_NODES} conditions and values, {MOST_DEPTH} levels deep")
        if traces > MOST_TRACES:
            raise InvalidRequest(f"A filter has at most {MOST_TRACES} traces")
        pending += [(member, depth + 1) for member in members]


def _members(expression: Expression) -> tuple[Expression, ...]:
    match expression:
        case And(members) | Or(members):
            return members
        case Not(member):
            return (member,)
        case _:
            return ()


def leaves(expression: Expression) -> Iterable[Leaf]:
    """All comparisons of an expression."""
    match expression:
        case And(members) | Or(members):
            for member in members:
                yield from leaves(member)
        case Not(member):
            yield from leaves(member)
        case _:
            yield expression


def normal_form(expression: Expression, *, negated: bool = False) -> Expression:
    """The same with ``Not`` right before a comparison only, and without nests of one kind (negation normal form).

    So what is weakened or strengthened anywhere in it does the same to the whole.
    """
    match expression:
        case Not(member):
            return normal_form(member, negated=not negated)
        case And(members) | Or(members):
            kind = And if isinstance(expression, And) is not negated else Or
            return _flat(kind, [normal_form(member, negated=negated) for member in members])
        case _:
            return Not(expression) if negated else expression


def _flat(kind: type[And] | type[Or], members: Iterable[Expression]) -> Expression:
    """Simplified: what is true or false by itself is left out, or is all."""
    decides: Expression = NOTHING if kind is And else EVERYTHING
    flat: list[Expression] = []
    for member in members:
        if member == decides:
            return decides
        flat += member.members if isinstance(member, kind) else [member]
    return flat[0] if len(flat) == 1 else kind(flat)


def weakened(expression: Expression, covered: "frozenset[str]") -> tuple[Expression, bool]:
    """What the columns that are covered can say of it: an expression in normal form, and whether it says all.

    The expression is true of every span of which the whole one is.
    """
    return _weakened(normal_form(expression), covered)


def _weakened(expression: Expression, covered: frozenset[str]) -> tuple[Expression, bool]:
    if not isinstance(expression, And | Or):
        is_covered = columns_of(expression) <= covered
        return (expression if is_covered else EVERYTHING), is_covered
    found = [_weakened(member, covered) for member in expression.members]
    return _flat(type(expression), [member for member, _ in found]), all(exact for _, exact in found)


def replaced(expression: Expression, replace: Callable[[Leaf], Expression]) -> Expression:
    """The same with another expression in place of each comparison, which may be itself."""
    match expression:
        case And(members):
            return And(replaced(member, replace) for member in members)
        case Or(members):
            return Or(replaced(member, replace) for member in members)
        case Not(member):
            return Not(replaced(member, replace))
        case _:
            return replace(expression)


def columns_of(expression: Expression) -> frozenset[str]:
    """Columns of the rows that an exact evaluation reads. ``TypeError`` for scores, which no row has."""
    return frozenset(name for leaf in leaves(expression) for name in _columns_of(leaf.field))


def _columns_of(field: Field) -> tuple[str, ...]:
    if isinstance(field, Promoted):
        return ("start_time_unix_nano", "end_time_unix_nano") if field.name == DURATION else (field.name,)
    if isinstance(field, Numeric):
        return _columns_of(field.of)
    if isinstance(field, Score):
        raise TypeError("no column has scores")
    return _OTHER_COLUMNS[type(field)]


_OTHER_COLUMNS: dict[type, tuple[str, ...]] = {
    Attribute: ("attributes",),
    Resource: ("resource_json",),
    Text: ("attributes", "events_json", "name", "status_message"),
    Arrival: ("seq",),
    Event: ("events_json",),
    Argument: ("attributes", "events_json", "type"),
}
