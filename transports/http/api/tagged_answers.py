"""Answers that are whole before they are sent, with an entity tag; large ones within the budget of answers."""

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
from aiohttp import web

from transports.http.api.span_answers import SMALL, json_download, read_within_budget
from transports.http.framework.etag import is_known, not_modified, tag_of
from transports.http.framework.route import Call


@attrs.frozen(kw_only=True)
class Body:
    """The bytes of an answer."""

    content: bytes = attrs.field(repr=False)
    media_type: str = "application/json"


async def answer_tagged(call: Call[Any, Any], read: Callable[[int], Awaitable[Body]]) -> web.StreamResponse:
    """Answer what ``read`` makes within a number of bytes, or 304 where the client has it.

    ``Overloaded`` when it is large and others hold the budget for too long.
    """
    async with read_within_budget(call, read) as body:
        tag = tag_of(body.content)
        if is_known(call.request, tag):
            return not_modified({"ETag": tag})
        if len(body.content) <= SMALL:
            return _small(body, tag)
        async with json_download(call.request, (("ETag", tag),), body.media_type) as download:
            await download.write(body.content)
        return download.response


def _small(body: Body, tag: str) -> web.Response:
    charset = "utf-8" if body.media_type == "text/plain" else None
    headers = {"ETag": tag}
    return web.Response(body=body.content, content_type=body.media_type, charset=charset, headers=headers)
