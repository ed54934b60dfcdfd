"""What is different about some spans, compared with others."""

from typing import Final

import attrs

from actors.errors import NeedsRoom
from actors.runtime.messages import Request
from actors.span_store.asked.values import Listed
from actors.span_store.query.expression import EVERYTHING, Expression, demand_bounds

# Of the spans of each side, so many are looked at, drawn from all of them; fewer where they lie in many places.
MOST_LOOKED_AT: Final = 10_000
MOST_FIELDS: Final = 50
MOST_VALUES: Final = 10  # of a field
LONGEST_SHOWN: Final = 200  # characters of a value; of longer ones the beginning
_MOST_BYTES, _BYTES = 6, 80  # of a character, and of what stands around a value


@attrs.frozen
class ValueShares:
    """A value, and how many of the spans have it on either side: from 0 to 1.

    ``None`` stands for spans that have none. Numbers of which there are many are ranges, as a filter has them.
    """

    value: Listed | None
    share: float
    than_share: float


@attrs.frozen
class FieldDifference:
    """A field of which the two sides have different values: those that differ most.

    ``score`` is from 0 (no more than chance) to 1 (no value in common).
    """

    field: str
    score: float
    values: tuple[ValueShares, ...]


@attrs.frozen(kw_only=True)
class Differences:
    """How many spans of either side were looked at, and the fields that differ, those that differ most first."""

    count: int
    than_count: int
    fields: tuple[FieldDifference, ...]


@attrs.frozen(kw_only=True)
class GetDifferences(Request[Differences]):
    """Spans that ``where`` is true of, compared with those that ``than`` is true of, or with all others.

    All of them started from ``since`` (included) to ``until`` (excluded), or whenever it was. Compared are the fields
    of filters that are no ids and no times, attributes, and attributes of the resource. What only one of the two
    filters names is left out, and so is what says the same.

    ``NeedsRoom`` when the answer takes more bytes than ``room``. ``TooLarge`` when more spans than can be remembered
    are found by what is not promoted.
    """

    where: Expression = attrs.field(default=EVERYTHING, validator=demand_bounds)
    than: Expression | None = attrs.field(default=None, validator=attrs.validators.optional(demand_bounds))
    since: int | None = None
    until: int | None = None
    room: int | None = None

    def within_room(self, found: Differences) -> Differences:
        """The same differences. ``NeedsRoom`` when they take more bytes."""
        values = (each.value for field in found.fields for each in field.values)
        size = sum(_BYTES + _MOST_BYTES * len(str(value)) for value in values)
        size += sum(_BYTES + _MOST_BYTES * len(each.field) for each in found.fields)
        if self.room is not None and size > self.room:
            raise NeedsRoom(size)
        return found
