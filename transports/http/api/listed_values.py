"""Route of the values that a field has, for whoever writes a filter."""

import asyncio
from typing import Annotated, Any, Final

import attrs
import orjson
from aiohttp import web

from actors.errors import Overloaded, Problem, TooLarge
from actors.span_store.asked.values import LONGEST_VALUE, MOST_VALUES, ListValues, Values, is_listed
from actors.span_store.query.expression import EVERYTHING
from transports.http.api.tagged_answers import Body, answer_tagged
from transports.http.framework.route import Access, Call, Route, described
from transports.http.framework.rules import Between, MaxLength
from transports.http.framework.validation import echo, invalid
from transports.http.wire.filters import DESCRIPTION, EXAMPLE, Filter

_VALUE: Final = {"value": "gpt-4o", "count": 12}
_NOT_LISTED: Final = (
    "Input should be a field of text or numbers that is no id, a prefix (attr, resource, event), "
    "or a prefix and a key, such as attr.customer.plan"
)


@attrs.frozen(kw_only=True)
class ValuesQuery:
    """Which values are meant."""

    field: Annotated[str, MaxLength(1000)] = attrs.field(
        metadata=described("A field, or attr.KEY, resource.KEY, event.KEY; attr, resource, event for keys", "model")
    )
    q: Filter | None = attrs.field(default=None, metadata=described(DESCRIPTION, EXAMPLE))
    prefix: Annotated[str, MaxLength(LONGEST_VALUE)] = attrs.field(
        default="", metadata=described("Only values, or keys, that begin with it", "gpt")
    )
    limit: Annotated[int, Between(1, MOST_VALUES)] = attrs.field(
        default=50, metadata=described("Most values to answer, the most frequent first", 50)
    )


@attrs.frozen(kw_only=True)
class ValueAnswer:
    """A value, or a key."""

    value: Any = attrs.field(metadata=described("Text, a number, true or false", "gpt-4o"))
    count: int = attrs.field(metadata=described("How many spans have it", 12))


@attrs.frozen(kw_only=True)
class ValuesAnswer:
    """The values of a field."""

    field: str = attrs.field(metadata=described("The field that was asked for", "model"))
    values: list[ValueAnswer] = attrs.field(metadata=described("The most frequent first", [_VALUE]))
    more: bool = attrs.field(
        metadata=described("Whether there are more values, or spans that were not looked at", False)
    )


async def list_values(call: Call[None, ValuesQuery]) -> web.StreamResponse:
    query = call.query
    if not is_listed(query.field):
        raise invalid(
            Problem(type="query_field", location=("query", "field"), message=_NOT_LISTED, input=echo(query.field))
        )
    request = ListValues(
        field=query.field,
        where=EVERYTHING if query.q is None else query.q.expression,
        prefix=query.prefix,
        limit=query.limit,
    )

    async def read(room: int) -> Body:
        found = await call.bus.ask(attrs.evolve(request, room=room))
        return Body(content=await asyncio.to_thread(_rendered, query.field, found))

    return await answer_tagged(call, read)


def _rendered(field: str, found: Values) -> bytes:
    values = [{"value": each.value, "count": each.count} for each in found.values]
    return orjson.dumps({"field": field, "values": values, "more": found.more})


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/observability/values",
        handler=list_values,
        access=Access.SESSION_OR_READ_KEY,
        query=ValuesQuery,
        only_known=True,
        has_etag=True,
        answers=ValuesAnswer,
        errors=(Overloaded, TooLarge),
        tag="observability",
        summary="List the values of a field, or the keys of attributes, by how many spans have them",
    ),
)
