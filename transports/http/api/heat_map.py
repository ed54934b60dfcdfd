"""Route of the heat map."""

import asyncio
import time
from typing import Annotated

import attrs
import orjson
from aiohttp import web

from actors.errors import Overloaded, TooLarge
from actors.span_store.asked.heat_map import MOST_COLUMNS, MOST_ROWS, GetHeatMap, HeatMap, Measured
from actors.span_store.query.expression import EVERYTHING
from transports.http.api.tagged_answers import Body, answer_tagged
from transports.http.framework.route import Access, Call, Route, described
from transports.http.framework.rules import Between
from transports.http.wire.filters import DESCRIPTION, EXAMPLE, Filter
from transports.http.wire.moments import Moment, time_text

_FROM, _TO = "2026-11-30T07:00:00.000Z", "2026-11-30T08:00:00.000Z"
_X = {"from": _FROM, "step_ns": 1800000000000, "count": 2}
_EDGES = [1000000, 31622777, 1000000001]
_Y = {"field": "duration", "edges": _EDGES}
_COUNTS, _ERRORS = [[12, 3], [9, 0]], [[0, 2], [0, 0]]


@attrs.frozen(kw_only=True)
class HeatMapQuery:
    """Which spans are meant, and how finely they are told apart."""

    q: Filter | None = attrs.field(default=None, metadata=described(DESCRIPTION, EXAMPLE))
    from_: Moment | None = attrs.field(
        default=None, metadata=described("Only what started at this time or later", _FROM)
    )
    to: Moment | None = attrs.field(default=None, metadata=described("Only what started before this time", _TO))
    y: Measured = attrs.field(
        default=Measured.DURATION,
        metadata=described("Durations of spans that ended; costs or tokens of model calls", "duration"),
    )
    columns: Annotated[int, Between(1, MOST_COLUMNS)] = attrs.field(
        default=60, metadata=described("Most columns, which are as long as each other", 60)
    )
    rows: Annotated[int, Between(1, MOST_ROWS)] = attrs.field(
        default=30, metadata=described("Most rows, each so many times as high as the one below it", 30)
    )


@attrs.frozen(kw_only=True)
class ColumnsAnswer:
    """The columns, which are stretches of time."""

    from_: str | None = attrs.field(
        metadata=described("When the first begins, UTC, nine decimals; null when there is nothing", _FROM)
        | {"format": "date-time"}
    )
    step_ns: int | None = attrs.field(
        metadata=described("How long each is, in nanoseconds; null without any", _X["step_ns"])
    )
    count: int = attrs.field(metadata=described("How many there are", 2))


@attrs.frozen(kw_only=True)
class RowsAnswer:
    """The rows, which are ranges of values."""

    field: str = attrs.field(
        metadata=described("What the values are", "duration") | {"enum": [each.value for each in Measured]}
    )
    edges: list[float] = attrs.field(
        metadata=described(
            "Nanoseconds, US dollars or tokens: where each row begins, and where the last one ends; none without any "
            "span that has a value",
            _EDGES,
        )
    )


@attrs.frozen(kw_only=True)
class HeatMapAnswer:
    """How many spans each cell has."""

    x: ColumnsAnswer = attrs.field(metadata=described("Time", _X))
    y: RowsAnswer = attrs.field(metadata=described("Values", _Y))
    counts: list[list[int]] = attrs.field(
        metadata=described("For each column a list with the spans in each row, the lowest row first", _COUNTS)
    )
    errors: list[list[int]] = attrs.field(metadata=described("Those of them whose status is error", _ERRORS))


async def get_heat_map(call: Call[None, HeatMapQuery]) -> web.StreamResponse:
    query = call.query
    request = GetHeatMap(
        y=query.y,
        columns=query.columns,
        rows=query.rows,
        where=EVERYTHING if query.q is None else query.q.expression,
        since=None if query.from_ is None else query.from_.unix_nano,
        until=None if query.to is None else query.to.unix_nano,
        now=time.time_ns(),
    )

    async def read(room: int) -> Body:
        found = await call.bus.ask(attrs.evolve(request, room=room))
        return Body(content=await asyncio.to_thread(_rendered, request, found))

    return await answer_tagged(call, read)


def _rendered(request: GetHeatMap, found: HeatMap) -> bytes:
    begin = None if found.begin is None else time_text(found.begin)
    document = {
        "x": {"from": begin, "step_ns": found.step, "count": len(found.counts)},
        "y": {"field": request.y.value, "edges": found.edges},
        "counts": found.counts,
        "errors": found.errors,
    }
    return orjson.dumps(document)


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/observability/heatmap",
        handler=get_heat_map,
        access=Access.SESSION_OR_READ_KEY,
        query=HeatMapQuery,
        only_known=True,
        has_etag=True,
        answers=HeatMapAnswer,
        errors=(Overloaded, TooLarge),
        tag="observability",
        summary="Count spans by time and by duration, cost or tokens",
    ),
)
