"""Route of the Model Context Protocol, by which agents ask: see docs/mcp.md."""

import asyncio
from importlib import import_module
from typing import Any, Final

import orjson
from aiohttp import web

from actors.errors import Overloaded, Problem, TooLarge, TooSlow, UnsupportedMedia
from transports.http.framework.body import FREE_BYTES, read_body
from transports.http.framework.route import Access, Call, Route
from transports.http.framework.validation import invalid

# Loaded in a thread, when somebody asks: the official package takes half a second and 29 MB.
_SERVING: Final = "transports.http.mcp.serving"
# A filter and a statement of SQL have a few KB. The package reads messages in the event loop.
MOST_BYTES: Final = 128 * 1024
_JSON: Final = "application/json"


async def post_mcp(call: Call[None, None]) -> web.StreamResponse:
    """Answer a message of the protocol."""
    if call.request.content_type != _JSON:
        raise UnsupportedMedia(f"Messages have the content type {_JSON}")
    with call.config.otlp_budget.reserve() as room:
        body = await read_body(call.request, MOST_BYTES, room, FREE_BYTES)
        _demand_json(body)
        serving: Any = await asyncio.to_thread(import_module, _SERVING)
        response: web.StreamResponse = await serving.serve(call, body)
        return response


def _demand_json(body: bytes) -> None:
    """``InvalidRequest`` for what is no JSON in UTF-8, as for other routes, and for half of a surrogate pair."""
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        problem = Problem(
            type="json_invalid",
            location=("body", error.pos),
            message="JSON decode error",
            input={},
            context={"error": error.msg},
        )
        raise invalid(problem) from None


ROUTES = (
    Route(
        method="POST",
        path="/mcp",
        handler=post_mcp,
        access=Access.SESSION_OR_READ_OR_SQL_KEY,
        errors=(Overloaded, TooLarge, TooSlow, UnsupportedMedia),
        answers=None,
        listed=False,  # the protocol describes itself
        tag="mcp",
        summary="Answer a message of the Model Context Protocol",
    ),
)
