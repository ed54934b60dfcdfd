"""Which values a field has, or which keys there are."""

from typing import Final, TypeAlias

import attrs

from actors.errors import NeedsRoom
from actors.runtime.messages import Request
from actors.span_store.query.expression import EVERYTHING, Expression, demand_bounds
from actors.span_store.query.language.fields import BY_NAME, FilterField, Kind

MOST_VALUES: Final = 1000
LONGEST_VALUE: Final = 1000  # characters; longer ones are left out
# Of what the index does not have, so many of the newest spans are looked at.
MOST_LOOKED_AT: Final = 20_000
_MOST_BYTES, _BYTES = 6, 40  # of a character, and of what stands around a value
# Whose keys are listed: those of ``attr``, ``resource`` and ``event``.
OPEN_PREFIXES: Final = ("attr", "resource", "event")
Listed: TypeAlias = str | bool | int | float


def listed_field(name: str) -> FilterField | None:
    """The field with this name whose values may be listed: text that is no id, and numbers."""
    field = BY_NAME.get(name)
    if field is None or field.id_digits is not None or field.kind not in (Kind.TEXT, Kind.NUMBER):
        return None
    return field


def is_listed(name: str) -> bool:
    """Whether values can be asked for: of a field, of a prefix, which are its keys, or of a key behind one."""
    prefix, dot, key = name.partition(".")
    return listed_field(name) is not None or (prefix in OPEN_PREFIXES and bool(key or not dot))


def _demand_listed(_: object, __: object, name: str) -> None:
    name.encode()
    if not is_listed(name):
        raise ValueError("no values are listed of this field")


@attrs.frozen
class ValueCount:
    """A value, or a key, and how many spans have it."""

    value: Listed
    count: int


@attrs.frozen
class Values:
    """The most frequent first, and whether there are ``more`` than these."""

    values: tuple[ValueCount, ...]
    more: bool


@attrs.frozen(kw_only=True)
class ListValues(Request[Values]):
    """The values of ``field`` among the spans that ``where`` is true of, those that begin with ``prefix``.

    ``field`` is the name of a field, such as ``model``; a prefix alone, such as ``attr``, for the keys behind it; or a
    prefix and a key. What the index does not have is counted in the newest ``MOST_LOOKED_AT`` spans that have it.

    ``NeedsRoom`` when the answer takes more bytes than ``room``. ``TooLarge`` when too many spans have to be looked at.
    """

    field: str = attrs.field(validator=_demand_listed)
    prefix: str = ""
    where: Expression = attrs.field(default=EVERYTHING, validator=demand_bounds)
    limit: int = 50
    room: int | None = None

    def within_room(self, found: Values) -> Values:
        """The same values. ``NeedsRoom`` when they take more bytes."""
        size = sum(_BYTES + _MOST_BYTES * len(str(each.value)) for each in found.values)
        if self.room is not None and size > self.room:
            raise NeedsRoom(size)
        return found
