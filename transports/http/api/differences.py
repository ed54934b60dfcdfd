"""Route of what is different about some spans."""

import asyncio
from typing import Any

import attrs
import orjson
from aiohttp import web

from actors.errors import Overloaded, TooLarge
from actors.span_store.asked.differences import MOST_FIELDS, MOST_LOOKED_AT, MOST_VALUES, Differences, GetDifferences
from actors.span_store.query.expression import EVERYTHING
from transports.http.api.tagged_answers import Body, answer_tagged
from transports.http.framework.route import Access, Call, Route, described
from transports.http.wire.filters import DESCRIPTION, EXAMPLE, Filter
from transports.http.wire.moments import Moment

_VALUE = {"value": "2.1.0", "share": 0.92, "than_share": 0.11}
_FIELD = {"field": "version", "score": 0.71, "values": [_VALUE]}


@attrs.frozen(kw_only=True)
class DifferencesQuery:
    """Which spans are compared with which others."""

    q: Filter | None = attrs.field(default=None, metadata=described(DESCRIPTION, EXAMPLE))
    than: Filter | None = attrs.field(
        default=None,
        metadata=described("Filter of the spans that they are compared with; all others without it", "service:shop"),
    )
    from_: Moment | None = attrs.field(
        default=None, metadata=described("Only spans that started at this time or later", "2026-11-30T07:00:00.000Z")
    )
    to: Moment | None = attrs.field(
        default=None, metadata=described("Only spans that started before this time", "2026-11-30T08:00:00.000Z")
    )


@attrs.frozen(kw_only=True)
class ValueSharesAnswer:
    """A value, and how many of the spans have it."""

    value: Any = attrs.field(
        metadata=described(
            "Text, a number, true or false, or a range of numbers as a filter has it; null for spans without any",
            _VALUE["value"],
        )
    )
    share: float = attrs.field(metadata=described("Of the spans of q, from 0 to 1", _VALUE["share"]))
    than_share: float = attrs.field(metadata=described("Of the others, from 0 to 1", _VALUE["than_share"]))


@attrs.frozen(kw_only=True)
class FieldDifferenceAnswer:
    """A field that has other values on either side."""

    field: str = attrs.field(metadata=described("A field of filters, or attr.KEY, or resource.KEY", "version"))
    score: float = attrs.field(
        metadata=described("From 0, no more different than by chance, to 1, no value in common", _FIELD["score"])
    )
    values: list[ValueSharesAnswer] = attrs.field(
        metadata=described(f"Those that differ most, at most {MOST_VALUES}", [_VALUE])
    )


@attrs.frozen(kw_only=True)
class DifferencesAnswer:
    """What is different about some spans."""

    count: int = attrs.field(
        metadata=described(f"Spans of q that were looked at, at most {MOST_LOOKED_AT}, drawn from all of them", 120)
    )
    than_count: int = attrs.field(metadata=described("Spans that they were compared with, as many at most", 4800))
    fields: list[FieldDifferenceAnswer] = attrs.field(
        metadata=described(f"Those that differ most first, at most {MOST_FIELDS}", [_FIELD])
    )


async def get_differences(call: Call[None, DifferencesQuery]) -> web.StreamResponse:
    query = call.query
    request = GetDifferences(
        where=EVERYTHING if query.q is None else query.q.expression,
        than=None if query.than is None else query.than.expression,
        since=None if query.from_ is None else query.from_.unix_nano,
        until=None if query.to is None else query.to.unix_nano,
    )

    async def read(room: int) -> Body:
        found = await call.bus.ask(attrs.evolve(request, room=room))
        return Body(content=await asyncio.to_thread(_rendered, found))

    return await answer_tagged(call, read)


def _rendered(found: Differences) -> bytes:
    return orjson.dumps(attrs.asdict(found))


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/observability/differences",
        handler=get_differences,
        access=Access.SESSION_OR_READ_KEY,
        query=DifferencesQuery,
        only_known=True,
        has_etag=True,
        answers=DifferencesAnswer,
        errors=(Overloaded, TooLarge),
        tag="observability",
        summary="Find what is different about some spans, compared with others",
    ),
)
