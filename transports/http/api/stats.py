"""Route of the sums."""

import asyncio
import time
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import attrs
import pyarrow as pa
from aiohttp import web

from actors.errors import InvalidRequest, Overloaded, Problem, TooLarge
from actors.runtime.bus import Bus
from actors.scores.messages import MOST_NAME, SumScores
from actors.span_store.asked.buckets import Interval
from actors.span_store.asked.stats import MOST_FIELDS, MOST_GROUPS, GetStats, Subject, grouped_name, is_grouped
from actors.span_store.query.expression import EVERYTHING
from transports.http.api.tagged_answers import Body, answer_tagged
from transports.http.framework.route import Access, Call, Route, described
from transports.http.framework.rules import Between, MaxLength, NotBlank, Pattern
from transports.http.framework.validation import echo, invalid
from transports.http.wire.filters import DESCRIPTION, EXAMPLE, Filter
from transports.http.wire.moments import Moment
from transports.http.wire.stats_answers import StatsAnswer
from transports.http.wire.stats_json import render_stats

_ZONE: Final = r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z][A-Za-z0-9_+-]*){0,2}$"
_NO_FIELDS: Final = (
    f"Input should be up to {MOST_FIELDS} fields of a span that are text, or attr.KEY or resource.KEY, with commas "
    "between, such as model,service"
)


@attrs.frozen(kw_only=True)
class StatsQuery:
    """What is counted, and how it is put together."""

    of: Subject = attrs.field(default=Subject.CALLS, metadata=described("Model calls, spans or traces", "calls"))
    group_by: Annotated[str, MaxLength(200)] | None = attrs.field(
        default=None,
        metadata=described(
            "Up to three fields of a span, attr.KEY or resource.KEY, with commas between", "model,service"
        ),
    )
    interval: Interval | None = attrs.field(
        default=None, metadata=described("Length of the buckets; without it, there are none", "1h")
    )
    tz: Annotated[str, MaxLength(64), Pattern(_ZONE)] = attrs.field(
        default="UTC", metadata=described("Time zone of the buckets, by its name in the tz database", "Europe/Berlin")
    )
    q: Filter | None = attrs.field(default=None, metadata=described(DESCRIPTION, EXAMPLE))
    from_: Moment | None = attrs.field(
        default=None, metadata=described("Only what started at this time or later", "2026-11-30T07:00:00.000Z")
    )
    to: Moment | None = attrs.field(
        default=None, metadata=described("Only what started before this time", "2026-11-30T08:00:00.000Z")
    )
    score: Annotated[str, NotBlank("Name a score"), MaxLength(MOST_NAME)] | None = attrs.field(
        default=None,
        metadata=described("Name of a score: say the mean of that, too, over the traces that are meant", "helpful"),
    )
    limit: Annotated[int, Between(1, MOST_GROUPS)] = attrs.field(
        default=50, metadata=described("Most groups to answer, largest first", 50)
    )


async def get_stats(call: Call[None, StatsQuery]) -> web.StreamResponse:
    request = _request(call.query)

    async def read(room: int) -> Body:
        return Body(content=await _sums(call.bus, attrs.evolve(request, room=room), call.query.score))

    return await answer_tagged(call, read)


async def sums_of(bus: Bus, query: StatsQuery, room: int) -> bytes:
    """What the route answers to a query, as JSON text. ``NeedsRoom`` when it takes more than ``room`` bytes."""
    return await _sums(bus, attrs.evolve(_request(query), room=room), query.score)


async def _sums(bus: Bus, request: GetStats, score: str | None) -> bytes:
    asked = attrs.evolve(request, scores=await _scores(bus, score))
    return await asyncio.to_thread(render_stats, asked, await bus.ask(asked))


async def _scores(bus: Bus, name: str | None) -> pa.Table | None:
    if name is None:
        return None
    try:
        return await bus.ask(SumScores(name=name))
    except InvalidRequest as error:
        problem = Problem(type="value_error", location=("query", "score"), message=error.detail, input=echo(name))
        raise invalid(problem) from None


def _request(query: StatsQuery) -> GetStats:
    return GetStats(
        of=query.of,
        group_by=_fields(query.group_by),
        interval=query.interval,
        zone=_zone(query.tz),
        where=EVERYTHING if query.q is None else query.q.expression,
        since=None if query.from_ is None else query.from_.unix_nano,
        until=None if query.to is None else query.to.unix_nano,
        now=time.time_ns(),
        limit=query.limit,
    )


def _fields(text: str | None) -> tuple[str, ...]:
    """The fields that are named, each once."""
    if text is None:
        return ()
    names = [name.strip() for name in text.split(",")]
    fields = tuple(dict.fromkeys(map(grouped_name, names)))
    if len(fields) > MOST_FIELDS or not all(map(is_grouped, names)):
        raise invalid(Problem(type="query_field", location=("query", "group_by"), message=_NO_FIELDS, input=echo(text)))
    return fields


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        problem = Problem(
            type="zoneinfo_str",
            location=("query", "tz"),
            message="Input should be a time zone, such as Europe/Berlin",
            input=echo(name),
        )
    raise invalid(problem)


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/observability/stats",
        handler=get_stats,
        access=Access.SESSION_OR_READ_KEY,
        query=StatsQuery,
        only_known=True,
        has_etag=True,
        answers=StatsAnswer,
        errors=(Overloaded, TooLarge),
        tag="observability",
        summary="Sum up model calls, spans or traces by groups and over time",
    ),
)
