"""Sums of many spans, by groups and over time."""

from collections.abc import Mapping
from enum import Enum
from zoneinfo import ZoneInfo

import attrs
import pyarrow as pa

from actors.runtime.messages import Request
from actors.span_store.asked.buckets import Interval
from actors.span_store.query.expression import EVERYTHING, Expression, Promoted, demand_bounds
from actors.span_store.query.language.fields import BY_NAME, FilterField, Kind
from actors.span_store.traces.summary import Tokens

MOST_FIELDS, MOST_GROUPS = 3, 200
# What can be grouped by, by all of its names: text that the index has.
GROUPED: Mapping[str, FilterField] = {
    name: field
    for name, field in BY_NAME.items()
    if field.kind is Kind.TEXT and field.column != Promoted("status_message")
}

GROUPED_PREFIXES = ("attr", "resource")  # before any key


def is_grouped(name: str) -> bool:
    """Whether it can be grouped by: a field by any of its names, or what a span says under a key."""
    prefix, _, key = name.partition(".")
    return name in GROUPED or (prefix in GROUPED_PREFIXES and bool(key))


def grouped_name(name: str) -> str:
    """The one name of what is grouped by."""
    return GROUPED[name].name if name in GROUPED else name


def _demand_grouped(_: object, __: object, name: str) -> None:
    name.encode()
    if not is_grouped(name):
        raise ValueError("nothing is grouped by this")


class Subject(Enum):
    """What is counted."""

    CALLS = "calls"  # model calls, each once
    SPANS = "spans"
    TRACES = "traces"  # each at its earliest start


@attrs.frozen(kw_only=True)
class ScoreSum:
    """The scores of some traces that are numbers, ``count`` of them."""

    count: int
    mean: float


@attrs.frozen(kw_only=True)
class Measures:
    """What is said of many calls, spans or traces. ``None`` is not known; durations are nanoseconds.

    Tokens, costs and what is said of the speed are those of the model calls among them, or in them. Quantiles are the
    smallest value that so many percent are not above, within 2 % of it.
    """

    count: int = 0
    errors: int = 0
    tokens: Tokens | None = None
    cost_usd: float | None = None  # of the calls that have a price
    unpriced: int = 0  # calls that have none
    durations: tuple[float, ...] | None = None  # p50, p90, p95, p99 of what has ended
    first_tokens: tuple[float, ...] | None = None  # p50, p95 of the time to the first token
    tokens_per_second: float | None = None  # p50 of output tokens a second, from the first token on where it is known
    score: ScoreSum | None = None  # of all traces that they are of, each once


@attrs.frozen(kw_only=True)
class Group:
    """What has the same values in the fields that are grouped by."""

    key: tuple[str | None, ...]  # in the order of the fields
    total: Measures
    points: Mapping[int, Measures]  # by the number of the bucket; empty ones are left out


@attrs.frozen(kw_only=True)
class Others:
    """All groups together that are too many to be answered one by one."""

    groups: int
    total: Measures
    points: Mapping[int, Measures]


@attrs.frozen(kw_only=True)
class Stats:
    """Groups, largest first. ``edges`` are where buckets begin, and where the last one ends; none without an interval.

    Times are Unix nanoseconds. Without ``from_unix_nano`` nothing was found, and no time was asked for.
    """

    from_unix_nano: int | None
    to_unix_nano: int
    interval: Interval | None
    edges: tuple[int, ...]
    groups: tuple[Group, ...]
    others: Others | None


@attrs.frozen(kw_only=True)
class GetStats(Request[Stats]):
    """Sums of what ``where`` is true of, at its start: from (included) to (excluded), or whenever it was.

    A trace is meant when ``where`` is true of one of its spans; its fields are those of its root, else of the earliest
    span that has one. Without ``group_by`` there is one group, also when nothing is found. Without ``until`` buckets
    go on to ``now``, or to the latest start.

    What is grouped by is a field, or a prefix and a key, of which the first value counts that is no array, no object
    and no long text.

    ``InvalidRequest`` for too many buckets. ``NeedsRoom`` when the answer takes more bytes than ``room``.
    ``TooLarge`` when more spans than can be remembered are found, or grouped, by what is not promoted.
    """

    of: Subject = Subject.CALLS
    group_by: tuple[str, ...] = attrs.field(
        default=(),
        validator=[
            attrs.validators.max_len(MOST_FIELDS),
            attrs.validators.deep_iterable(_demand_grouped),
        ],
    )
    interval: Interval | None = None
    zone: ZoneInfo = attrs.field(factory=lambda: ZoneInfo("UTC"))
    where: Expression = attrs.field(default=EVERYTHING, validator=demand_bounds)
    since: int | None = None
    until: int | None = None
    now: int
    limit: int = 50
    scores: pa.Table | None = attrs.field(default=None, repr=False)  # by trace: ``trace_id``, ``count``, ``total``
    room: int | None = None
